/**
 * esbuild plugin that removes the unused parts of Google's SDKs, which were most of a cold start: gRPC
 * (Driveway uses REST), the message classes (REST uses the protocol descriptors instead), the
 * additional clients that each client constructs, and the descriptors of messages that are never sent.
 * The code that does the work is unchanged.
 *
 * The build fails if a file listed here no longer exists: the library was restructured, and this list
 * must be reviewed. The Firestore contract suite runs against the trimmed clients.
 */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pruneProtos } from './prune-protos.mjs'

/** The Firestore methods in use, by the client's names. All of them work over REST. */
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

const emptyModule = () => 'module.exports = {}'

/** A protocol descriptor, pruned to some methods of one service. */
const prunedProtos = (service, methods) => async (path) => {
  const json = JSON.parse(await readFile(path, 'utf8'))
  const pruned = JSON.stringify(pruneProtos(json, service, methods))
  return `module.exports = JSON.parse(${JSON.stringify(pruned)})`
}

/** A client that another client constructs and never calls. The stub loads no protocol descriptor. */
const stubClient = (name) => () => `exports.${name} = class ${name} { async close() {} }`

/** The exports of google-gax that the clients use. Its own entry point loads all of gRPC. */
const restOnlyGax = () => `
  const fallback = require('./fallback')
  class GrpcClient {
    constructor() {
      // UNIMPLEMENTED: the clients do not retry it.
      const error = new Error('This build supports REST only: gRPC was removed from the client libraries')
      throw Object.assign(error, { code: 12 })
    }
  }
  module.exports = {
    ...fallback,
    fallback,
    GrpcClient,
    // Firestore's client requests these for a server on loopback; REST does not use them.
    grpc: { credentials: { createInsecure: () => undefined } },
    Status: require('./status').Status,
    decodeAnyProtosInArray: require('./util').decodeAnyProtosInArray,
    loggingUtils: require('google-logging-utils'),
  }`

const firestore = '@google-cloud/firestore/build'
const firestoreApi = '@google-cloud/firestore-api/build'
const secretManager = '@google-cloud/secret-manager/build'
const gax = 'google-gax/build'

/** The replacement of each file, by its path in node_modules. */
const replacements = {
  [`${firestoreApi}/protos/protos.json`]: prunedProtos(
    'google.firestore.v1.Firestore',
    firestoreMethods,
  ),
  [`${firestoreApi}/protos/protos.js`]: emptyModule,
  [`${firestoreApi}/src/v1/firestore_admin_client.js`]: emptyModule,
  // Only pipelines and data bundles use these classes; Driveway uses neither.
  [`${firestore}/protos/firestore_v1_proto_api.js`]: () =>
    'module.exports = { google: { firestore: { v1: {} } } }',
  // The clients use these two to distinguish pipelines from other values.
  [`${firestore}/src/pipelines/index.js`]: () => 'exports.Pipeline = class Pipeline {}',
  [`${firestore}/src/pipelines/pipeline-util.js`]: () =>
    "exports.isString = (value) => typeof value === 'string'",

  [`${secretManager}/protos/protos.json`]: prunedProtos(
    'google.cloud.secretmanager.v1.SecretManagerService',
    ['AccessSecretVersion'],
  ),
  [`${secretManager}/protos/protos.js`]: emptyModule,
  [`${secretManager}/src/v1beta2/index.js`]: emptyModule,

  [`${gax}/src/index.js`]: restOnlyGax,
  [`${gax}/src/iamService.js`]: stubClient('IamClient'),
  [`${gax}/src/locationService.js`]: stubClient('LocationsClient'),
  [`${gax}/src/operationsClient.js`]: emptyModule,
  [`${gax}/src/resumableUpload.js`]: emptyModule,
  [`${gax}/src/resumableSourceFromFile.js`]: emptyModule,
  [`${gax}/protos/operations.js`]: emptyModule,
  [`${gax}/protos/iam_service.js`]: emptyModule,
  [`${gax}/protos/locations.js`]: emptyModule,
  // Without the parser of .proto files: the descriptors are JSON.
  'protobufjs/index.js': () => "module.exports = require('./light')",
  // A polyfill for Node versions without Web Streams.
  'web-streams-polyfill/dist/ponyfill.es2018.js': emptyModule,
}

/** @returns an esbuild plugin; the build fails if one of the files to replace was not loaded */
export function trimGoogleSdks() {
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
        errors: [...missing].map((name) => ({
          text: `Cannot trim ${name}: the file was not loaded`,
        })),
      }))
    },
  }
}
