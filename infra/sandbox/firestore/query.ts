/** Queries of one collection: all documents, or those whose field equals a string. */
import type { FieldPath } from './field-path.ts'
import { getField, readFieldPath } from './field-path.ts'
import { readFields, readInt64, readList, readText } from './json.ts'
import { checkId } from './name.ts'
import { invalid, unimplemented } from './status.ts'
import type { Document, Store } from './store.ts'
import type { Value } from './value.ts'
import { readValue } from './value.ts'

export interface Query {
  /** The path of the collection. */
  collection: string
  where: { path: FieldPath; value: string } | undefined
  /** Maximum number of documents; `Infinity` when the request has no limit. */
  limit: number
  /** Returns names without fields. */
  namesOnly: boolean
}

/** @param root `projects/P/databases/D/documents` */
export function readQuery(root: string, raw: unknown): Query {
  const set = readFields(
    raw,
    'StructuredQuery',
    ['select', 'from', 'where', 'limit'],
    ['orderBy', 'startAt', 'endAt', 'offset', 'findNearest'],
  )
  const from = readList(set['from'], 'from')
  if (from.length > 1) throw invalid('A query has at most one collection selector')
  const selector = readFields(from[0], 'CollectionSelector', ['collectionId'], ['allDescendants'])
  const collectionId = readText(selector['collectionId'], 'collectionId')
  if (collectionId === '') throw unimplemented('queries of all collections')
  checkId(collectionId, 'Collection id')
  return {
    collection: `${root}/${collectionId}`,
    where: set['where'] === undefined ? undefined : readFilter(set['where']),
    limit: set['limit'] === undefined ? Infinity : readLimit(set['limit']),
    namesOnly: set['select'] !== undefined && readProjection(set['select']),
  }
}

function readFilter(raw: unknown): Query['where'] {
  const set = readFields(raw, 'Filter', ['fieldFilter'], ['compositeFilter', 'unaryFilter'])
  if (set['fieldFilter'] === undefined) throw invalid('A Filter has no type')
  const filter = readFields(set['fieldFilter'], 'FieldFilter', ['op', 'field', 'value'])
  const path = readFieldReference(filter['field'])
  // Enums come by name, or by number.
  if (filter['op'] !== 'EQUAL' && filter['op'] !== 5) {
    throw unimplemented(`the operator ${JSON.stringify(filter['op'])}`)
  }
  const value: Value = readValue(filter['value'], path.join('.'))
  if (value.type !== 'string' || path[0] === '__name__') {
    throw unimplemented('filters other than a field that equals a string')
  }
  return { path, value: value.value }
}

function readFieldReference(raw: unknown): FieldPath {
  return readFieldPath(readFields(raw, 'FieldReference', ['fieldPath'])['fieldPath'])
}

function readLimit(raw: unknown): number {
  const limit = Number(readInt64(raw, 'limit'))
  if (limit < 0) throw invalid('limit is negative')
  return limit
}

function readProjection(raw: unknown): true {
  const fields = readList(readFields(raw, 'Projection', ['fields'])['fields'], 'fields')
  if (fields.some((field) => readFieldReference(field)[0] !== '__name__')) {
    throw unimplemented('projections to fields')
  }
  return true
}

/** The matching documents, ordered by name. */
export function findDocuments(store: Store, { collection, where, limit }: Query): Document[] {
  return store
    .collection(collection)
    .filter(({ fields }) => {
      if (!where) return true
      const field = getField(fields, where.path)
      return field?.type === 'string' && field.value === where.value
    })
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .slice(0, limit)
}
