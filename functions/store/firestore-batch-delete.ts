/** Removing many documents of Firestore, however many there are. */
import type { DocumentReference, Firestore } from '@google-cloud/firestore'
import type { Collection } from './collections.ts'
import { GatewayError } from '../errors.ts'
import { guarded } from './firestore-errors.ts'

/** Writes that one commit takes. */
const mostAtOnce = 500
/** A hundred thousand documents; whoever has more may ask again. */
const mostRounds = 200

/**
 * Removes whatever has this value in a field, of whatever shape it is otherwise.
 *
 * @param field may lead into a map: `grant.sub`
 * @returns the ids of what is gone
 * @throws {GatewayError} as `guarded` does; what was removed until then stays removed
 */
export async function removeWhere(
  firestore: Firestore,
  collection: Collection,
  field: string,
  value: string,
): Promise<string[]> {
  const query = firestore.collection(collection).where(field, '==', value).select()
  const removed: string[] = []
  for (let round = 0; round < mostRounds; round++) {
    const { docs } = await guarded(() => query.limit(mostAtOnce).get())
    await commitRemoval(
      firestore,
      docs.map(({ ref }) => ref),
    )
    removed.push(...docs.map(({ id }) => id))
    if (docs.length < mostAtOnce) return removed
  }
  throw new GatewayError('store_unavailable', `There is no end to these in ${collection}`)
}

/** Removes documents, those that are not there included. */
export async function removeEach(
  firestore: Firestore,
  collection: Collection,
  ids: readonly string[],
): Promise<void> {
  const documents = ids.map((id) => firestore.collection(collection).doc(id))
  for (let start = 0; start < documents.length; start += mostAtOnce) {
    await commitRemoval(firestore, documents.slice(start, start + mostAtOnce))
  }
}

async function commitRemoval(
  firestore: Firestore,
  documents: readonly DocumentReference[],
): Promise<void> {
  if (documents.length === 0) return
  const batch = firestore.batch()
  for (const document of documents) batch.delete(document)
  await guarded(() => batch.commit())
}
