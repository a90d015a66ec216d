/** Firestore, tried for real: whether it takes what is written, and whether TTL policies clear up. */
import type { Firestore, Timestamp } from '@google-cloud/firestore'
import { randomUUID } from 'node:crypto'
import { collections } from '../../store/collections.ts'
import type { Collection } from '../../store/collections.ts'
import { guarded } from '../../store/firestore-errors.ts'

export interface FirestoreCheck {
  /** Writes a document, reads it and removes it. @throws {GatewayError} what the store refuses with */
  checkReadWrite(): Promise<void>
  /** The collections in which something is still there that expired before then (ms since 1970). */
  findExpired(before: number): Promise<string[]>
}

/** Of each collection; its ids are random, so that these stand for all. */
const sampleSize = 100

export function createFirestoreCheck(firestore: () => Promise<Firestore>): FirestoreCheck {
  return {
    async checkReadWrite() {
      const logins = (await firestore()).collection('logins' satisfies Collection)
      const document = logins.doc(`doctor-${randomUUID()}`)
      await guarded(() => document.create({ expiresAt: new Date(Date.now() + 60_000) }))
      await guarded(() => document.get())
      await guarded(() => document.delete())
    },

    async findExpired(before) {
      const store = await firestore()
      const clearing = Object.entries(collections).filter(([, field]) => field !== null)
      const found = await Promise.all(
        clearing.map(async ([name]) => {
          // Not asked for by its time, of which there is no index.
          const { docs } = await guarded(() => store.collection(name).limit(sampleSize).get())
          return docs.some((one) => isBefore(one.get('expiresAt'), before)) ? [name] : []
        }),
      )
      return found.flat()
    },
  }
}

function isBefore(time: unknown, before: number): boolean {
  const { toMillis } = (time ?? {}) as Partial<Timestamp>
  return typeof toMillis === 'function' && (time as Timestamp).toMillis() < before
}
