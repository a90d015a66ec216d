/**
 * Generates `provider.json` from the source of the Terraform provider: for each resource type in use, its
 * attributes with their nesting, types, enum values and whether they are required. Run it again for a new
 * resource type or a new version of the provider:
 *
 *   git clone --depth=1 --branch=v8.3.0 https://github.com/hashicorp/terraform-provider-google /tmp/provider
 *   node infra/google/schema/generate.mjs /tmp/provider 8.3.0
 *
 * Types of other providers are kept as they are.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { field, parseFields, readGo, stringsIn } from './go-literals.mjs'

const [provider = '/tmp/provider', version = ''] = process.argv.slice(2)
const folder = fileURLToPath(new URL('..', import.meta.url))
const schemaFile = join(folder, 'schema/provider.json')
const byName = (a, b) => (a < b ? -1 : 1)
const iamResource = /^tpgiamresource\.Resource(IamMember|IamAuditConfig)\((\w+)/
const iamSchemas = { IamMember: 'IamMemberBaseSchema', IamAuditConfig: 'iamAuditConfigSchema' }
const primitives = { Bool: 'boolean', Float: 'number', Int: 'number', String: 'string' }

const used = new Set()
for (const file of (await readdir(folder)).filter((name) => name.endsWith('.tf'))) {
  const text = await readFile(join(folder, file), 'utf8')
  for (const [, kind, type] of text.matchAll(/^(resource|data) "(\w+)"/gm)) {
    used.add(kind === 'data' ? `data.${type}` : type)
  }
}

const packages = await readPackages(join(provider, 'google/services'))
const iam = await readGo(join(provider, 'google/tpgiamresource'))
const previous = JSON.parse(await readFile(schemaFile, 'utf8'))
const types = {}
for (const type of [...used].toSorted(byName)) {
  types[type] = type.includes('google_') ? readType(type) : previous.types[type]
  if (!types[type]) throw new Error(`No schema for ${type}`)
}
await writeFile(
  schemaFile,
  `${JSON.stringify({ google: version || previous.google, types }, null, 2)}\n`,
)

async function readPackages(services) {
  const names = await readdir(services)
  return Promise.all(names.map((name) => readGo(join(services, name))))
}

/** Finds where a type is registered, and reads the expression that creates its schema. */
function readType(type) {
  const kind = type.startsWith('data.')
    ? 'SchemaTypeDataSource'
    : type.includes('_iam_')
      ? 'SchemaTypeIAMResource'
      : 'SchemaTypeResource'
  const registration = new RegExp(
    `registry\\.Schema\\{\\s*Name:\\s*"${type.replace('data.', '')}",[^{}]*?Type:\\s*registry\\.${kind},\\s*Schema:\\s*(.*?),\\s*\\}\\.Register`,
    's',
  )
  for (const go of packages) {
    const [, expression] = registration.exec(go.text) ?? []
    if (expression !== undefined) return describe(readSchema(go, expression))
  }
  throw new Error(`The provider has no ${type}`)
}

/** @returns the fields of a schema, by name, as Go source */
function readSchema(go, expression) {
  const [, iamKind, parent] = iamResource.exec(expression) ?? []
  if (parent !== undefined) {
    return { go, fields: { ...variable(iam, iamSchemas[iamKind]), ...variable(go, parent) } }
  }
  const [, called, args] = /^(\w+)\((.*)\)$/s.exec(expression)
  const body = go.function(called)
  const call = /return (tpgiamresource\.Resource.*)\n}/s.exec(body)
  if (call) return readSchema(go, call[1].replaceAll(/\s+/g, ' ').replace('( ', '('))
  const [, source] = /DatasourceSchemaFromResourceSchema\((\w+)\(\)\.Schema\)/.exec(body) ?? []
  if (source !== undefined) {
    const { fields } = readSchema(go, `${source}()`)
    const names = (use) =>
      stringsIn(new RegExp(`Add${use}FieldsToSchema\\(\\w+, (.*?)\\)`).exec(body)?.[1] ?? '')
    const settable = { Required: names('Required'), Optional: names('Optional') }
    const inDataSource = ([name, text]) => {
      const kind = Object.keys(settable).find((key) => settable[key].includes(name)) ?? 'Computed'
      return [name, `{ Type: ${field(text, 'Type')}, ${kind}: true }`]
    }
    return { go, fields: Object.fromEntries(Object.entries(fields).map(inDataSource)) }
  }
  const [, merged, parameter] =
    /Schema:\s*tpgresource\.MergeSchemas\((\w+), (\w+)\)/.exec(body) ?? []
  if (parameter !== undefined) {
    const [argument] = args.split(',')
    return { go, fields: { ...variable(go, merged), ...variable(go, argument.trim()) } }
  }
  return {
    go,
    fields: parseFields(go.literalAfter(body, /\n\t\tSchema:\s*map\[string\]\*schema\.Schema/)),
  }
}

function variable(go, name) {
  return parseFields(
    go.literalAfter(go.text, new RegExp(`\\b${name} = map\\[string\\]\\*schema\\.Schema`)),
  )
}

/** @returns the block of a resource type and its computed attributes */
function describe({ go, fields }) {
  const { block, outputs } = readBlock(go, fields)
  return { block, outputs: [...new Set([...outputs, 'id'])].toSorted(byName) }
}

function readBlock(go, fields) {
  const block = {}
  const outputs = []
  for (const [name, source] of Object.entries(fields).toSorted(([a], [b]) => byName(a, b))) {
    const text = go.resolve(source)
    const isRequired = field(text, 'Required') === 'true'
    if (!isRequired && field(text, 'Optional') !== 'true') {
      outputs.push(name)
      continue
    }
    const values = readValues(text)
    block[name] = {
      ...readShape(go, text),
      ...(isRequired ? { required: true } : {}),
      ...(values.length > 0 ? { values } : {}),
    }
  }
  return { block, outputs }
}

function readShape(go, text) {
  const [, type] = /^schema\.Type(\w+)$/.exec(field(text, 'Type')) ?? []
  if (type === 'Map') return { type: 'map' }
  if (primitives[type]) return { type: primitives[type] }
  const element = go.resolve(field(text, 'Elem'))
  const schema = field(element, 'Schema')
  if (schema === undefined) {
    const [, elementType] = /^schema\.Type(\w+)$/.exec(field(element, 'Type')) ?? []
    return { type: `${primitives[elementType] ?? 'string'}[]` }
  }
  const { block } = readBlock(go, parseFields(schema))
  return { block, ...(field(text, 'MaxItems') === '1' ? {} : { many: true }) }
}

function readValues(text) {
  const validate = field(text, 'ValidateFunc') ?? ''
  const [, list] = /(?:ValidateEnum|StringInSlice)\(\[\]string\{(.*?)\}/s.exec(validate) ?? []
  return list === undefined ? [] : stringsIn(list).filter((value) => value !== '')
}
