import type { Collection } from './collections.ts'
import { GatewayError } from '../errors.ts'
import type { RunFirestore } from './firestore-errors.ts'

/** Maximum number of writes per commit. */
const maxBatchWrites = 500
/** 100,000 documents. The caller can retry for more. */
const maxBatches = 200

/**
 * Deletes all documents with this value in a field.
 *
 * @param field a field path, such as `approval.sub`
 * @returns the ids of the deleted documents
 * @throws {GatewayError} as `RunFirestore`; earlier batches stay deleted
 */
export async function deleteWhere(
  firestore: RunFirestore,
  collection: Collection,
  field: string,
  value: string,
): Promise<string[]> {
  const deleted: string[] = []
  for (let batch = 0; batch < maxBatches; batch++) {
    const { docs } = await firestore((store) =>
      store.collection(collection).where(field, '==', value).select().limit(maxBatchWrites).get(),
    )
    const ids = docs.map(({ id }) => id)
    await deleteDocuments(firestore, collection, ids)
    deleted.push(...ids)
    if (docs.length < maxBatchWrites) return deleted
  }
  throw new GatewayError(
    'store_unavailable',
    `More than ${maxBatches * maxBatchWrites} documents to delete in ${collection}`,
  )
}

/** Deletes documents by id; missing ones are ignored. */
export async function deleteDocuments(
  firestore: RunFirestore,
  collection: Collection,
  ids: readonly string[],
): Promise<void> {
  for (let start = 0; start < ids.length; start += maxBatchWrites) {
    await firestore((store) => {
      const batch = store.batch()
      for (const id of ids.slice(start, start + maxBatchWrites)) {
        batch.delete(store.collection(collection).doc(id))
      }
      return batch.commit()
    })
  }
}
