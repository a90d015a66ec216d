/** The vault in Firestore: `grants/{sub}`, each refresh token sealed for its account alone. */
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { GatewayError } from '../errors.ts'
import { guarded, hasLost } from '../store/firestore-errors.ts'
import { known } from './revocation-reason.ts'
import type { Seal } from './sealed-values.ts'
import type { Vault, VaultRecord } from './grant-store.ts'

/** As stored; what was added later may be missing. */
interface GrantDocument<Time = Date> {
  email: string
  emailVerified?: boolean
  hd?: string | null
  scopes: string[]
  /** JWE of `{ refreshToken }`. */
  sealed: string
  grantedAt?: Time
  /** Written once a day at most. */
  usedAt?: Time
  refreshExpiresAt?: Time | null
  deathCode?: string | null
  deathCause: string | null
  updatedAt: Time
}

const touchedEveryMs = 24 * 60 * 60_000

export interface FirestoreVaultParts {
  firestore: () => Promise<Firestore>
  seal: Seal
  /** Told of a record that nobody can open, which is tampering or a lost key. */
  onUnreadable?: (sub: string, how: string) => void
  now?: () => number
}

export function createFirestoreVault(parts: FirestoreVaultParts): Vault {
  const { firestore, seal, onUnreadable = () => {}, now = Date.now } = parts
  /** The record is left as it is, for whoever looks into it. */
  const unreadable = (sub: string, how: string): GatewayError => {
    onUnreadable(sub, how)
    return new GatewayError('reauth_required', `A grant ${how}`)
  }
  /** Seals again after a rotation; where that fails the old key still opens it, until another time. */
  const resealed = async (
    { id: sub, ref, updateTime }: DocumentSnapshot,
    refreshToken: string,
  ): Promise<Timestamp | undefined> => {
    const sealed = await seal.seal(purpose(sub), { refreshToken })
    const condition = updateTime === undefined ? {} : { lastUpdateTime: updateTime }
    return guarded(() => ref.update({ sealed }, condition)).then(
      ({ writeTime }) => writeTime,
      () => updateTime,
    )
  }

  const grant = async (sub: string): Promise<DocumentReference> =>
    (await firestore()).collection('grants' satisfies Collection).doc(sub)

  return {
    async find(sub) {
      const stored = await grant(sub)
      const snapshot = await guarded(() => stored.get())
      const data = snapshot.data()
      if (!data) return undefined
      if (!isGrantDocument(data)) throw unreadable(sub, 'is of another shape')
      const opened = await seal.open(purpose(sub), data.sealed)
      const refreshToken = opened?.['refreshToken']
      if (typeof refreshToken !== 'string') throw unreadable(sub, 'cannot be opened')
      const revision = (await seal.isOld(data.sealed))
        ? await resealed(snapshot, refreshToken)
        : snapshot.updateTime
      return { ...readDocument(sub, data), refreshToken, revision }
    },

    async save({ refreshToken, scopes, refreshExpiresInSeconds, ...account }) {
      const { sub, email, emailVerified, hd = null } = account
      const at = now()
      const token: Omit<GrantDocument, 'email' | 'updatedAt'> | undefined =
        refreshToken === undefined
          ? undefined
          : {
              scopes,
              sealed: await seal.seal(purpose(sub), { refreshToken }),
              grantedAt: new Date(at),
              usedAt: new Date(at),
              refreshExpiresAt:
                refreshExpiresInSeconds === undefined
                  ? null
                  : new Date(at + refreshExpiresInSeconds * 1000),
              deathCode: null,
              deathCause: null,
            }
      const document = { email, emailVerified, hd, updatedAt: new Date(at), ...token }
      const stored = await grant(sub)
      await guarded(() => stored.set(document, { merge: true }))
    },

    async touch({ sub, usedAt = 0, revision }) {
      if (now() - usedAt < touchedEveryMs) return
      try {
        await ifUnchanged(await grant(sub), revision, { usedAt: new Date(now()) })
      } catch {
        // It says only since when the token has not been used; the next use will say so too.
      }
    },

    async bury({ sub, revision }, { code, cause }) {
      try {
        await ifUnchanged(await grant(sub), revision, { deathCode: code, deathCause: cause })
      } catch (error) {
        if (!hasLost(error)) throw error // what came between is a newer sign-in, or the end of all
      }
    },

    async remove(sub) {
      const stored = await grant(sub)
      await guarded(() => stored.delete())
    },
  }
}

async function ifUnchanged(
  grant: DocumentReference,
  revision: unknown,
  change: Partial<GrantDocument>,
): Promise<void> {
  await guarded(() => grant.update(change, { lastUpdateTime: revision as Timestamp }))
}

/** Sealed for one account: in another's record it opens for nobody. */
function purpose(sub: string): string {
  return `refresh-token of ${sub}`
}

function readDocument(
  sub: string,
  data: GrantDocument<Timestamp>,
): Omit<VaultRecord, 'refreshToken' | 'revision'> {
  const { email, scopes, deathCause } = data
  return {
    sub,
    email,
    emailVerified: data.emailVerified === true,
    hd: data.hd ?? undefined,
    scopes,
    grantedAt: data.grantedAt?.toMillis(),
    usedAt: data.usedAt?.toMillis(),
    refreshExpiresAt: data.refreshExpiresAt?.toMillis(),
    death: deathCause === null ? undefined : known(data.deathCode ?? 'unknown'),
  }
}

function isGrantDocument(data: object): data is GrantDocument<Timestamp> {
  const { email, scopes, sealed, deathCause, deathCode, hd, ...others } =
    data as Partial<GrantDocument>
  return (
    typeof email === 'string' &&
    Array.isArray(scopes) &&
    scopes.every((scope) => typeof scope === 'string') &&
    typeof sealed === 'string' &&
    [deathCause, deathCode ?? null, hd ?? null].every(isTextOrNull) &&
    [others.grantedAt, others.usedAt, others.refreshExpiresAt].every(isTimeOrNone)
  )
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

function isTimeOrNone(value: unknown): boolean {
  const { toMillis } = (value ?? { toMillis: () => 0 }) as Partial<Timestamp>
  return typeof toMillis === 'function'
}
