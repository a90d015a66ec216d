/** Commits: several writes that happen together or not at all. */
import { isDeepStrictEqual } from 'node:util'
import { FirestoreError, invalid } from './status.ts'
import type { Document, Store } from './store.ts'
import type { Micros } from './timestamp.ts'
import { writeTimestamp } from './timestamp.ts'
import { writeValue } from './value.ts'
import type { Value } from './value.ts'
import type { Write } from './write.ts'
import { applyWrite, checkPrecondition } from './write.ts'

export interface Committed {
  writeResults: { updateTime?: string; transformResults?: unknown[] }[]
  commitTime: string
}

/**
 * Does the writes in order, each seeing the ones before it, or throws and does none.
 *
 * @throws {FirestoreError} ALREADY_EXISTS, NOT_FOUND or FAILED_PRECONDITION of the first that fails
 */
export function commit(store: Store, writes: readonly Write[]): Committed {
  const time = store.tick()
  const requestTime = time - (time % 1000n) // Google's request time has milliseconds
  const pending = new Map<string, Document | undefined>()
  const previous = new Map<string, Write>()
  const results = writes.map((write) => {
    checkSequence(previous.get(write.name), write)
    previous.set(write.name, write)
    const before = pending.has(write.name) ? pending.get(write.name) : store.get(write.name)
    checkPrecondition(write, before)
    const { document, transformResults } = applyWrite(write, before, time, requestTime)
    pending.set(write.name, document)
    return transformResults
  })
  const changes = new Map([...pending].filter(([name, after]) => !isSame(store.get(name), after)))
  store.apply(changes, time)
  return {
    writeResults: writes.map(({ name }, at) => writeResult(store.get(name), results[at] ?? [])),
    commitTime: writeTimestamp(time),
  }
}

type Kind = 'insert' | 'update' | 'upsert' | 'delete'

function kindOf({ update, precondition }: Write): Kind {
  if (!update) return 'delete'
  if (!precondition || 'updateTime' in precondition) return 'upsert'
  return precondition.exists ? 'update' : 'insert'
}

/** Two writes of one document that can never both succeed are a mistake of the caller. */
function checkSequence(before: Write | undefined, write: Write): void {
  if (!before) return
  const first = kindOf(before)
  const then = kindOf(write)
  if (first === 'delete' ? mustExist(write) : then === 'insert') {
    throw invalid(`Cannot ${first} then ${then} an entity in the same request`)
  }
  if (versionOf(before) !== versionOf(write)) {
    throw invalid('Cannot write a document twice with different update time preconditions')
  }
}

function mustExist({ precondition }: Write): boolean {
  return precondition !== undefined && 'exists' in precondition && precondition.exists
}

function versionOf({ precondition }: Write): Micros | undefined {
  return precondition && 'updateTime' in precondition ? precondition.updateTime : undefined
}

/** A write that changes nothing is no new version: the update time stays. */
function isSame(before: Document | undefined, after: Document | undefined): boolean {
  if (!before || !after) return before === after
  return before.createTime === after.createTime && isDeepStrictEqual(before.fields, after.fields)
}

function writeResult(document: Document | undefined, transformResults: readonly Value[]) {
  return {
    ...(document ? { updateTime: writeTimestamp(document.updateTime) } : {}),
    ...(transformResults.length > 0 ? { transformResults: transformResults.map(writeValue) } : {}),
  }
}

/** Each write by itself: one that fails keeps none of the others from happening. */
export function batchWrite(store: Store, writes: readonly Write[]) {
  if (new Set(writes.map(({ name }) => name)).size < writes.length) {
    throw invalid('The same document cannot be written more than once in a single request')
  }
  const outcomes = writes.map((write) => {
    try {
      return { result: commit(store, [write]).writeResults[0] ?? {}, status: {} }
    } catch (error) {
      if (!(error instanceof FirestoreError)) throw error
      return { result: {}, status: { code: error.code, message: error.message } }
    }
  })
  return {
    writeResults: outcomes.map(({ result }) => result),
    status: outcomes.map(({ status }) => status),
  }
}
