/** Credential store in Firestore: `credentials/{id}`, with a TTL policy on `expiresAt`. */
import type { CollectionReference, Firestore, Timestamp } from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { ConflictError, isPreconditionFailure } from '../store/firestore-errors.ts'
import type { RunFirestore } from '../store/firestore-errors.ts'
import { deleteWhere } from '../store/firestore-batch-delete.ts'
import type { Credential, CredentialStore } from './credentials.ts'
import { scopes } from './principal.ts'
import type { Limits } from './principal.ts'

/** More than an account can have: the number of tokens is limited, and sessions expire. */
const maxListed = 1_000

const credentialsIn = (store: Firestore): CollectionReference =>
  store.collection('credentials' satisfies Collection)

export function createFirestoreCredentialStore(firestore: RunFirestore): CredentialStore {
  return {
    async create({ id, createdAt, expiresAt, usedAt, ...rest }) {
      const dates = {
        createdAt: new Date(createdAt),
        expiresAt: new Date(expiresAt),
        ...(usedAt === undefined ? {} : { usedAt: new Date(usedAt) }),
      }
      try {
        await firestore((store) =>
          credentialsIn(store)
            .doc(id)
            .create({ ...rest, ...dates }),
        )
      } catch (error) {
        // The id is random, so the conflict is with our own write: the client retried it.
        if (!(error instanceof ConflictError)) throw error
      }
    },

    async find(id) {
      const data = (await firestore((store) => credentialsIn(store).doc(id).get())).data()
      return data && readCredential(id, data)
    },

    async list(sub) {
      const { docs } = await firestore((store) =>
        credentialsIn(store).where('sub', '==', sub).limit(maxListed).get(),
      )
      return docs.flatMap((doc) => readCredential(doc.id, doc.data()) ?? [])
    },

    async touch(id, usedAt, expiresAt) {
      const dates = { usedAt: new Date(usedAt), expiresAt: new Date(expiresAt) }
      try {
        await firestore((store) => credentialsIn(store).doc(id).update(dates))
      } catch (error) {
        if (!isPreconditionFailure(error)) throw error // it was removed
      }
    },

    async remove(id) {
      await firestore((store) => credentialsIn(store).doc(id).delete())
    },

    async removeAll(sub) {
      return deleteWhere(firestore, 'credentials', 'sub', sub)
    },
  }
}

/** @returns `undefined` for an invalid document, which grants no access */
function readCredential(id: string, data: Record<string, unknown>): Credential | undefined {
  const { kind, sub, generation, name, scopes: granted, folder, limits, origin } = data
  const { from, bindingHash, renewedBinding, createdAt, expiresAt, usedAt } = data
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
    generation: typeof generation === 'string' ? generation : '',
    name: typeof name === 'string' ? name : '',
    scopes: scopes.filter((scope) => granted.includes(scope)),
    ...(folder === undefined ? {} : { folder }),
    ...(limits === undefined ? {} : { limits }),
    ...(origin === undefined ? {} : { origin }),
    ...(isClient(from) ? { from } : {}),
    ...(typeof bindingHash === 'string' ? { bindingHash } : {}),
    ...(isRenewedBinding(renewedBinding) ? { renewedBinding } : {}),
    createdAt: createdAt.toMillis(),
    expiresAt: expiresAt.toMillis(),
    ...(isTimestamp(usedAt) ? { usedAt: usedAt.toMillis() } : {}),
  }
}

function isFolder(value: unknown): value is NonNullable<Credential['folder']> {
  const { id, name } = Object(value) as Record<string, unknown>
  return typeof id === 'string' && typeof name === 'string'
}

function isClient(value: unknown): value is NonNullable<Credential['from']> {
  const { address, userAgent } = Object(value) as Record<string, unknown>
  return typeof address === 'string' && typeof userAgent === 'string'
}

function isRenewedBinding(value: unknown): value is NonNullable<Credential['renewedBinding']> {
  const { hash, renewedAt } = Object(value) as Record<string, unknown>
  return typeof hash === 'string' && typeof renewedAt === 'number'
}

function isLimits(value: unknown): value is Limits {
  const { maxBytes = 0, maxFiles = 0 } = Object(value) as Record<string, unknown>
  return typeof maxBytes === 'number' && typeof maxFiles === 'number'
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof (value as Timestamp | undefined)?.toMillis === 'function'
}
