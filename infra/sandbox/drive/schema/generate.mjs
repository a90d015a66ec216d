/**
 * Generates `drive-v3.json` from Drive's discovery document: the methods that the sandbox has, with their
 * parameters and scopes, and the fields of the resources that they exchange. Run it again for a new
 * method of the sandbox or a new version of Drive:
 *
 *   curl -o discovery.json 'https://www.googleapis.com/discovery/v1/apis/drive/v3/rest'
 *   node infra/sandbox/drive/schema/generate.mjs discovery.json
 *
 * The package google-api-python-client contains the document too:
 * `googleapiclient/discovery_cache/documents/drive.v3.json`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const methodIds = [
  'about.get',
  'changes.getStartPageToken',
  'changes.list',
  'drives.list',
  'files.copy',
  'files.create',
  'files.delete',
  'files.emptyTrash',
  'files.export',
  'files.generateIds',
  'files.get',
  'files.list',
  'files.update',
  'permissions.create',
  'permissions.delete',
  'permissions.list',
  'revisions.get',
  'revisions.list',
]
/** The scopes that the sandbox knows; the others are for the appData folder, photos and scripts. */
const scopes = [
  'drive',
  'drive.file',
  'drive.metadata',
  'drive.metadata.readonly',
  'drive.readonly',
]

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('Pass the path of the discovery document')
const { revision, parameters, resources, schemas } = JSON.parse(await readFile(path, 'utf8'))

const byName = ([a], [b]) => (a < b ? -1 : 1)
const mapValues = (object = {}, convert) =>
  Object.fromEntries(
    Object.entries(object)
      .toSorted(byName)
      .map(([name, value]) => [name, convert(value)]),
  )

/** The resources in use, in the order in which they are found. */
const usedSchemas = new Map()

/** A type as text, or the fields of an object: `string`, `User[]`, `map<string>`, `{ "id": "string" }`. */
function typeOf({ $ref, type, format, properties, additionalProperties, items }) {
  if ($ref !== undefined) {
    if (!usedSchemas.has($ref)) {
      usedSchemas.set($ref, undefined)
      usedSchemas.set($ref, schemaOf(schemas[$ref]))
    }
    return $ref
  }
  if (items !== undefined) {
    const item = typeOf(items)
    return typeof item === 'string' ? `${item}[]` : [item]
  }
  if (additionalProperties !== undefined) return `map<${typeOf(additionalProperties)}>`
  return properties === undefined ? (format ?? type) : mapValues(properties, typeOf)
}

function schemaOf({ properties }) {
  const outputOnly = Object.entries(properties)
    .filter(([, { readOnly, description }]) => readOnly || /output only/i.test(description ?? ''))
    .map(([name]) => name)
  return { fields: mapValues(properties, typeOf), outputOnly: outputOnly.toSorted() }
}

function methodOf(id) {
  const [resource, name] = id.split('.')
  const method = resources[resource].methods[name]
  const { httpMethod, path: template, request, response, supportsMediaUpload } = method
  const own = Object.entries(method.parameters ?? {}).filter(
    ([, { location }]) => location === 'query',
  )
  return {
    request: `${httpMethod} ${template}`,
    parameters: mapValues(Object.fromEntries(own), parameterOf),
    ...(request ? { body: typeOf(request) } : {}),
    ...(response ? { response: typeOf(response) } : {}),
    ...(supportsMediaUpload ? { upload: true } : {}),
    scopes: method.scopes.map((scope) => scope.split('/').at(-1)).filter((s) => scopes.includes(s)),
  }
}

function parameterOf({ type, required, minimum, maximum, enum: values }) {
  return {
    type,
    ...(required ? { required } : {}),
    ...(minimum === undefined ? {} : { minimum: Number(minimum), maximum: Number(maximum) }),
    ...(values === undefined ? {} : { values }),
  }
}

const extract = {
  revision,
  parameters: mapValues(parameters, parameterOf),
  methods: Object.fromEntries(methodIds.map((id) => [`drive.${id}`, methodOf(id)])),
  schemas: Object.fromEntries([...usedSchemas].toSorted(byName)),
}
await writeFile(
  fileURLToPath(new URL('drive-v3.json', import.meta.url)),
  `${JSON.stringify(extract)}\n`,
)
