/**
 * Credentials as they were found a moment ago, so that a caller who sends file after file costs one
 * look into the store a minute. One that is revoked elsewhere is believed here for that minute at
 * most; one that is revoked here, not at all.
 */
import { keepRecent } from '../lib/lru.ts'
import type { Credential, CredentialStore } from './credentials.ts'

const heldMs = 60_000
const mostHeld = 10_000

export function createHeldCredentials(
  store: CredentialStore,
  now: () => number = Date.now,
): CredentialStore {
  const held = new Map<string, { credential: Credential; until: number }>() // oldest first
  /** Counts what was removed, so that a look that was under way meanwhile is not kept. */
  let removals = 0

  function hold(credential: Credential): void {
    keepRecent(held, credential.id, { credential, until: now() + heldMs }, mostHeld)
  }

  function drop(sub: string): void {
    removals++
    for (const [id, { credential }] of held) if (credential.sub === sub) held.delete(id)
  }

  return {
    create: (credential) => store.create(credential),
    list: (sub) => store.list(sub),

    async find(id) {
      const known = held.get(id)
      // A clock that was set back makes nothing last longer.
      const left = known ? known.until - now() : 0
      if (known && left > 0 && left <= heldMs) return known.credential
      const before = removals
      const credential = await store.find(id)
      if (credential && before === removals) hold(credential)
      else held.delete(id)
      return credential
    },

    async remove(id) {
      removals++
      held.delete(id)
      await store.remove(id)
      removals++
      held.delete(id)
    },

    async removeAll(sub) {
      drop(sub)
      try {
        return await store.removeAll(sub)
      } finally {
        drop(sub)
      }
    },
  }
}
