/** Single-use store in Firestore: `singleUse/{id}`. Only the first create of a document succeeds. */
import { randomBytes } from 'node:crypto'
import type { DocumentReference, Firestore } from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { ConflictError } from '../store/firestore-errors.ts'
import type { RunFirestore } from '../store/firestore-errors.ts'
import type { SingleUseStore } from './login-state.ts'

/** A document is kept one day longer than its id is valid; a TTL policy on `expiresAt` deletes it. */
const retentionMs = 24 * 60 * 60_000

export function createFirestoreSingleUseStore(firestore: RunFirestore): SingleUseStore {
  return {
    async consume(id, expiresAt) {
      const documentIn = (store: Firestore): DocumentReference =>
        store.collection('singleUse' satisfies Collection).doc(id)
      const writeId = randomBytes(16).toString('hex')
      const document = { expiresAt: new Date(expiresAt + retentionMs), writeId }
      try {
        await firestore((store) => documentIn(store).create(document))
        return true
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
        // The client retries after a lost response, and then conflicts with its own document.
        return (await firestore((store) => documentIn(store).get())).get('writeId') === writeId
      }
    },
  }
}
