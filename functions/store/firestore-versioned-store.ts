/** Versioned records in one Firestore collection; `expiresAt` is the TTL field. */
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from './collections.ts'
import { GatewayError } from '../errors.ts'
import { isPreconditionFailure } from './firestore-errors.ts'
import type { RunFirestore } from './firestore-errors.ts'
import { deleteDocuments, deleteWhere } from './firestore-batch-delete.ts'
import type { VersionedStore, Versioned } from './versioned-store.ts'

/** @param isValue validates a document, which another version of Driveway may have written */
export function createFirestoreVersionedStore<T extends object>(
  firestore: RunFirestore,
  collection: Collection,
  isValue: (data: Record<string, unknown>) => boolean,
): VersionedStore<T> {
  const documentIn = (store: Firestore, id: string): DocumentReference =>
    store.collection(collection).doc(id)

  /** @returns `undefined` if a concurrent write won */
  const writeIfCurrent = async (
    write: (store: Firestore) => Promise<{ writeTime: Timestamp }>,
    value: T,
    expiresAt: number,
  ): Promise<Versioned<T> | undefined> => {
    try {
      return { value, expiresAt, etag: (await firestore(write)).writeTime }
    } catch (error) {
      if (isPreconditionFailure(error)) return undefined
      throw error
    }
  }

  const read = (snapshot: DocumentSnapshot): Versioned<T> | undefined => {
    const data = snapshot.data()
    if (!data) return undefined
    const { expiresAt, ...value } = data
    if (!isTimestamp(expiresAt) || !isValue(value)) {
      throw new GatewayError('store_unavailable', `A document in ${collection} is malformed`)
    }
    return { value: value as T, expiresAt: expiresAt.toMillis(), etag: snapshot.updateTime }
  }

  return {
    async create(id, value, expiresAt) {
      const document = { ...value, expiresAt: new Date(expiresAt) }
      return writeIfCurrent((store) => documentIn(store, id).create(document), value, expiresAt)
    },

    async find(id) {
      return read(await firestore((store) => documentIn(store, id).get()))
    },

    async findAll(ids) {
      if (ids.length === 0) return []
      const snapshots = await firestore((store) =>
        store.getAll(...ids.map((id) => documentIn(store, id))),
      )
      return snapshots.map(read)
    },

    async replace(id, etag, value, expiresAt) {
      const document = { ...value, expiresAt: new Date(expiresAt) }
      const lastUpdateTime = etag as Timestamp
      return writeIfCurrent(
        (store) => documentIn(store, id).update(document, { lastUpdateTime }),
        value,
        expiresAt,
      )
    },

    async remove(id, etag) {
      const lastUpdateTime = etag as Timestamp
      try {
        await firestore((store) => documentIn(store, id).delete({ lastUpdateTime }))
      } catch (error) {
        if (!isPreconditionFailure(error)) throw error
      }
    },

    async removeEach(ids) {
      await deleteDocuments(firestore, collection, ids)
    },

    async removeWhere(field, value) {
      await deleteWhere(firestore, collection, field, value)
    },
  }
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof (value as Timestamp | undefined)?.toMillis === 'function'
}
