/** Commits: several writes, all applied or none. */
import { isDeepStrictEqual } from 'node:util'
import { unimplemented } from './status.ts'
import type { Document, Store } from './store.ts'
import { writeTimestamp } from './timestamp.ts'
import type { Write } from './write.ts'
import { applyWrite, checkPrecondition } from './write.ts'

/** @throws {FirestoreError} the first failed precondition; nothing is applied then */
export function commit(store: Store, writes: readonly Write[]) {
  const time = store.tick()
  const changes = new Map<string, Document | undefined>()
  const names = new Set<string>()
  for (const write of writes) {
    const { name } = write
    if (names.has(name)) throw unimplemented('several writes of one document in a commit')
    names.add(name)
    const current = store.get(name)
    checkPrecondition(write, current)
    const document = applyWrite(write, current, time)
    if (!isSame(current, document)) changes.set(name, document)
  }
  store.apply(changes)
  return {
    writeResults: writes.map(({ name }) => {
      const document = store.get(name)
      return document ? { updateTime: writeTimestamp(document.updateTime) } : {}
    }),
    commitTime: writeTimestamp(time),
  }
}

/** A write without an effect keeps the update time. */
function isSame(current: Document | undefined, next: Document | undefined): boolean {
  if (!current || !next) return current === next
  return current.createTime === next.createTime && isDeepStrictEqual(current.fields, next.fields)
}
