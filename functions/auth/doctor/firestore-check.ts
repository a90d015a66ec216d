/** Checks that Firestore is writable and readable, and that TTL policies delete expired documents. */
import type { DocumentReference, Firestore, Timestamp } from '@google-cloud/firestore'
import { randomUUID } from 'node:crypto'
import { collections } from '../../store/collections.ts'
import type { Collection } from '../../store/collections.ts'
import type { RunFirestore } from '../../store/firestore-errors.ts'

export interface FirestoreCheck {
  /** Writes, reads and deletes a document. @throws {GatewayError} the error of the store */
  checkReadWrite(): Promise<void>
  /** Returns the collections that hold a document expired before `before` (ms since 1970). */
  findExpired(before: number): Promise<string[]>
}

/** Documents read per collection. Their ids are random, so the sample is representative. */
const sampleSize = 100

export function createFirestoreCheck(firestore: RunFirestore): FirestoreCheck {
  return {
    async checkReadWrite() {
      const id = `doctor-${randomUUID()}`
      const documentIn = (store: Firestore): DocumentReference =>
        store.collection('singleUse' satisfies Collection).doc(id)
      const expiresAt = new Date(Date.now() + 60_000)
      await firestore((store) => documentIn(store).create({ expiresAt }))
      await firestore((store) => documentIn(store).get())
      await firestore((store) => documentIn(store).delete())
    },

    async findExpired(before) {
      const withTtl = Object.entries(collections).filter(([, field]) => field !== null)
      const expired = await Promise.all(
        withTtl.map(async ([name]) => {
          // A query by expiry time would need an index.
          const { docs } = await firestore((store) =>
            store.collection(name).limit(sampleSize).get(),
          )
          return docs.some((doc) => isBefore(doc.get('expiresAt'), before)) ? [name] : []
        }),
      )
      return expired.flat()
    },
  }
}

function isBefore(time: unknown, before: number): boolean {
  const { toMillis } = (time ?? {}) as Partial<Timestamp>
  return typeof toMillis === 'function' && (time as Timestamp).toMillis() < before
}
