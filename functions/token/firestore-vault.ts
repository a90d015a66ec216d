/** The vault in Firestore: `grants/{sub}`, each refresh token sealed for its account alone. */
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Collection } from '../collections.ts'
import { GatewayError } from '../errors.ts'
import { ConflictError, guarded } from '../firestore.ts'
import type { Seal } from './seal.ts'
import type { Vault } from './vault.ts'

/** As stored. */
interface GrantDocument {
  email: string
  scopes: string[]
  /** JWE of `{ refreshToken }`. */
  sealed: string
  deathCause: string | null
  updatedAt: Date
}

/** @param onUnreadable told of a record that nobody can open, which is tampering or a lost key */
export function createFirestoreVault(
  firestore: () => Promise<Firestore>,
  seal: Seal,
  onUnreadable: (sub: string, how: string) => void = () => {},
): Vault {
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
    return guarded(ref.update({ sealed }, condition)).then(
      ({ writeTime }) => writeTime,
      () => updateTime,
    )
  }

  const grant = async (sub: string): Promise<DocumentReference> =>
    (await firestore()).collection('grants' satisfies Collection).doc(sub)

  return {
    async find(sub) {
      const snapshot = await guarded((await grant(sub)).get())
      const data = snapshot.data()
      if (!data) return undefined
      if (!isGrantDocument(data)) throw unreadable(sub, 'is of another shape')
      const opened = await seal.open(purpose(sub), data.sealed)
      const refreshToken = opened?.['refreshToken']
      if (typeof refreshToken !== 'string') throw unreadable(sub, 'cannot be opened')
      const { email, scopes, sealed, deathCause } = data
      const revision = (await seal.isOld(sealed))
        ? await resealed(snapshot, refreshToken)
        : snapshot.updateTime
      return { sub, email, scopes, refreshToken, deathCause: deathCause ?? undefined, revision }
    },

    async save({ sub, email, scopes, refreshToken }) {
      const document: Partial<GrantDocument> = {
        email,
        scopes,
        updatedAt: new Date(),
        ...(refreshToken === undefined
          ? {}
          : { sealed: await seal.seal(purpose(sub), { refreshToken }), deathCause: null }),
      }
      await guarded((await grant(sub)).set(document, { merge: true }))
    },

    async bury({ sub, revision }, cause) {
      const lastUpdateTime = revision as Timestamp
      try {
        await guarded((await grant(sub)).update({ deathCause: cause }, { lastUpdateTime }))
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error // what came between is a newer sign-in
      }
    },

    async remove(sub) {
      await guarded((await grant(sub)).delete())
    },
  }
}

/** Sealed for one account: in another's record it opens for nobody. */
function purpose(sub: string): string {
  return `refresh-token of ${sub}`
}

function isGrantDocument(data: object): data is GrantDocument {
  const { email, scopes, sealed, deathCause } = data as Partial<GrantDocument>
  return (
    typeof email === 'string' &&
    Array.isArray(scopes) &&
    typeof sealed === 'string' &&
    (deathCause === null || typeof deathCause === 'string')
  )
}
