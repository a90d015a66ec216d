/** Listings: the documents of a collection page by page, and the collections below a document. */
import type { FieldPath } from './field-path.ts'
import { readFieldPath } from './field-path.ts'
import { valueAt } from './filter.ts'
import { readList } from './json.ts'
import { compareNames, compareText } from './order.ts'
import type { Order } from './query.ts'
import { checkOrders, checkScan, completeOrders, findDocuments } from './query.ts'
import { invalid } from './status.ts'
import type { Document, Store } from './store.ts'
import type { Micros } from './timestamp.ts'
import { readValue, writeValue } from './value.ts'

export interface Listing {
  parent: string
  collectionId: string
  pageSize: number
  pageToken: string
  orderBy: string
}

/** A page, and where the next one begins when there is one. */
export interface Page<T> {
  items: T[]
  nextPageToken: string | undefined
}

const everything = { op: 'AND' as const, filters: [] }
const documentsPageSize = 30
const idsPageSize = 300

export function listDocuments(store: Store, listing: Listing, at?: Micros): Page<Document> {
  const given = readOrderBy(listing.orderBy)
  const orderBy = completeOrders(given, everything)
  checkScan(orderBy, everything)
  const pageSize = checkPageSize(listing.pageSize) || documentsPageSize
  const found = findDocuments(
    store,
    {
      parent: listing.parent,
      collectionId: listing.collectionId,
      allDescendants: false,
      where: everything,
      orderBy,
      startAt: readPlace(listing.pageToken),
      endAt: undefined,
      offset: 0,
      limit: pageSize + 1,
      select: undefined,
    },
    at,
  )
  return cutPage(found, pageSize, (last) => orderBy.map(({ path }) => keyOf(last, path)))
}

/** The names in a collection, those included that are no documents but have some below them. */
export function listNames(store: Store, listing: Listing, at?: Micros): Page<string> {
  if (listing.orderBy) throw invalid('Cannot specify an order when show_missing is true')
  const collection = `${listing.parent}/${listing.collectionId}`
  const names = new Set(store.collection(collection, at).map(({ name }) => name))
  for (const path of store.collections(at)) {
    if (!path.startsWith(`${collection}/`)) continue
    names.add(`${collection}/${path.slice(collection.length + 1).split('/')[0]}`)
  }
  const after = readPlace(listing.pageToken)?.values[0]
  const start = after?.type === 'reference' ? after.value : ''
  const pageSize = checkPageSize(listing.pageSize) || documentsPageSize
  const left = [...names].toSorted(compareNames).filter((name) => compareNames(name, start) > 0)
  return cutPage(left, pageSize, (last) => [{ referenceValue: last }])
}

export function listCollectionIds(
  store: Store,
  parent: string,
  page: { pageSize: number; pageToken: string },
  at?: Micros,
): Page<string> {
  const ids = new Set<string>()
  for (const path of store.collections(at)) {
    if (path.startsWith(`${parent}/`)) ids.add(path.slice(parent.length + 1).split('/')[0] ?? '')
  }
  const after = readPlace(page.pageToken)?.values[0]
  const start = after?.type === 'string' ? after.value : ''
  const pageSize = checkPageSize(page.pageSize) || idsPageSize
  const left = [...ids].toSorted(compareText).filter((id) => compareText(id, start) > 0)
  return cutPage(left, pageSize, (last) => [{ stringValue: last }])
}

function cutPage<T>(found: T[], pageSize: number, keysOf: (last: T) => unknown[]): Page<T> {
  const items = found.slice(0, pageSize)
  const last = items.at(-1)
  if (found.length <= pageSize || last === undefined) return { items, nextPageToken: undefined }
  const token = Buffer.from(JSON.stringify(keysOf(last))).toString('base64url')
  return { items, nextPageToken: token }
}

function keyOf(document: Document, path: FieldPath) {
  return writeValue(valueAt(document, path) ?? { type: 'null' })
}

/** A page token is the order's values of the last document before it. */
function readPlace(pageToken: string) {
  if (pageToken === '') return undefined
  let raw: unknown
  try {
    raw = JSON.parse(Buffer.from(pageToken, 'base64url').toString())
  } catch {
    throw invalid('Invalid page token')
  }
  const values = readList(raw, 'pageToken').map((value) => readValue(value, 'pageToken'))
  return { values, before: false }
}

function checkPageSize(pageSize: number): number {
  if (pageSize < 0) throw invalid('Page size must be nonnegative')
  return pageSize
}

/** Reads `a desc, b.c`. */
function readOrderBy(text: string): Order[] {
  if (text.trim() === '') return []
  const orders = text.split(',').map((clause): Order => {
    const [path = '', direction = 'asc', ...more] = clause.trim().split(/\s+/)
    const known = /^(?:asc|desc)$/i.test(direction) && more.length === 0
    if (!known) throw invalid(`Invalid order by clause "${clause}"`)
    const descending = direction.toLowerCase() === 'desc'
    return { path: readFieldPath(path), direction: descending ? 'DESCENDING' : 'ASCENDING' }
  })
  checkOrders(orders)
  return orders
}
