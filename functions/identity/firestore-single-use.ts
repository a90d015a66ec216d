/** Used sign-ins in Firestore: `logins/{id}`; creating a document fails for all but the first. */
import { randomBytes } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { ConflictError, guarded } from '../store/firestore-errors.ts'
import type { ClaimStore } from './login-state.ts'

/** `expiresAt` is the field of a TTL policy: a claim is kept a day longer than its sign-in lives. */
const keptMs = 24 * 60 * 60_000

export function createFirestoreClaims(firestore: () => Promise<Firestore>): ClaimStore {
  return {
    async claim(id, expiresAt) {
      const reference = (await firestore()).collection('logins' satisfies Collection).doc(id)
      const by = randomBytes(16).toString('hex')
      try {
        await guarded(() => reference.create({ expiresAt: new Date(expiresAt + keptMs), by }))
        return true
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
        // The client tries again after a lost answer, and then meets what it has written itself.
        return (await guarded(() => reference.get())).get('by') === by
      }
    },
  }
}
