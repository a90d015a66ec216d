import type { DocumentReference, Firestore } from '@google-cloud/firestore'
import type { Collection } from './collections.ts'
import { GatewayError } from '../errors.ts'
import { withFirestoreDeadline } from './firestore-errors.ts'

/** Maximum number of writes per commit. */
const maxBatchWrites = 500
/** 100,000 documents. The caller can retry for more. */
const maxBatches = 200

/**
 * Deletes all documents with this value in a field.
 *
 * @param field a field path, such as `approval.sub`
 * @returns the ids of the deleted documents
 * @throws {GatewayError} as `withFirestoreDeadline()`; earlier batches stay deleted
 */
export async function deleteWhere(
  firestore: Firestore,
  collection: Collection,
  field: string,
  value: string,
): Promise<string[]> {
  const query = firestore.collection(collection).where(field, '==', value).select()
  const deleted: string[] = []
  for (let batch = 0; batch < maxBatches; batch++) {
    const { docs } = await withFirestoreDeadline(() => query.limit(maxBatchWrites).get())
    await commitDeletes(
      firestore,
      docs.map(({ ref }) => ref),
    )
    deleted.push(...docs.map(({ id }) => id))
    if (docs.length < maxBatchWrites) return deleted
  }
  throw new GatewayError(
    'store_unavailable',
    `More than ${maxBatches * maxBatchWrites} documents to delete in ${collection}`,
  )
}

/** Deletes documents by id; missing ones are ignored. */
export async function deleteDocuments(
  firestore: Firestore,
  collection: Collection,
  ids: readonly string[],
): Promise<void> {
  const documents = ids.map((id) => firestore.collection(collection).doc(id))
  for (let start = 0; start < documents.length; start += maxBatchWrites) {
    await commitDeletes(firestore, documents.slice(start, start + maxBatchWrites))
  }
}

async function commitDeletes(
  firestore: Firestore,
  documents: readonly DocumentReference[],
): Promise<void> {
  if (documents.length === 0) return
  const batch = firestore.batch()
  for (const document of documents) batch.delete(document)
  await withFirestoreDeadline(() => batch.commit())
}
