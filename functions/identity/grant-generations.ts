/**
 * Generations of grants. The grant of an account has a random generation, and everything that gives
 * access to the account carries the generation under which it was made. A disconnect removes the grant
 * and the next sign-in creates another generation, so that nothing from before is accepted again, not
 * even a document that was written after the disconnect.
 */
import { createTtlCache } from '../lib/ttl-cache.ts'

/** The account and the generation that a credential or a sealed value belongs to. */
export interface GrantBound {
  /** The account's subject identifier at Google. */
  sub: string
  /** Empty for a grant that an earlier version of Driveway has stored. */
  generation: string
}

/** `missing`: the account has no grant; `replaced`: it has another one. */
export type GrantState = 'current' | 'missing' | 'replaced'

export interface GrantGenerations {
  /**
   * Compares a generation with the one of the account's grant.
   *
   * @param fresh reads the store; by default the grant may have been removed up to a minute ago
   */
  compare(bound: GrantBound, fresh?: boolean): Promise<GrantState>
  /** Removes the account from the cache. */
  forget(sub: string): void
}

const cacheTtlMs = 60_000
const maxCacheEntries = 10_000

/** @param findGeneration returns `undefined` for an account without a grant */
export function createGrantGenerations(
  findGeneration: (sub: string) => Promise<string | undefined>,
  now: () => number = Date.now,
): GrantGenerations {
  const cache = createTtlCache<string, string>({
    maxEntries: maxCacheEntries,
    ttlMs: cacheTtlMs,
    now,
  })

  return {
    async compare({ sub, generation }, fresh = false) {
      if (!fresh && cache.get(sub) === generation) return 'current'
      const current = await cache.load(sub, () => findGeneration(sub))
      if (current === undefined) return 'missing'
      return current === generation ? 'current' : 'replaced'
    },
    forget: (sub) => cache.delete(sub),
  }
}
