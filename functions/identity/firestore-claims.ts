/** Used sign-ins in Firestore: `logins/{id}`; creating a document fails for all but the first. */
import type { Firestore } from '@google-cloud/firestore'
import type { Collection } from '../collections.ts'
import { ConflictError, guarded } from '../firestore.ts'
import type { ClaimStore } from './login.ts'

/** `expiresAt` is the field of a TTL policy: a claim is kept a day longer than its sign-in lives. */
const keptMs = 24 * 60 * 60_000

export function createFirestoreClaims(firestore: () => Promise<Firestore>): ClaimStore {
  return {
    async claim(id, expiresAt) {
      const reference = (await firestore()).collection('logins' satisfies Collection).doc(id)
      try {
        await guarded(reference.create({ expiresAt: new Date(expiresAt + keptMs) }))
        return true
      } catch (error) {
        if (error instanceof ConflictError) return false
        throw error
      }
    },
  }
}
