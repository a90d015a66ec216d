/** The latest changes of items, for lists that lag behind and for the changes API. */
export interface HistoryEntry<T> {
  /** Position in the history, from 1. */
  sequence: number
  time: number
  id: string
  /** The item before the change; undefined when the change created it. */
  before: T | undefined
}

export interface History<T> {
  /** @param before a copy of the item before the change; undefined when the change created it */
  record(id: string, before: T | undefined): void
  /** The sequence number of the next change. */
  next(): number
  /** The changes from a sequence number on, oldest first; undefined when some of them were deleted. */
  since(sequence: number): HistoryEntry<T>[] | undefined
  /** The items that have changed since a time, as they were then; undefined if they did not exist. */
  changedSince(time: number): Map<string, T | undefined>
}

/** Above this number, the oldest entries are deleted. */
const maxEntries = 10_000

export function createHistory<T>(now: () => number): History<T> {
  const entries: HistoryEntry<T>[] = []
  let next = 1
  return {
    record(id, before) {
      entries.push({ sequence: next++, time: now(), id, before })
      if (entries.length > maxEntries) entries.shift()
    },
    next: () => next,
    since: (sequence) =>
      sequence < (entries[0]?.sequence ?? 1)
        ? undefined
        : entries.filter((entry) => entry.sequence >= sequence),
    changedSince(time) {
      const past = new Map<string, T | undefined>()
      for (const entry of entries) {
        if (entry.time > time && !past.has(entry.id)) past.set(entry.id, entry.before)
      }
      return past
    },
  }
}
