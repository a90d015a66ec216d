/** Firestore's values: read from JSON, checked, and written back without losing a digit. */
import type { Fields } from './json.ts'
import { readBytes, readDouble, readFields, readFlag, readInt64, readList } from './json.ts'
import { readDocumentName } from './name.ts'
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
  | { type: 'bytes'; value: Buffer }
  | { type: 'reference'; value: string }
  | { type: 'geoPoint'; latitude: number; longitude: number }
  | { type: 'array'; values: readonly Value[] }
  | { type: 'map'; fields: FieldMap }

const kinds = [
  'nullValue',
  'booleanValue',
  'integerValue',
  'doubleValue',
  'timestampValue',
  'stringValue',
  'bytesValue',
  'referenceValue',
  'geoPointValue',
  'arrayValue',
  'mapValue',
] as const
const pipelineKinds = [
  'fieldReferenceValue',
  'variableReferenceValue',
  'functionValue',
  'pipelineValue',
]
const depthLimit = 20
const fieldNameLimit = 1500

export function readValue(raw: unknown, where: string, depth = 0): Value {
  const set = readFields(raw, `the value of ${where}`, kinds, pipelineKinds)
  const [kind, second] = kinds.filter((one) => one in set)
  if (!kind) throw invalid(`Cannot read the value of ${where}: its type is not set`)
  if (second) throw invalid(`Cannot read the value of ${where} with both ${kind} and ${second}`)
  const given = set[kind]
  switch (kind) {
    case 'nullValue':
      return { type: 'null' }
    case 'booleanValue':
      return { type: 'boolean', value: readFlag(given, where) }
    case 'integerValue':
      return { type: 'integer', value: readInt64(given, where) }
    case 'doubleValue':
      return { type: 'double', value: readDouble(given, where) }
    case 'timestampValue':
      return { type: 'timestamp', value: readTimestamp(given, where) }
    case 'stringValue':
      return { type: 'string', value: readString(given, where) }
    case 'bytesValue':
      return { type: 'bytes', value: readBytes(given, where) }
    case 'referenceValue': {
      const name = readString(given, where)
      readDocumentName(name)
      return { type: 'reference', value: name }
    }
    case 'geoPointValue':
      return readGeoPoint(given, where)
    case 'arrayValue':
      checkDepth(depth, where)
      return { type: 'array', values: readArray(given, where, depth + 1) }
    default: {
      checkDepth(depth, where)
      const inner = readFields(given, where, ['fields'])
      return { type: 'map', fields: readFieldMap(inner['fields'], where, depth + 1) }
    }
  }
}

/** Reads `fields` of a document or of a map. */
export function readFieldMap(raw: unknown, where = '', depth = 0): FieldMap {
  if (raw === undefined) return new Map()
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw invalid(`Cannot read the fields of ${where || 'the document'}`)
  }
  const fields = new Map<string, Value>()
  for (const [name, value] of Object.entries(raw as Fields)) {
    checkFieldName(name)
    fields.set(name, readValue(value, where ? `${where}.${name}` : name, depth))
  }
  return fields
}

export function readArray(raw: unknown, where: string, depth = 0): Value[] {
  const inner = readFields(raw, where, ['values'])
  return readList(inner['values'], where).map((element, at) => {
    const value = readValue(element, `${where}[${at}]`, depth)
    if (value.type === 'array') throw invalid(`${where} holds an array directly in an array`)
    return value
  })
}

function checkDepth(depth: number, where: string): void {
  if (depth >= depthLimit) throw invalid(`${where} is nested deeper than ${depthLimit}`)
}

export function checkFieldName(name: string): void {
  if (name === '') throw invalid('A field name is the empty string')
  if (name === '__type__') throw unimplemented('typed maps such as vectors')
  if (/^__.*__$/s.test(name)) throw invalid(`Field name ${name} is reserved`)
  if (Buffer.byteLength(name) > fieldNameLimit) {
    throw invalid(`A field name is longer than ${fieldNameLimit} bytes`)
  }
}

function readString(raw: unknown, where: string): string {
  if (typeof raw === 'number' || typeof raw === 'boolean') return String(raw)
  if (typeof raw !== 'string') throw invalid(`Cannot read ${where}: not a string`)
  return raw
}

function readGeoPoint(raw: unknown, where: string): Value {
  const given = readFields(raw, where, ['latitude', 'longitude'])
  const latitude = readDouble(given['latitude'] ?? 0, where)
  const longitude = readDouble(given['longitude'] ?? 0, where)
  // Negated so that NaN is refused as well.
  if (!(Math.abs(latitude) <= 90)) throw invalid(`Latitude ${latitude} is outside -90 to 90`)
  if (!(Math.abs(longitude) <= 180)) throw invalid(`Longitude ${longitude} is outside -180 to 180`)
  return { type: 'geoPoint', latitude, longitude }
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
      return { doubleValue: writeDouble(value.value) }
    case 'timestamp':
      return { timestampValue: writeTimestamp(value.value) }
    case 'string':
      return { stringValue: value.value }
    case 'bytes':
      return { bytesValue: value.value.toString('base64') }
    case 'reference':
      return { referenceValue: value.value }
    case 'geoPoint':
      return { geoPointValue: { latitude: value.latitude, longitude: value.longitude } }
    case 'array':
      return {
        arrayValue: value.values.length === 0 ? {} : { values: value.values.map(writeValue) },
      }
    default:
      return { mapValue: value.fields.size === 0 ? {} : { fields: writeFieldMap(value.fields) } }
  }
}

/** JSON has no numbers for these three. */
function writeDouble(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

export function writeFieldMap(fields: FieldMap): Fields {
  return Object.fromEntries([...fields].map(([name, value]) => [name, writeValue(value)]))
}
