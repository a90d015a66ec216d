/** What a method of Firestore sees of a request, and how it tells of documents. */
import type { FieldPath } from './field-path.ts'
import type { Fields } from './json.ts'
import { checkId, readParentName } from './name.ts'
import type { Document, Store } from './store.ts'
import { writeTimestamp } from './timestamp.ts'
import type { Transactions } from './transaction.ts'
import { writeFieldMap } from './value.ts'
import { readMask } from './write.ts'

export interface Call {
  store: Store
  transactions: Transactions
  /** What the address names: a document, a collection, or the root of the documents. */
  name: string
  body: unknown
  /** The query string, in the form of the body. */
  parameters: Fields
}

/** @returns the answer as JSON */
export type Method = (call: Call) => unknown

/** No mask is something else than an empty one. */
export function readOptionalMask(raw: unknown): FieldPath[] | undefined {
  return raw === undefined ? undefined : readMask(raw)
}

/** A collection's name as the parent that it hangs from, and its own id. */
export function splitCollection(name: string): { parent: string; collectionId: string } {
  const cut = name.lastIndexOf('/')
  const parent = name.slice(0, cut)
  const collectionId = name.slice(cut + 1)
  readParentName(parent)
  checkId(collectionId, 'Collection id')
  return { parent, collectionId }
}

export function writeDocument({ name, fields, createTime, updateTime }: Document) {
  return {
    name,
    ...(fields.size > 0 ? { fields: writeFieldMap(fields) } : {}),
    createTime: writeTimestamp(createTime),
    updateTime: writeTimestamp(updateTime),
  }
}
