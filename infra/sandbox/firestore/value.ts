/** Firestore values: parsed from JSON, validated, and serialised without losing a digit. */
import type { Fields } from './json.ts'
import { readBoolean, readDouble, readFields, readInt64, readList } from './json.ts'
import { invalid, unimplemented } from './status.ts'
import type { Micros } from './timestamp.ts'
import { readTimestamp, writeTimestamp } from './timestamp.ts'

export type FieldMap = ReadonlyMap<string, Value>

export type Value =
  | { type: 'null' }
  | { type: 'boolean'; value: boolean }
  | { type: 'integer'; value: bigint }
  | { type: 'double'; value: number }
  | { type: 'timestamp'; value: Micros }
  | { type: 'string'; value: string }
  | { type: 'array'; values: readonly Value[] }
  | { type: 'map'; fields: FieldMap }

const types = [
  'nullValue',
  'booleanValue',
  'integerValue',
  'doubleValue',
  'timestampValue',
  'stringValue',
  'arrayValue',
  'mapValue',
] as const
const unsupportedTypes = [
  'bytesValue',
  'referenceValue',
  'geoPointValue',
  'fieldReferenceValue',
  'variableReferenceValue',
  'functionValue',
  'pipelineValue',
]
const maxDepth = 20
const maxFieldNameBytes = 1500

/** @param path of the field, for messages */
export function readValue(raw: unknown, path: string, depth = 0): Value {
  const set = readFields(raw, `the value of ${path}`, types, unsupportedTypes)
  const [type, second] = types.filter((name) => name in set)
  if (!type) throw invalid(`Cannot read the value of ${path}: its type is not set`)
  if (second) throw invalid(`Cannot read the value of ${path} with both ${type} and ${second}`)
  const json = set[type]
  switch (type) {
    case 'nullValue':
      return { type: 'null' }
    case 'booleanValue':
      return { type: 'boolean', value: readBoolean(json, path) }
    case 'integerValue':
      return { type: 'integer', value: readInt64(json, path) }
    case 'doubleValue':
      return { type: 'double', value: readDouble(json, path) }
    case 'timestampValue':
      return { type: 'timestamp', value: readTimestamp(json, path) }
    case 'stringValue':
      if (typeof json !== 'string') throw invalid(`Cannot read ${path}: not a string`)
      return { type: 'string', value: json }
    case 'arrayValue':
      checkDepth(depth, path)
      return { type: 'array', values: readArray(json, path, depth + 1) }
    default: {
      checkDepth(depth, path)
      const map = readFields(json, path, ['fields'])
      return { type: 'map', fields: readFieldMap(map['fields'], path, depth + 1) }
    }
  }
}

/** Reads `fields` of a document or of a map. */
export function readFieldMap(raw: unknown, path = '', depth = 0): FieldMap {
  if (raw === undefined) return new Map()
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw invalid(`Cannot read the fields of ${path || 'the document'}`)
  }
  const fields = new Map<string, Value>()
  for (const [name, value] of Object.entries(raw as Fields)) {
    checkFieldName(name)
    fields.set(name, readValue(value, path ? `${path}.${name}` : name, depth))
  }
  return fields
}

function readArray(raw: unknown, path: string, depth: number): Value[] {
  const array = readFields(raw, path, ['values'])
  return readList(array['values'], path).map((element, index) => {
    const value = readValue(element, `${path}[${index}]`, depth)
    if (value.type === 'array') throw invalid(`${path} contains an array directly in an array`)
    return value
  })
}

function checkDepth(depth: number, path: string): void {
  if (depth >= maxDepth) throw invalid(`${path} is nested deeper than ${maxDepth}`)
}

function checkFieldName(name: string): void {
  if (name === '') throw invalid('A field name is empty')
  if (name === '__type__') throw unimplemented('typed maps such as vectors')
  if (/^__.*__$/s.test(name)) throw invalid(`Field name ${name} is reserved`)
  if (Buffer.byteLength(name) > maxFieldNameBytes) {
    throw invalid(`A field name is longer than ${maxFieldNameBytes} bytes`)
  }
}

export function writeValue(value: Value): Fields {
  switch (value.type) {
    case 'null':
      return { nullValue: null }
    case 'boolean':
      return { booleanValue: value.value }
    case 'integer':
      return { integerValue: String(value.value) }
    case 'double':
      return { doubleValue: Number.isFinite(value.value) ? value.value : String(value.value) }
    case 'timestamp':
      return { timestampValue: writeTimestamp(value.value) }
    case 'string':
      return { stringValue: value.value }
    case 'array':
      return {
        arrayValue: value.values.length === 0 ? {} : { values: value.values.map(writeValue) },
      }
    default:
      return { mapValue: value.fields.size === 0 ? {} : { fields: writeFieldMap(value.fields) } }
  }
}

export function writeFieldMap(fields: FieldMap): Fields {
  return Object.fromEntries([...fields].map(([name, value]) => [name, writeValue(value)]))
}
