/** Interface of the store of OAuth grants: one grant per account, with its refresh token. */
import type { Revocation } from './revocation-reason.ts'

/** The grant of a sign-in. */
export interface NewGrant {
  sub: string
  email: string
  /** Whether Google has verified the address. */
  emailVerified: boolean
  /** The account's Workspace domain. */
  hd: string | undefined
  /** The scopes of the refresh token. */
  scopes: string[]
  refreshToken: string | undefined
  /** Lifetime of the refresh token, if Google returns it. */
  refreshExpiresInSeconds: number | undefined
}

/** A stored grant with its opened refresh token. Times are milliseconds since 1970. */
export interface GrantRecord extends Omit<NewGrant, 'refreshExpiresInSeconds'> {
  refreshToken: string
  grantedAt: number | undefined
  /** The last successful use of the refresh token, up to one day too early. */
  usedAt: number | undefined
  refreshExpiresAt: number | undefined
  /** Set once Google has revoked the grant. */
  revocation: Revocation | undefined
  /** Random value of this grant; another one after a disconnect. Empty in records of earlier versions. */
  generation: string
  /** Version of the record, as the store names it. */
  etag: unknown
}

/** What Google returns when it replaces a refresh token. */
export type RotatedToken = Pick<NewGrant, 'refreshToken' | 'refreshExpiresInSeconds'>

export interface GrantStore {
  /** @throws {GatewayError} `store_unavailable`, or `reauth_required` for a record that cannot be opened */
  find(sub: string): Promise<GrantRecord | undefined>
  /** @returns the generation of the account's grant, also of a record that cannot be opened */
  findGeneration(sub: string): Promise<string | undefined>
  /**
   * Saves the grant of a sign-in. Without a refresh token, the stored one and its scopes stay.
   *
   * @returns the generation of the grant: a new one for an account that had none
   * @throws {GatewayError} `reauth_required` when neither the sign-in nor the store has a refresh token
   */
  save(grant: NewGrant): Promise<string>
  /** Replaces the refresh token, unless a disconnect or another token has replaced the grant's. */
  rotate(grant: GrantRecord, token: RotatedToken): Promise<void>
  /** Records a use of the refresh token: at most one write a day; a failed write is ignored. */
  markUsed(grant: GrantRecord): Promise<void>
  /** Records why Google has revoked the grant, unless the record has changed since it was read. */
  markRevoked(grant: GrantRecord, revocation: Revocation): Promise<void>
  /** Removes the grant of an account. */
  remove(sub: string): Promise<void>
}
