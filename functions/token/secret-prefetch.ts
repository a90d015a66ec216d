import type { GrantStore } from './grant-store.ts'

/**
 * Prefetches the secrets that a token refresh needs whenever a grant is read: on a new instance the
 * grant and each secret are one request to Google each.
 */
export function withSecretPrefetch(
  grants: GrantStore,
  readSecret: (name: string) => Promise<unknown>,
  names: readonly string[],
): GrantStore {
  return {
    ...grants,
    find(sub) {
      // The caller that needs the secret gets the error.
      for (const name of names) readSecret(name).catch(() => {})
      return grants.find(sub)
    },
  }
}
