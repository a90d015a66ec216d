/**
 * Where documents are kept: each with its recent versions, so that a read-only transaction keeps
 * seeing the moment at which it began.
 */
import { performance } from 'node:perf_hooks'
import { collectionOf } from './name.ts'
import { FirestoreError, invalid } from './status.ts'
import type { Micros } from './timestamp.ts'
import type { FieldMap } from './value.ts'

export interface Document {
  name: string
  fields: FieldMap
  createTime: Micros
  updateTime: Micros
}

/** How long replaced versions can still be read. */
const retention = 300_000_000n

interface Version {
  time: Micros
  /** `undefined` when the document was deleted at that time. */
  document: Document | undefined
}

export interface Store {
  /** The time now: never the same twice, never before a time given out already. */
  tick(): Micros
  /** @param at `undefined` reads what is true now */
  get(name: string, at?: Micros): Document | undefined
  /** The documents of one collection, unordered. */
  collection(path: string, at?: Micros): Document[]
  /** The paths of the collections that hold documents now, unordered. */
  collections(at?: Micros): string[]
  /** Makes all changes at one time; `undefined` deletes. */
  apply(changes: ReadonlyMap<string, Document | undefined>, time: Micros): void
  /** Checks that a past moment can still be read. */
  checkReadTime(at: Micros): void
  /** Every document, ordered by nothing. */
  all(): Document[]
  /** Forgets everything, past versions included, and takes up these documents. */
  load(documents: readonly Document[]): void
}

/** @param changed is called after every change */
export function createStore(changed: () => void = () => {}): Store {
  const held = new Map<string, Map<string, Version[]>>() // by collection, then by name
  let replaced: { time: Micros; name: string }[] = [] // what can be dropped one day, oldest first
  let last = 0n

  function tick(): Micros {
    const now = BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1000))
    last = now > last ? now : last + 1n
    return last
  }

  function versionAt(versions: readonly Version[] | undefined, at: Micros | undefined) {
    if (at === undefined) return versions?.at(-1)?.document
    return versions?.findLast((version) => version.time <= at)?.document
  }

  function dropOld(now: Micros): void {
    const kept = replaced.findIndex((entry) => entry.time >= now - retention)
    if (kept === 0) return
    const old = kept === -1 ? replaced : replaced.slice(0, kept)
    replaced = kept === -1 ? [] : replaced.slice(kept)
    for (const { name } of old) {
      const path = collectionOf(name)
      const versions = held.get(path)?.get(name)
      if (!versions) continue
      const first = versions.findLastIndex((version) => version.time < now - retention)
      if (first > 0) versions.splice(0, first)
      if (versions.length === 1 && !versions[0]?.document) held.get(path)?.delete(name)
      if (held.get(path)?.size === 0) held.delete(path)
    }
  }

  const store: Store = {
    tick,
    get: (name, at) => versionAt(held.get(collectionOf(name))?.get(name), at),
    collection(path, at) {
      const found = [...(held.get(path)?.values() ?? [])].map((versions) => versionAt(versions, at))
      return found.filter((document) => document !== undefined)
    },
    collections(at) {
      return [...held.keys()].filter((path) => store.collection(path, at).length > 0)
    },
    apply(changes, time) {
      for (const [name, document] of changes) {
        const path = collectionOf(name)
        const names = held.get(path) ?? new Map<string, Version[]>()
        held.set(path, names)
        const versions = names.get(name) ?? []
        names.set(name, versions)
        versions.push({ time, document })
        if (versions.length > 1 || !document) replaced.push({ time, name })
      }
      dropOld(time)
      if (changes.size > 0) changed()
    },
    checkReadTime(at) {
      const now = tick()
      if (at > now) throw invalid('A read time cannot be in the future')
      if (at < now - retention) {
        throw new FirestoreError('FAILED_PRECONDITION', 'The read time is too old')
      }
    },
    all() {
      return [...held.keys()].flatMap((path) => store.collection(path))
    },
    load(documents) {
      held.clear()
      replaced = []
      for (const document of documents) {
        if (document.updateTime > last) last = document.updateTime
        store.apply(new Map([[document.name, document]]), document.updateTime)
      }
      changed()
    },
  }
  return store
}
