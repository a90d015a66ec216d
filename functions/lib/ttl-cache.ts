/**
 * In-memory cache with a maximum number of entries, an optional TTL and an injected clock.
 *
 * The npm package `lru-cache` is not used: it adds more than 1 % to the deployed bundle (18.8 kB
 * minified), and it extends the lifetime of its entries when the clock is set back.
 */
export interface TtlCache<K, V> {
  /** @returns the value, or `undefined` for a missing or expired entry; does not change the order */
  get(key: K): V | undefined
  /** Stores a value as the newest entry and evicts the oldest entry of a full cache. */
  set(key: K, value: V): void
  /**
   * Calls `fetch` and caches its value. The value is not cached when it is `undefined`, or when any
   * entry is deleted during the call: it may be outdated then.
   *
   * @throws what `fetch` throws; the cached entry stays
   */
  load<F extends V | undefined>(key: K, fetch: () => Promise<F>): Promise<F>
  delete(key: K): void
  /** Deletes every entry whose value matches. */
  deleteWhere(matches: (value: V) => boolean): void
}

export interface TtlCacheOptions {
  maxEntries: number
  /** Milliseconds. By default entries do not expire. */
  ttlMs?: number
  /** Milliseconds since 1970. */
  now?: () => number
}

export function createTtlCache<K, V>(options: TtlCacheOptions): TtlCache<K, V> {
  const { maxEntries, ttlMs = Infinity, now = Date.now } = options
  const entries = new Map<K, { value: V; expiresAt: number }>() // oldest first
  let deletions = 0

  function set(key: K, value: V): void {
    entries.delete(key)
    entries.set(key, { value, expiresAt: ttlMs === Infinity ? Infinity : now() + ttlMs })
    if (entries.size <= maxEntries) return
    for (const oldest of entries.keys()) {
      entries.delete(oldest)
      break
    }
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined || entry.expiresAt === Infinity) return entry?.value
      const remainingMs = entry.expiresAt - now()
      // A remaining time above the TTL means that the clock was set back.
      return remainingMs > 0 && remainingMs <= ttlMs ? entry.value : undefined
    },

    set,

    async load(key, fetch) {
      const deletionsBefore = deletions
      const value = await fetch()
      if (value !== undefined && deletions === deletionsBefore) set(key, value)
      else entries.delete(key)
      return value
    },

    delete(key) {
      deletions++
      entries.delete(key)
    },

    deleteWhere(matches) {
      deletions++
      for (const [key, { value }] of entries) if (matches(value)) entries.delete(key)
    },
  }
}
