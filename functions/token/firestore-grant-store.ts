/** Grant store in Firestore: `grants/{sub}`, each refresh token sealed for its account. */
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { GatewayError } from '../errors.ts'
import { isPreconditionFailure, withFirestoreDeadline } from '../store/firestore-errors.ts'
import { toRevocation } from './revocation-reason.ts'
import type { Seal } from './sealed-values.ts'
import type { GrantRecord, GrantStore } from './grant-store.ts'

/** The stored document. Documents of earlier versions lack the optional fields. */
interface GrantDocument<Time = Date> {
  email: string
  emailVerified?: boolean
  hd?: string | null
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

export interface FirestoreGrantStoreDeps {
  firestore: () => Promise<Firestore>
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
    return withFirestoreDeadline(() => ref.update({ sealed }, precondition)).then(
      ({ writeTime }) => writeTime,
      () => updateTime,
    )
  }

  const referenceOf = async (sub: string): Promise<DocumentReference> =>
    (await firestore()).collection('grants' satisfies Collection).doc(sub)

  return {
    async find(sub) {
      const reference = await referenceOf(sub)
      const snapshot = await withFirestoreDeadline(() => reference.get())
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
    },

    async save({ refreshToken, scopes, refreshExpiresInSeconds, ...account }) {
      const { sub, email, emailVerified, hd = null } = account
      const savedAt = now()
      const token: Omit<GrantDocument, 'email' | 'updatedAt'> | undefined =
        refreshToken === undefined
          ? undefined
          : {
              scopes,
              sealed: await seal.seal(purposeOf(sub), { refreshToken }),
              grantedAt: new Date(savedAt),
              usedAt: new Date(savedAt),
              refreshExpiresAt:
                refreshExpiresInSeconds === undefined
                  ? null
                  : new Date(savedAt + refreshExpiresInSeconds * 1000),
              revocationCode: null,
              revocationCause: null,
            }
      const document = { email, emailVerified, hd, updatedAt: new Date(savedAt), ...token }
      const reference = await referenceOf(sub)
      await withFirestoreDeadline(() => reference.set(document, { merge: true }))
    },

    async markUsed({ sub, usedAt = 0, etag }) {
      if (now() - usedAt < markUsedIntervalMs) return
      try {
        await updateIfUnchanged(await referenceOf(sub), etag, { usedAt: new Date(now()) })
      } catch {
        // Only the time of last use is lost; the next use writes it.
      }
    },

    async markRevoked({ sub, etag }, { code, cause }) {
      const change = { revocationCode: code, revocationCause: cause }
      try {
        await updateIfUnchanged(await referenceOf(sub), etag, change)
      } catch (error) {
        // A newer sign-in or an erasure of the account takes precedence.
        if (!isPreconditionFailure(error)) throw error
      }
    },

    async remove(sub) {
      const reference = await referenceOf(sub)
      await withFirestoreDeadline(() => reference.delete())
    },
  }
}

async function updateIfUnchanged(
  reference: DocumentReference,
  etag: unknown,
  change: Partial<GrantDocument>,
): Promise<void> {
  await withFirestoreDeadline(() => reference.update(change, { lastUpdateTime: etag as Timestamp }))
}

/** A value that is sealed for one account cannot be opened in another account's document. */
function purposeOf(sub: string): string {
  return `refresh-token of ${sub}`
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
