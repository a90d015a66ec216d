/** Queries: which documents, in which order, from where to where. */
import type { FieldPath } from './field-path.ts'
import { pathKey, pickFields } from './field-path.ts'
import type { Filter } from './filter.ts'
import {
  checkFilter,
  checkNames,
  hasFieldFilter,
  inequalityPaths,
  isNamePath,
  nameField,
  passes,
  readFieldReference,
  readFilter,
  valueAt,
} from './filter.ts'
import { readEnum, readFields, readFlag, readInt32, readList, readText } from './json.ts'
import { checkId, readParentName } from './name.ts'
import { compareText, compareValues } from './order.ts'
import { FirestoreError, invalid } from './status.ts'
import type { Document, Store } from './store.ts'
import type { Micros } from './timestamp.ts'
import type { Value } from './value.ts'
import { readValue } from './value.ts'

export interface Order {
  path: FieldPath
  direction: 'ASCENDING' | 'DESCENDING'
}

/** A place between documents: before or after all those whose order begins with the values. */
export interface Cursor {
  values: Value[]
  before: boolean
}

export interface Query {
  /** A document, or the root of a database's documents. */
  parent: string
  /** `undefined` means documents of any collection below the parent. */
  collectionId: string | undefined
  allDescendants: boolean
  where: Filter
  /** Complete: what is given, what inequalities add, and the name. */
  orderBy: Order[]
  startAt: Cursor | undefined
  endAt: Cursor | undefined
  offset: number
  limit: number
  select: readonly FieldPath[] | undefined
}

/** @throws {FirestoreError} for what Firestore refuses, and what is not known here */
export function readQuery(parent: string, raw: unknown): Query {
  const set = readFields(
    raw,
    'StructuredQuery',
    ['select', 'from', 'where', 'orderBy', 'startAt', 'endAt', 'offset', 'limit'],
    ['findNearest'],
  )
  const from = readList(set['from'], 'from')
  if (from.length > 1) throw invalid('A query has one collection selector at most')
  const selector = readFields(from[0], 'CollectionSelector', ['collectionId', 'allDescendants'])
  const collectionId = readText(selector['collectionId'], 'collectionId') || undefined
  if (collectionId !== undefined) checkId(collectionId, 'Collection id')
  const where: Filter =
    set['where'] === undefined ? { op: 'AND', filters: [] } : readFilter(set['where'])
  checkFilter(where)
  const given = readOrders(set['orderBy'])
  const query: Query = {
    parent,
    collectionId,
    allDescendants: readFlag(selector['allDescendants'], 'allDescendants'),
    where,
    orderBy: completeOrders(given, where),
    startAt: readCursor(set['startAt'], given),
    endAt: readCursor(set['endAt'], given),
    offset: readCount(set['offset'], 'offset') ?? 0,
    limit: readCount(set['limit'], 'limit') ?? Infinity,
    select: set['select'] === undefined ? undefined : readProjection(set['select']),
  }
  checkScope(query)
  return query
}

function readCount(raw: unknown, what: string): number | undefined {
  if (raw === undefined) return undefined
  const count = readInt32(raw, what)
  if (count < 0) throw invalid(`${what} is negative`)
  return count
}

function readProjection(raw: unknown): FieldPath[] {
  return readList(readFields(raw, 'Projection', ['fields'])['fields'], 'fields').map(
    readFieldReference,
  )
}

function readOrders(raw: unknown): Order[] {
  const orders = readList(raw, 'orderBy').map((item): Order => {
    const set = readFields(item, 'Order', ['field', 'direction'])
    const names = ['', 'ASCENDING', 'DESCENDING'] as const
    const direction = readEnum<Order['direction']>(set['direction'], 'direction', names)
    return { path: readFieldReference(set['field']), direction: direction ?? 'ASCENDING' }
  })
  checkOrders(orders)
  return orders
}

export function checkOrders(orders: readonly Order[]): void {
  const keys = orders.map(({ path }) => pathKey(path))
  if (new Set(keys).size < keys.length) {
    throw invalid('The order by clause cannot contain duplicate fields')
  }
  const byName = orders.findIndex(({ path }) => isNamePath(path))
  if (byName !== -1 && byName < orders.length - 1) {
    throw invalid('The order by clause cannot contain more fields after the key')
  }
}

