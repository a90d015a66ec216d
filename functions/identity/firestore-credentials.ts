/** Credentials in Firestore: `credentials/{id}`, `expiresAt` being the field of a TTL policy. */
import type { DocumentReference, Firestore, Timestamp } from '@google-cloud/firestore'
import { guarded } from '../firestore.ts'
import type { Credential, CredentialStore } from './credential.ts'

/** As stored: hashes and dates, no secret. */
interface CredentialDocument {
  kind: Credential['kind']
  sub: string
  name: string
  createdAt: Date
  expiresAt: Date
}

export function createFirestoreCredentials(firestore: () => Promise<Firestore>): CredentialStore {
  const credential = async (id: string): Promise<DocumentReference> =>
    (await firestore()).collection('credentials').doc(id)

  return {
    async create({ id, kind, sub, name, createdAt, expiresAt }) {
      const document: CredentialDocument = {
        kind,
        sub,
        name,
        createdAt: new Date(createdAt),
        expiresAt: new Date(expiresAt),
      }
      await guarded((await credential(id)).create(document))
    },

    async find(id) {
      const data = (await guarded((await credential(id)).get())).data()
      return data && readCredential(id, data)
    },

    async remove(id) {
      await guarded((await credential(id)).delete())
    },
  }
}

/** A document of another shape is nobody's credential. */
function readCredential(id: string, data: object): Credential | undefined {
  const { kind, sub, name, createdAt, expiresAt } = data as Record<string, unknown>
  if ((kind !== 'session' && kind !== 'token') || typeof sub !== 'string') return undefined
  if (!isTimestamp(createdAt) || !isTimestamp(expiresAt)) return undefined
  return {
    id,
    kind,
    sub,
    name: typeof name === 'string' ? name : '',
    createdAt: createdAt.toMillis(),
    expiresAt: expiresAt.toMillis(),
  }
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof (value as Timestamp | undefined)?.toMillis === 'function'
}
