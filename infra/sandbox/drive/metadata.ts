/** The file resource of a request: writable fields and their types. */
import { DriveError, badRequest, invalidParameter } from './errors.ts'
import { plainFields } from './file-json.ts'
import { findMismatch } from './schema/check-value.ts'
import { fieldsOf } from './schema/index.ts'

export interface Metadata {
  id?: string
  name?: string
  mimeType?: string
  parents?: string[]
  shortcutTo?: string
  starred?: boolean
  trashed?: boolean
  createdTime?: number
  modifiedTime?: number
  /** `null` clears an entry. */
  properties: Record<string, string | null>
  appProperties: Record<string, string | null>
  fields: Record<string, unknown>
}

const creationOnlyFields = new Set(['id', 'createdTime', 'parents', 'shortcutDetails'])
const passThroughFields = new Set<string>([...plainFields, 'originalFilename'])

/** @throws 400 for a value of the wrong type, 403 for a read-only field */
export function readMetadata(json: Record<string, unknown>, forUpdate: boolean): Metadata {
  const metadata: Metadata = { properties: {}, appProperties: {}, fields: {} }
  for (const [name, value] of Object.entries(json)) {
    if (value === undefined || value === null) continue
    if (forUpdate && creationOnlyFields.has(name)) throw notWritable(name)
    if (passThroughFields.has(name)) metadata.fields[name] = typed(name, value)
    else readField(metadata, name, value)
  }
  return metadata
}

function readField(metadata: Metadata, name: string, value: unknown): void {
  switch (name) {
    case 'kind':
      return
    case 'id':
    case 'name':
    case 'mimeType':
      metadata[name] = string(name, value)
      return
    case 'starred':
    case 'trashed':
      metadata[name] = boolean(name, value)
      return
    case 'createdTime':
    case 'modifiedTime':
      metadata[name] = time(name, value)
      return
    case 'parents':
      if (!Array.isArray(value)) throw invalidParameter(name)
      metadata.parents = value.map((parent) => string(name, parent))
      return
    case 'properties':
    case 'appProperties':
      metadata[name] = map(name, value)
      return
    case 'shortcutDetails':
      metadata.shortcutTo = string(name, (value as Record<string, unknown>)['targetId'])
      return
    default:
      throw notWritable(name)
  }
}

function notWritable(name: string): DriveError {
  const message =
    name === 'parents'
      ? 'The parents field is not directly writable in update requests. Use the addParents and removeParents parameters instead.'
      : 'The resource body includes fields which are not directly writable.'
  return new DriveError(403, 'fieldNotWritable', message, { location: name })
}

function typed(name: string, value: unknown): unknown {
  const mismatch = findMismatch(value, fieldsOf('File')?.[name] ?? 'string', name)
  if (mismatch !== undefined) throw invalidParameter(mismatch)
  return value
}

function string(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidParameter(name)
  return value
}

function boolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidParameter(name)
  return value
}

function time(name: string, value: unknown): number {
  const text = string(name, value)
  const milliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text)
    ? Date.parse(text)
    : NaN
  if (Number.isNaN(milliseconds)) throw invalidParameter(name)
  return milliseconds
}

function map(name: string, value: unknown): Record<string, string | null> {
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidParameter(name)
  const entries = Object.entries(value as Record<string, unknown>)
  return Object.fromEntries(
    entries.map(([key, entry]) => {
      if (entry === null) return [key, null]
      const text = string(name, entry)
      // A key and its value share 124 bytes of UTF-8.
      if (Buffer.byteLength(key) + Buffer.byteLength(text) > 124) {
        throw badRequest(`The ${name} entry ${key} is longer than 124 bytes`)
      }
      return [key, text]
    }),
  )
}
