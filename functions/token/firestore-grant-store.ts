/** Grant store in Firestore: `grants/{sub}`, each refresh token sealed for its account. */
import { randomBytes } from 'node:crypto'
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { GatewayError } from '../errors.ts'
import { isPreconditionFailure } from '../store/firestore-errors.ts'
import type { RunFirestore } from '../store/firestore-errors.ts'
import { toRevocation } from './revocation-reason.ts'
import type { Seal } from './sealed-values.ts'
import type { GrantRecord, GrantStore } from './grant-store.ts'

/** The stored document. Documents of earlier versions lack the optional fields. */
interface GrantDocument<Time = Date> {
  email: string
  emailVerified?: boolean
  hd?: string | null
  generation?: string
  scopes: string[]
  /** JWE of `{ refreshToken }`. */
  sealed: string
  grantedAt?: Time
  /** Written at most once a day. */
  usedAt?: Time
  refreshExpiresAt?: Time | null
  revocationCode?: string | null
  revocationCause: string | null
  updatedAt: Time
}

const markUsedIntervalMs = 24 * 60 * 60_000
const maxAttempts = 8

export interface FirestoreGrantStoreDeps {
  firestore: RunFirestore
  seal: Seal
  /** Called for a document that cannot be opened: it was tampered with, or a key is missing. */
  onUnreadable?: (sub: string, reason: string) => void
  now?: () => number
}

export function createFirestoreGrantStore(deps: FirestoreGrantStoreDeps): GrantStore {
  const { firestore, seal, onUnreadable = () => {}, now = Date.now } = deps

  /** The document stays unchanged, for an investigation. */
  const unreadable = (sub: string, reason: string): GatewayError => {
    onUnreadable(sub, reason)
    return new GatewayError('reauth_required', `The grant ${reason}`)
  }

  /** Seals again after a key rotation. If that fails, the old key still opens the grant. */
  const reseal = async (
    { id: sub, ref, updateTime }: DocumentSnapshot,
    refreshToken: string,
  ): Promise<Timestamp | undefined> => {
    const sealed = await seal.seal(purposeOf(sub), { refreshToken })
    const precondition = updateTime === undefined ? {} : { lastUpdateTime: updateTime }
    return firestore(() => ref.update({ sealed }, precondition)).then(
      ({ writeTime }) => writeTime,
      () => updateTime,
    )
  }

  const read = (sub: string): Promise<DocumentSnapshot> =>
    firestore((store) => grantIn(store, sub).get())

  const updateIfUnchanged = async (
    sub: string,
    etag: unknown,
    change: Partial<GrantDocument>,
  ): Promise<void> => {
    const lastUpdateTime = etag as Timestamp
    await firestore((store) => grantIn(store, sub).update(change, { lastUpdateTime }))
  }

  const find: GrantStore['find'] = async (sub) => {
    const snapshot = await read(sub)
    const data = snapshot.data()
    if (!data) return undefined
    if (!isGrantDocument(data)) throw unreadable(sub, 'is malformed')
    const opened = await seal.open(purposeOf(sub), data.sealed)
    const refreshToken = opened?.['refreshToken']
    if (typeof refreshToken !== 'string') throw unreadable(sub, 'cannot be opened')
    const etag = (await seal.usesOldKey(data.sealed))
      ? await reseal(snapshot, refreshToken)
      : snapshot.updateTime
    return { ...readDocument(sub, data), refreshToken, etag }
  }

  /** The fields of a new refresh token. */
  const tokenFields = async (
    sub: string,
    refreshToken: string,
    refreshExpiresInSeconds: number | undefined,
  ): Promise<Omit<GrantDocument, 'email' | 'scopes'>> => {
    const receivedAt = now()
    return {
      sealed: await seal.seal(purposeOf(sub), { refreshToken }),
      grantedAt: new Date(receivedAt),
      usedAt: new Date(receivedAt),
      refreshExpiresAt:
        refreshExpiresInSeconds === undefined
          ? null
          : new Date(receivedAt + refreshExpiresInSeconds * 1000),
      revocationCode: null,
      revocationCause: null,
      updatedAt: new Date(receivedAt),
    }
  }

  return {
    find,

    async findGeneration(sub) {
      const snapshot = await read(sub)
      return snapshot.exists ? readGeneration(snapshot.data()) : undefined
    },

    async save({ sub, email, emailVerified, hd = null, scopes, ...token }) {
      const account = { email, emailVerified, hd, updatedAt: new Date(now()) }
      const { refreshToken, refreshExpiresInSeconds } = token
      const document =
        refreshToken === undefined
          ? account
          : {
              ...account,
              scopes,
              ...(await tokenFields(sub, refreshToken, refreshExpiresInSeconds)),
            }
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const current = await read(sub)
        const isNew = !current.exists
        if (isNew && refreshToken === undefined) {
          throw new GatewayError('reauth_required', 'The grant was removed during the sign-in')
        }
        const generation = isNew
          ? randomBytes(16).toString('base64url')
          : readGeneration(current.data())
        try {
          await firestore(() =>
            isNew ? current.ref.create({ ...document, generation }) : current.ref.update(document),
          )
          return generation
        } catch (error) {
          // A concurrent sign-in has created the document, or a disconnect has deleted it.
          if (!isPreconditionFailure(error)) throw error
        }
      }
      throw new GatewayError('store_unavailable', 'The grant kept changing')
    },

    async rotate(grant, { refreshToken, refreshExpiresInSeconds }) {
      if (refreshToken === undefined) return
      const { sub, generation } = grant
      const fields = await tokenFields(sub, refreshToken, refreshExpiresInSeconds)
      let current: GrantRecord | undefined = grant
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        if (current?.generation !== generation) return
        if (current.refreshToken !== grant.refreshToken) return
        try {
          return await updateIfUnchanged(sub, current.etag, fields)
        } catch (error) {
          if (!isPreconditionFailure(error)) throw error
          current = await find(sub)
        }
      }
      throw new GatewayError('store_unavailable', 'The grant kept changing')
    },

    async markUsed({ sub, usedAt = 0, etag }) {
      if (now() - usedAt < markUsedIntervalMs) return
      try {
        await updateIfUnchanged(sub, etag, { usedAt: new Date(now()) })
      } catch {
        // Only the time of last use is lost; the next use writes it.
      }
    },

    async markRevoked({ sub, etag }, { code, cause }) {
      const change = { revocationCode: code, revocationCause: cause }
      try {
        await updateIfUnchanged(sub, etag, change)
      } catch (error) {
        // A newer sign-in or an erasure of the account takes precedence.
        if (!isPreconditionFailure(error)) throw error
      }
    },

    async remove(sub) {
      await firestore((store) => grantIn(store, sub).delete())
    },
  }
}

