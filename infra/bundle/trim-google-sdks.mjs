/**
 * Google's clients without what Driveway never asks of them, which is most of them and was most of a
 * cold start: gRPC (everything here goes over REST), a class for every message (REST goes by the
 * description of the protocol instead), the clients that each client makes beside itself, and the
 * descriptions of messages that are never sent. What does the work is the libraries' own, untouched.
 *
 * A file that is named here and no longer there fails the build: then a library has been rebuilt, and
 * this has to be looked at again. The Firestore contract is tested on what comes out.
 */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { protocolOf } from './prune-protos.mjs'

/** What is asked of Firestore, by its client's name for each; all of it can go over REST. */
const firestoreMethods = [
  'BatchGetDocuments',
  'BatchWrite',
  'BeginTransaction',
  'Commit',
  'ListCollectionIds',
  'ListDocuments',
  'Rollback',
  'RunAggregationQuery',
  'RunQuery',
]

const nothing = () => 'module.exports = {}'

/** Of a description of protocols, what some methods of one service need. */
const protocol = (service, methods) => async (path) => {
  const all = JSON.parse(await readFile(path, 'utf8'))
  return `module.exports = JSON.parse(${JSON.stringify(JSON.stringify(protocolOf(all, service, methods)))})`
}

/** A client that is made beside another one and asked for nothing, not even to read its protocol. */
const idle = (name) => () => `exports.${name} = class ${name} { async close() {} }`

/** What the clients take from google-gax, whose own entry reads all of gRPC. */
const restAlone = () => `
  const fallback = require('./fallback')
  class GrpcClient {
    constructor() {
      throw new Error('Only REST is left of the client libraries in this build')
    }
  }
  module.exports = {
    ...fallback,
    fallback,
    GrpcClient,
    // Firestore's client asks for it where its server is on loopback; REST makes no use of it.
    grpc: { credentials: { createInsecure: () => undefined } },
    Status: require('./status').Status,
    decodeAnyProtosInArray: require('./util').decodeAnyProtosInArray,
    loggingUtils: require('google-logging-utils'),
  }`

const firestore = '@google-cloud/firestore/build'
const firestoreApi = '@google-cloud/firestore-api/build'
const secretManager = '@google-cloud/secret-manager/build'
const gax = 'google-gax/build'

/** What stands in for a file, by its path in node_modules. */
const replacements = {
  [`${firestoreApi}/protos/protos.json`]: protocol(
    'google.firestore.v1.Firestore',
    firestoreMethods,
  ),
  [`${firestoreApi}/protos/protos.js`]: nothing,
  [`${firestoreApi}/src/v1/firestore_admin_client.js`]: nothing,
  // Pipelines and data bundles take classes from here; neither is used.
  [`${firestore}/protos/firestore_v1_proto_api.js`]: () =>
    'module.exports = { google: { firestore: { v1: {} } } }',
  // What else of them is in use tells pipelines from other values.
  [`${firestore}/src/pipelines/index.js`]: () => 'exports.Pipeline = class Pipeline {}',
  [`${firestore}/src/pipelines/pipeline-util.js`]: () =>
    "exports.isString = (value) => typeof value === 'string'",

  [`${secretManager}/protos/protos.json`]: protocol(
    'google.cloud.secretmanager.v1.SecretManagerService',
    ['AccessSecretVersion'],
  ),
  [`${secretManager}/protos/protos.js`]: nothing,
  [`${secretManager}/src/v1beta2/index.js`]: nothing,

  [`${gax}/src/index.js`]: restAlone,
  [`${gax}/src/iamService.js`]: idle('IamClient'),
  [`${gax}/src/locationService.js`]: idle('LocationsClient'),
  [`${gax}/src/operationsClient.js`]: nothing,
  [`${gax}/src/resumableUpload.js`]: nothing,
  [`${gax}/src/resumableSourceFromFile.js`]: nothing,
  [`${gax}/protos/operations.js`]: nothing,
  [`${gax}/protos/iam_service.js`]: nothing,
  [`${gax}/protos/locations.js`]: nothing,
  // Without the reader of .proto files: descriptions come as JSON.
  'protobufjs/index.js': () => "module.exports = require('./light')",
  // For a Node without streams of its own.
  'web-streams-polyfill/dist/ponyfill.es2018.js': nothing,
}

/** @returns a plugin of esbuild's */
export function leanClients() {
  return {
    name: 'trim-google-sdks',
    setup(build) {
      const missing = new Set(Object.keys(replacements))
      build.onLoad({ filter: /node_modules/ }, async ({ path }) => {
        const name = path.replaceAll('\\', '/').split('/node_modules/').at(-1)
        if (!Object.hasOwn(replacements, name)) return undefined
        missing.delete(name)
        return { contents: await replacements[name](path), resolveDir: dirname(path), loader: 'js' }
      })
      build.onEnd(() => ({
        errors: [...missing].map((name) => ({ text: `There is no ${name} any more to make lean` })),
      }))
    },
  }
}
