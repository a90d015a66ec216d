/** Records in Firestore: a collection of them, `expiresAt` being the field of a TTL policy. */
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from './collections.ts'
import { GatewayError } from '../errors.ts'
import { guarded, hasLost } from './firestore-errors.ts'
import { removeEach, removeWhere } from './firestore-batch-delete.ts'
import type { Records, Stored } from './versioned-store.ts'

/** @param isValue tells what is of this shape from what another version has written */
export function createFirestoreRecords<T extends object>(
  firestore: () => Promise<Firestore>,
  collection: Collection,
  isValue: (data: Record<string, unknown>) => boolean,
): Records<T> {
  const record = async (id: string): Promise<DocumentReference> =>
    (await firestore()).collection(collection).doc(id)

  /** @returns nothing where the write lost against another one */
  const written = async (
    write: () => Promise<{ writeTime: Timestamp }>,
    value: T,
    expiresAt: number,
  ): Promise<Stored<T> | undefined> => {
    try {
      return { value, expiresAt, revision: (await guarded(write)).writeTime }
    } catch (error) {
      if (hasLost(error)) return undefined
      throw error
    }
  }

  const read = (snapshot: DocumentSnapshot): Stored<T> | undefined => {
    const data = snapshot.data()
    if (!data) return undefined
    const { expiresAt, ...value } = data
    if (!isTimestamp(expiresAt) || !isValue(value)) {
      throw new GatewayError('store_unavailable', `A record of ${collection} has another shape`)
    }
    return { value: value as T, expiresAt: expiresAt.toMillis(), revision: snapshot.updateTime }
  }

  return {
    async create(id, value, expiresAt) {
      const document = { ...value, expiresAt: new Date(expiresAt) }
      const reference = await record(id)
      return written(() => reference.create(document), value, expiresAt)
    },

    async find(id) {
      const reference = await record(id)
      return read(await guarded(() => reference.get()))
    },

    async findAll(ids) {
      if (ids.length === 0) return []
      const store = await firestore()
      const references = ids.map((id) => store.collection(collection).doc(id))
      return (await guarded(() => store.getAll(...references))).map(read)
    },

    async replace(id, revision, value, expiresAt) {
      const document = { ...value, expiresAt: new Date(expiresAt) }
      const lastUpdateTime = revision as Timestamp
      const reference = await record(id)
      return written(() => reference.update(document, { lastUpdateTime }), value, expiresAt)
    },

    async remove(id, revision) {
      const lastUpdateTime = revision as Timestamp
      const reference = await record(id)
      try {
        await guarded(() => reference.delete({ lastUpdateTime }))
      } catch (error) {
        if (!hasLost(error)) throw error
      }
    },

    async removeEach(ids) {
      await removeEach(await firestore(), collection, ids)
    },

    async removeWhere(field, value) {
      await removeWhere(await firestore(), collection, field, value)
    },
  }
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof (value as Timestamp | undefined)?.toMillis === 'function'
}
