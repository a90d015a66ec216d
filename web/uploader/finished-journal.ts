/**
 * Uploads that have just ended. The browser writes down twice a second how uploads stand; a page that
 * is left in between would find one under way again that is in Drive, or was given up.
 */
export interface Over {
  /** @param address of what is to be given up at the gateway too; '' for nothing */
  add(id: string, address?: string): void
  has(id: string): boolean
  /** What the page before may not have come to give up. */
  readonly addresses: readonly string[]
}

/**
 * @param key in `localStorage`, which is written to at once
 * @param noteMs after so many milliseconds it is written down elsewhere
 */
export function createOver(key: string, noteMs: number): Over {
  const entries = new Map(JSON.parse(localStorage.getItem(key) ?? '[]') as [string, string][])
  const write = (): void => localStorage.setItem(key, JSON.stringify([...entries]))
  const forgetLater = (ids: readonly string[]): void => {
    setTimeout(() => {
      for (const id of ids) entries.delete(id)
      write()
    }, noteMs)
  }
  if (entries.size > 0) forgetLater([...entries.keys()])
  return {
    add(id, address = '') {
      entries.set(id, address)
      write()
      forgetLater([id])
    },
    has: (id) => entries.has(id),
    addresses: [...entries.values()].filter((address) => address !== ''),
  }
}
