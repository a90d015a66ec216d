/** The documents of one database, in memory. */
import { performance } from 'node:perf_hooks'
import { collectionOf } from './name.ts'
import type { Micros } from './timestamp.ts'
import type { FieldMap } from './value.ts'

export interface Document {
  name: string
  fields: FieldMap
  createTime: Micros
  updateTime: Micros
}

export interface Store {
  /** The current time; strictly increasing over all calls. */
  tick(): Micros
  get(name: string): Document | undefined
  /** The documents of one collection, in no particular order. */
  collection(path: string): Document[]
  /** Applies all changes; `undefined` deletes. */
  apply(changes: ReadonlyMap<string, Document | undefined>): void
  /** Every document, in no particular order. */
  all(): Document[]
  /** Replaces all documents. */
  load(documents: readonly Document[]): void
}

/** @param onChange runs after every change */
export function createStore(onChange: () => void = () => {}): Store {
  const collections = new Map<string, Map<string, Document>>() // by path, then by document name
  let last = 0n

  const put = (document: Document): void => {
    const path = collectionOf(document.name)
    const documents = collections.get(path) ?? new Map<string, Document>()
    collections.set(path, documents)
    documents.set(document.name, document)
  }

  return {
    tick() {
      const now = BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1000))
      last = now > last ? now : last + 1n
      return last
    },
    get: (name) => collections.get(collectionOf(name))?.get(name),
    collection: (path) => [...(collections.get(path)?.values() ?? [])],
    apply(changes) {
      for (const [name, document] of changes) {
        if (document) put(document)
        else collections.get(collectionOf(name))?.delete(name)
      }
      if (changes.size > 0) onChange()
    },
    all: () => [...collections.values()].flatMap((documents) => [...documents.values()]),
    load(documents) {
      collections.clear()
      for (const document of documents) {
        if (document.updateTime > last) last = document.updateTime
        put(document)
      }
      onChange()
    },
  }
}
