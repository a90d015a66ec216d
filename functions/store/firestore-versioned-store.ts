/** Versioned records in one Firestore collection; `expiresAt` is the TTL field. */
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from './collections.ts'
import { GatewayError } from '../errors.ts'
import { withFirestoreDeadline, isPreconditionFailure } from './firestore-errors.ts'
import { deleteDocuments, deleteWhere } from './firestore-batch-delete.ts'
import type { VersionedStore, Versioned } from './versioned-store.ts'

/** @param isValue validates a document, which another version of Driveway may have written */
export function createFirestoreVersionedStore<T extends object>(
  firestore: () => Promise<Firestore>,
  collection: Collection,
  isValue: (data: Record<string, unknown>) => boolean,
): VersionedStore<T> {
  const documentFor = async (id: string): Promise<DocumentReference> =>
    (await firestore()).collection(collection).doc(id)

  /** @returns `undefined` if a concurrent write won */
  const writeIfCurrent = async (
    write: () => Promise<{ writeTime: Timestamp }>,
    value: T,
    expiresAt: number,
  ): Promise<Versioned<T> | undefined> => {
    try {
      return { value, expiresAt, etag: (await withFirestoreDeadline(write)).writeTime }
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
      const reference = await documentFor(id)
      return writeIfCurrent(() => reference.create(document), value, expiresAt)
    },

    async find(id) {
      const reference = await documentFor(id)
      return read(await withFirestoreDeadline(() => reference.get()))
    },

    async findAll(ids) {
      if (ids.length === 0) return []
      const store = await firestore()
      const references = ids.map((id) => store.collection(collection).doc(id))
      return (await withFirestoreDeadline(() => store.getAll(...references))).map(read)
    },

    async replace(id, etag, value, expiresAt) {
      const document = { ...value, expiresAt: new Date(expiresAt) }
      const lastUpdateTime = etag as Timestamp
      const reference = await documentFor(id)
      return writeIfCurrent(() => reference.update(document, { lastUpdateTime }), value, expiresAt)
    },

    async remove(id, etag) {
      const lastUpdateTime = etag as Timestamp
      const reference = await documentFor(id)
      try {
        await withFirestoreDeadline(() => reference.delete({ lastUpdateTime }))
      } catch (error) {
        if (!isPreconditionFailure(error)) throw error
      }
    },

    async removeEach(ids) {
      await deleteDocuments(await firestore(), collection, ids)
    },

    async removeWhere(field, value) {
      await deleteWhere(await firestore(), collection, field, value)
    },
  }
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof (value as Timestamp | undefined)?.toMillis === 'function'
}
