/** Caches secrets by name. */
import { GatewayError } from '../errors.ts'
import { createSingleFlight } from '../lib/single-flight.ts'

/** Fetches the text of a secret from its store. */
export type FetchSecret = (name: string) => Promise<string>

export interface SecretCache {
  /**
   * @param forceRefresh fetches again when the cached value has proved wrong, but at most once every
   *   30 seconds
   * @throws {GatewayError} `misconfigured` or `store_unavailable`, when no usable value is cached
   */
  read(name: string, forceRefresh?: boolean): Promise<string>
}

const cacheTtlMs = 10 * 60_000
const minRefreshIntervalMs = 30_000

interface CachedSecret {
  value: string
  fetchedAt: number
}

export function createSecretCache(
  fetchSecret: FetchSecret,
  now: () => number = Date.now,
): SecretCache {
  const cache = new Map<string, CachedSecret>()
  const fetches = createSingleFlight<string, CachedSecret>()

  async function fetchAndCache(name: string): Promise<CachedSecret> {
    const entry = { value: await fetchSecret(name), fetchedAt: now() }
    cache.set(name, entry)
    return entry
  }

  return {
    async read(name, forceRefresh = false) {
      const cached = cache.get(name)
      const age = cached ? now() - cached.fetchedAt : Infinity
      if (cached && age < (forceRefresh ? minRefreshIntervalMs : cacheTtlMs)) return cached.value
      try {
        return (await fetches.run(name, () => fetchAndCache(name))).value
      } catch (error) {
        // During an outage of the store the expired value stays in use.
        if (!cached || !(error instanceof GatewayError) || !error.retryable) throw error
        // The next fetch is not before the minimum interval, so that not every read waits for one.
        cache.set(name, { ...cached, fetchedAt: now() - cacheTtlMs + minRefreshIntervalMs })
        return cached.value
      }
    },
  }
}
