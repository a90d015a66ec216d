/**
 * Journal of uploads that have just finished or been cancelled. Uppy persists its state twice per
 * second; without the journal, a page left in between would restore a finished upload as active.
 */
export interface FinishedJournal {
  /** @param deleteUrl the upload to delete at the gateway as well; '' for none */
  add(id: string, deleteUrl?: string): void
  has(id: string): boolean
  /** Uploads that the previous page may not have deleted. */
  readonly deleteUrls: readonly string[]
}

/**
 * @param key in `localStorage`, which is written synchronously
 * @param entryTtlMs time after which Uppy has persisted the change itself
 */
export function createFinishedJournal(key: string, entryTtlMs: number): FinishedJournal {
  const entries = new Map(JSON.parse(localStorage.getItem(key) ?? '[]') as [string, string][])
  const write = (): void => localStorage.setItem(key, JSON.stringify([...entries]))
  const expire = (ids: readonly string[]): void => {
    setTimeout(() => {
      for (const id of ids) entries.delete(id)
      write()
    }, entryTtlMs)
  }
  if (entries.size > 0) expire([...entries.keys()])
  return {
    add(id, deleteUrl = '') {
      entries.set(id, deleteUrl)
      write()
      expire([id])
    },
    has: (id) => entries.has(id),
    deleteUrls: [...entries.values()].filter((url) => url !== ''),
  }
}