function grantIn(store: Firestore, sub: string): DocumentReference {
  return store.collection('grants' satisfies Collection).doc(sub)
}

/** A value that is sealed for one account cannot be opened in another account's document. */
function purposeOf(sub: string): string {
  return `refresh-token of ${sub}`
}

function readGeneration({ generation }: { generation?: unknown } = {}): string {
  return typeof generation === 'string' ? generation : ''
}

function readDocument(
  sub: string,
  data: GrantDocument<Timestamp>,
): Omit<GrantRecord, 'refreshToken' | 'etag'> {
  return {
    sub,
    email: data.email,
    emailVerified: data.emailVerified === true,
    hd: data.hd ?? undefined,
    generation: readGeneration(data),
    scopes: data.scopes,
    grantedAt: data.grantedAt?.toMillis(),
    usedAt: data.usedAt?.toMillis(),
    refreshExpiresAt: data.refreshExpiresAt?.toMillis(),
    revocation:
      data.revocationCause === null ? undefined : toRevocation(data.revocationCode ?? 'unknown'),
  }
}

function isGrantDocument(data: object): data is GrantDocument<Timestamp> {
  const { email, scopes, sealed, revocationCause, revocationCode, hd, ...others } =
    data as Partial<GrantDocument>
  return (
    typeof email === 'string' &&
    Array.isArray(scopes) &&
    scopes.every((scope) => typeof scope === 'string') &&
    typeof sealed === 'string' &&
    [revocationCause, revocationCode ?? null, hd ?? null].every(isStringOrNull) &&
    [others.grantedAt, others.usedAt, others.refreshExpiresAt].every(isTimestampOrMissing)
  )
}

function isStringOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

function isTimestampOrMissing(value: unknown): boolean {
  const { toMillis } = (value ?? { toMillis: () => 0 }) as Partial<Timestamp>
  return typeof toMillis === 'function'
}