/** Adds the fields of inequalities, by name, and the document's name, all in the last direction. */
export function completeOrders(given: readonly Order[], where: Filter): Order[] {
  const orders = [...given]
  const direction = given.at(-1)?.direction ?? 'ASCENDING'
  const implied = inequalityPaths(where)
    .filter((path) => !isNamePath(path))
    .toSorted((a, b) => compareText(a.join('.'), b.join('.')))
  for (const path of [...implied, [nameField]]) {
    if (orders.some((order) => isNamePath(order.path))) break
    if (orders.some((order) => pathKey(order.path) === pathKey(path))) continue
    orders.push({ path, direction })
  }
  return orders
}

function readCursor(raw: unknown, given: readonly Order[]): Cursor | undefined {
  if (raw === undefined) return undefined
  const set = readFields(raw, 'Cursor', ['values', 'before'])
  const values = readList(set['values'], 'values').map((value) => readValue(value, 'a cursor'))
  if (values.length > given.length) throw invalid('Cursor has too many values')
  values.forEach((value, at) => {
    const order = given[at]
    if (order && isNamePath(order.path) && value.type !== 'reference') {
      throw invalid(`Cursor value for ${nameField} must be a reference`)
    }
  })
  return { values, before: readFlag(set['before'], 'before') }
}

function checkScope(query: Query): void {
  const parent = readParentName(query.parent)
  const atRoot = parent.path.length === 0
  const { collectionId, allDescendants, where, orderBy } = query
  checkNames(where, parent.root)
  checkScan(orderBy, where)
  const byField = hasFieldFilter(where) || orderBy.some(({ path }) => !isNamePath(path))
  const grouped = collectionId === undefined ? byField : allDescendants
  if (grouped && !atRoot) {
    throw invalid('Collection group queries are only allowed at the root parent')
  }
  if (collectionId === undefined && byField) {
    throw invalid('A query without a collection can only compare and order by name')
  }
}

/** Names are only in order upwards; downwards it takes an index, and so a field that is compared. */
export function checkScan(orderBy: readonly Order[], where: Filter): void {
  const [first] = orderBy
  if (first?.direction !== 'DESCENDING' || !isNamePath(first.path) || hasFieldFilter(where)) return
  const message = 'Firestore does not support descending key scans'
  throw new FirestoreError('FAILED_PRECONDITION', message)
}

/** The documents of a query, whole, in order. */
export function findDocuments(store: Store, query: Query, at?: Micros): Document[] {
  const found = candidates(store, query, at)
    .filter((document) => passes(query.where, document))
    .filter((document) => query.orderBy.every(({ path }) => valueAt(document, path)))
    .toSorted((a, b) => compareDocuments(query.orderBy, a, b))
    .filter((document) => isInside(query, document))
  return found.slice(query.offset, query.offset + query.limit)
}

function candidates(store: Store, query: Query, at: Micros | undefined): Document[] {
  const { parent, collectionId, allDescendants } = query
  if (collectionId !== undefined && !allDescendants) {
    return store.collection(`${parent}/${collectionId}`, at)
  }
  return store
    .collections(at)
    .filter((path) => path.startsWith(`${parent}/`))
    .filter((path) => collectionId === undefined || path.endsWith(`/${collectionId}`))
    .flatMap((path) => store.collection(path, at))
}

function compareDocuments(orders: readonly Order[], a: Document, b: Document): number {
  return compareKeys(
    orders,
    orders.map(({ path }) => valueAt(a, path)),
    orders.map(({ path }) => valueAt(b, path)),
  )
}

/** Compares as many values as the second list has. */
function compareKeys(
  orders: readonly Order[],
  a: readonly (Value | undefined)[],
  b: readonly (Value | undefined)[],
): number {
  for (const [at, { direction }] of orders.entries()) {
    const left = a[at]
    const right = b[at]
    if (!left || !right) return 0
    const order = compareValues(left, right)
    if (order !== 0) return direction === 'ASCENDING' ? order : -order
  }
  return 0
}

function isInside({ orderBy, startAt, endAt }: Query, document: Document): boolean {
  const key = orderBy.map(({ path }) => valueAt(document, path))
  if (startAt) {
    const order = compareKeys(orderBy, key, startAt.values)
    if (startAt.before ? order < 0 : order <= 0) return false
  }
  if (endAt) {
    const order = compareKeys(orderBy, key, endAt.values)
    if (endAt.before ? order >= 0 : order > 0) return false
  }
  return true
}

/** Leaves of a document what a mask or a projection names. */
export function project(document: Document, mask: readonly FieldPath[] | undefined): Document {
  return mask ? { ...document, fields: pickFields(document.fields, mask) } : document
}
