/** One write of a commit: reading it, its precondition, and the document it makes. */
import type { FieldPath } from './field-path.ts'
import { getField, readFieldPath, withField, withoutField } from './field-path.ts'
import { readChoice, readFields, readFlag, readList, readText } from './json.ts'
import { readDocumentName } from './name.ts'
import { checkSize } from './size.ts'
import { FirestoreError, invalid } from './status.ts'
import type { Document } from './store.ts'
import type { Micros } from './timestamp.ts'
import { readTimestamp } from './timestamp.ts'
import type { Transform } from './transform.ts'
import { applyTransforms, readTransforms } from './transform.ts'
import type { FieldMap, Value } from './value.ts'
import { readFieldMap } from './value.ts'

export type Precondition = { exists: boolean } | { updateTime: Micros } | undefined

export interface Write {
  name: string
  precondition: Precondition
  /** What the document becomes; `undefined` deletes it. */
  update:
    | { fields: FieldMap; mask: readonly FieldPath[] | undefined; transforms: readonly Transform[] }
    | undefined
}

export function readWrite(raw: unknown): Write {
  const set = readFields(
    raw,
    'Write',
    ['update', 'delete', 'transform', 'updateMask', 'updateTransforms', 'currentDocument'],
    ['verify'],
  )
  const precondition = readPrecondition(set['currentDocument'])
  switch (readChoice(set, 'Write', ['update', 'delete', 'transform'])) {
    case undefined:
      throw invalid('A Write has no operation')
    case 'delete': {
      const name = readText(set['delete'], 'delete')
      readDocumentName(name)
      return { name, precondition, update: undefined }
    }
    case 'transform': {
      const inner = readFields(set['transform'], 'DocumentTransform', [
        'document',
        'fieldTransforms',
      ])
      const name = readText(inner['document'], 'document')
      readDocumentName(name)
      const transforms = readTransforms(inner['fieldTransforms'])
      if (transforms.length === 0) throw invalid('The list of FieldTransform is empty')
      return { name, precondition, update: { fields: new Map(), mask: [], transforms } }
    }
    default: {
      const { name, fields } = readDocument(set['update'])
      readDocumentName(name)
      const mask = set['updateMask'] === undefined ? undefined : readMask(set['updateMask'])
      const transforms = readTransforms(set['updateTransforms'])
      return { name, precondition, update: { fields, mask, transforms } }
    }
  }
}

/** Reads a Document as requests carry it: times in it are let pass and mean nothing. */
export function readDocument(raw: unknown): { name: string; fields: FieldMap } {
  const set = readFields(raw, 'Document', ['name', 'fields', 'createTime', 'updateTime'])
  return { name: readText(set['name'], 'name'), fields: readFieldMap(set['fields']) }
}

export function readMask(raw: unknown): FieldPath[] {
  const set = readFields(raw, 'DocumentMask', ['fieldPaths'])
  return readList(set['fieldPaths'], 'fieldPaths').map(readFieldPath)
}

export function readPrecondition(raw: unknown): Precondition {
  const set = readFields(raw, 'Precondition', ['exists', 'updateTime'])
  switch (readChoice(set, 'Precondition', ['exists', 'updateTime'])) {
    case 'exists':
      return { exists: readFlag(set['exists'], 'exists') }
    case 'updateTime':
      return { updateTime: readTimestamp(set['updateTime'], 'updateTime') }
    default:
      return undefined
  }
}

export function checkPrecondition(write: Write, before: Document | undefined): void {
  const { name, precondition } = write
  if (!precondition) return
  if ('updateTime' in precondition) {
    if (before?.updateTime === precondition.updateTime) return
    throw new FirestoreError(
      'FAILED_PRECONDITION',
      `The stored version (${before?.updateTime ?? 0}) does not match the required base version (${precondition.updateTime}) of ${name}`,
    )
  }
  if (precondition.exists && !before) {
    throw new FirestoreError('NOT_FOUND', `No document to update: ${name}`)
  }
  if (!precondition.exists && before) {
    throw new FirestoreError('ALREADY_EXISTS', `Document already exists: ${name}`)
  }
}

/** What a write makes of a document, and what its transforms tell the client. */
export function applyWrite(
  write: Write,
  before: Document | undefined,
  time: Micros,
  requestTime: Micros,
): { document: Document | undefined; transformResults: Value[] } {
  if (!write.update) return { document: undefined, transformResults: [] }
  const { fields, mask, transforms } = write.update
  const merged = mask ? merge(before?.fields ?? new Map(), fields, mask) : fields
  const { fields: after, results } = applyTransforms(merged, transforms, requestTime)
  const document = {
    name: write.name,
    fields: after,
    createTime: before?.createTime ?? time,
    updateTime: time,
  }
  checkSize(document.name, after)
  return { document, transformResults: results }
}

/** Each path of the mask is set to what the update has there, or deleted when it has nothing. */
function merge(before: FieldMap, update: FieldMap, mask: readonly FieldPath[]): FieldMap {
  let merged = before
  for (const path of mask) {
    const value = getField(update, path)
    merged = value ? withField(merged, path, value) : withoutField(merged, path)
  }
  return merged
}
