/** Credentials in Firestore: `credentials/{id}`, `expiresAt` being the field of a TTL policy. */
import type { DocumentReference, Firestore, Timestamp } from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { ConflictError, guarded } from '../store/firestore-errors.ts'
import { removeWhere } from '../store/firestore-batch-delete.ts'
import type { Credential, CredentialStore } from './credentials.ts'
import { scopes } from './principal.ts'
import type { Limits } from './principal.ts'

/** More than a person can have: tokens are counted, and sessions expire. */
const mostListed = 1_000

export function createFirestoreCredentials(firestore: () => Promise<Firestore>): CredentialStore {
  const collection = async (): Promise<ReturnType<Firestore['collection']>> =>
    (await firestore()).collection('credentials' satisfies Collection)
  const reference = async (id: string): Promise<DocumentReference> => (await collection()).doc(id)

  return {
    async create({ id, createdAt, expiresAt, ...rest }) {
      const dates = { createdAt: new Date(createdAt), expiresAt: new Date(expiresAt) }
      const document = await reference(id)
      try {
        await guarded(() => document.create({ ...rest, ...dates }))
      } catch (error) {
        // Nobody else can have this id: the write was made, its answer lost, and tried again.
        if (!(error instanceof ConflictError)) throw error
      }
    },

    async find(id) {
      const document = await reference(id)
      const data = (await guarded(() => document.get())).data()
      return data && readCredential(id, data)
    },

    async list(sub) {
      const query = (await collection()).where('sub', '==', sub).limit(mostListed)
      const { docs } = await guarded(() => query.get())
      return docs.flatMap((doc) => readCredential(doc.id, doc.data()) ?? [])
    },

    async remove(id) {
      const document = await reference(id)
      await guarded(() => document.delete())
    },

    async removeAll(sub) {
      return removeWhere(await firestore(), 'credentials', 'sub', sub)
    },
  }
}

/** A document of another shape is nobody's credential: what is not understood allows nothing. */
function readCredential(id: string, data: Record<string, unknown>): Credential | undefined {
  const { kind, sub, name, scopes: granted, folder, limits, origin, createdAt, expiresAt } = data
  if (kind !== 'session' && kind !== 'page' && kind !== 'token') return undefined
  if (typeof sub !== 'string' || !Array.isArray(granted)) return undefined
  if (!isTimestamp(createdAt) || !isTimestamp(expiresAt)) return undefined
  if (folder !== undefined && !isFolder(folder)) return undefined
  if (limits !== undefined && !isLimits(limits)) return undefined
  if (origin !== undefined && typeof origin !== 'string') return undefined
  return {
    id,
    kind,
    sub,
    name: typeof name === 'string' ? name : '',
    scopes: scopes.filter((scope) => granted.includes(scope)),
    ...(folder === undefined ? {} : { folder }),
    ...(limits === undefined ? {} : { limits }),
    ...(origin === undefined ? {} : { origin }),
    createdAt: createdAt.toMillis(),
    expiresAt: expiresAt.toMillis(),
  }
}

function isFolder(value: unknown): value is NonNullable<Credential['folder']> {
  const { id, name } = Object(value) as Record<string, unknown>
  return typeof id === 'string' && typeof name === 'string'
}

function isLimits(value: unknown): value is Limits {
  const { maxBytes = 0, maxFiles = 0 } = Object(value) as Record<string, unknown>
  return typeof maxBytes === 'number' && typeof maxFiles === 'number'
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof (value as Timestamp | undefined)?.toMillis === 'function'
}
