/** One write of a commit: parsing, its precondition, and the resulting document. */
import type { FieldPath } from './field-path.ts'
import { getField, readFieldPath, withField, withoutField } from './field-path.ts'
import { readBoolean, readChoice, readFields, readList, readText } from './json.ts'
import { readDocumentName } from './name.ts'
import { checkSize } from './size.ts'
import { FirestoreError, invalid } from './status.ts'
import type { Document } from './store.ts'
import type { Micros } from './timestamp.ts'
import { readTimestamp } from './timestamp.ts'
import type { FieldMap } from './value.ts'
import { readFieldMap } from './value.ts'

type Precondition = { exists: boolean } | { updateTime: Micros } | undefined

export interface Write {
  name: string
  precondition: Precondition
  /** The new content; `undefined` deletes the document. */
  update: { fields: FieldMap; mask: readonly FieldPath[] | undefined } | undefined
}

export function readWrite(raw: unknown): Write {
  const set = readFields(
    raw,
    'Write',
    ['update', 'delete', 'updateMask', 'currentDocument'],
    ['verify', 'transform', 'updateTransforms'],
  )
  const precondition = readPrecondition(set['currentDocument'])
  const operation = readChoice(set, 'Write', ['update', 'delete'])
  if (operation === undefined) throw invalid('A Write has no operation')
  if (operation === 'delete') {
    const name = readText(set['delete'], 'delete')
    readDocumentName(name)
    return { name, precondition, update: undefined }
  }
  // Requests may contain times, which have no effect.
  const document = readFields(set['update'], 'Document', [
    'name',
    'fields',
    'createTime',
    'updateTime',
  ])
  const name = readText(document['name'], 'name')
  readDocumentName(name)
  const fields = readFieldMap(document['fields'])
  // A missing mask replaces the document; an empty one changes no field.
  const mask = set['updateMask'] === undefined ? undefined : readMask(set['updateMask'])
  return { name, precondition, update: { fields, mask } }
}

function readMask(raw: unknown): FieldPath[] {
  const set = readFields(raw, 'DocumentMask', ['fieldPaths'])
  return readList(set['fieldPaths'], 'fieldPaths').map(readFieldPath)
}

function readPrecondition(raw: unknown): Precondition {
  const set = readFields(raw, 'Precondition', ['exists', 'updateTime'])
  switch (readChoice(set, 'Precondition', ['exists', 'updateTime'])) {
    case 'exists':
      return { exists: readBoolean(set['exists'], 'exists') }
    case 'updateTime':
      return { updateTime: readTimestamp(set['updateTime'], 'updateTime') }
    default:
      return undefined
  }
}

/** @throws {FirestoreError} ALREADY_EXISTS, NOT_FOUND or FAILED_PRECONDITION */
export function checkPrecondition(write: Write, current: Document | undefined): void {
  const { name, precondition } = write
  if (!precondition) return
  if ('updateTime' in precondition) {
    if (current?.updateTime === precondition.updateTime) return
    throw new FirestoreError(
      'FAILED_PRECONDITION',
      `The stored version (${current?.updateTime ?? 0}) does not match the required base version (${precondition.updateTime}) of ${name}`,
    )
  }
  if (precondition.exists && !current) {
    throw new FirestoreError('NOT_FOUND', `No document to update: ${name}`)
  }
  if (!precondition.exists && current) {
    throw new FirestoreError('ALREADY_EXISTS', `Document already exists: ${name}`)
  }
}

/** @returns the document after the write; `undefined` when it is deleted */
export function applyWrite(
  { name, update }: Write,
  current: Document | undefined,
  time: Micros,
): Document | undefined {
  if (!update) return undefined
  const fields = update.mask
    ? merge(current?.fields ?? new Map(), update.fields, update.mask)
    : update.fields
  checkSize(name, fields)
  return { name, fields, createTime: current?.createTime ?? time, updateTime: time }
}

/** Sets each path of the mask to the value of the update, or deletes it when there is none. */
function merge(current: FieldMap, update: FieldMap, mask: readonly FieldPath[]): FieldMap {
  let merged = current
  for (const path of mask) {
    const value = getField(update, path)
    merged = value ? withField(merged, path, value) : withoutField(merged, path)
  }
  return merged
}
