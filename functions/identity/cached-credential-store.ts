/**
 * Caches credentials for one minute, so that a client that sends many requests costs one read a
 * minute. A revocation at another instance takes effect within that minute, a revocation at this
 * instance at once.
 */
import { createTtlCache } from '../lib/ttl-cache.ts'
import type { Credential, CredentialStore } from './credentials.ts'

const cacheTtlMs = 60_000
const maxCacheEntries = 10_000

export function createCachedCredentialStore(
  store: CredentialStore,
  now: () => number = Date.now,
): CredentialStore {
  const cache = createTtlCache<string, Credential>({
    maxEntries: maxCacheEntries,
    ttlMs: cacheTtlMs,
    now,
  })

  // Deletions before and after the write also cover a find() that runs at the same time.
  return {
    create: (credential) => store.create(credential),
    list: (sub) => store.list(sub),
    find: async (id, fresh = false) =>
      (fresh ? undefined : cache.get(id)) ?? cache.load(id, () => store.find(id)),

    async touch(id, usedAt, expiresAt) {
      await store.touch(id, usedAt, expiresAt)
      cache.delete(id)
    },

    async remove(id) {
      cache.delete(id)
      await store.remove(id)
      cache.delete(id)
    },

    async removeAll(sub) {
      const isOwned = (credential: Credential): boolean => credential.sub === sub
      cache.deleteWhere(isOwned)
      try {
        return await store.removeAll(sub)
      } finally {
        cache.deleteWhere(isOwned)
      }
    },
  }
}
