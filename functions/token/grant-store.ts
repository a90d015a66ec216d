/** What Google granted, account by account: the interface. */
import type { Death } from './revocation-reason.ts'

/** What a sign-in brings into the vault. */
export interface SavedGrant {
  sub: string
  email: string
  /** Whether Google has made sure that the address is theirs. */
  emailVerified: boolean
  /** The Workspace domain that the account belongs to. */
  hd: string | undefined
  /** What the refresh token stands for. */
  scopes: string[]
  refreshToken: string | undefined
  /** How long the refresh token will live, where Google says so. */
  refreshExpiresInSeconds: number | undefined
}

/** One account's grant, its refresh token opened. Times are milliseconds since 1970. */
export interface VaultRecord extends Omit<SavedGrant, 'refreshExpiresInSeconds'> {
  refreshToken: string
  grantedAt: number | undefined
  /** When the refresh token last worked, or up to a day before. */
  usedAt: number | undefined
  refreshExpiresAt: number | undefined
  /** Why Google ended the grant, once it has. */
  death: Death | undefined
  /** Which state of the record this is, in the store's own words. */
  revision: unknown
}

export interface Vault {
  /** @throws {GatewayError} `store_unavailable`, or `reauth_required` for a record that nobody can open */
  find(sub: string): Promise<VaultRecord | undefined>
  /** Keeps what a sign-in brought. Without a new refresh token the old one and its scopes stay. */
  save(grant: SavedGrant): Promise<void>
  /** Notes that the refresh token worked: one write a day at most, and none that anybody waits for in vain. */
  touch(record: VaultRecord): Promise<void>
  /** Notes why a grant died, unless the record has changed since it was found. */
  bury(record: VaultRecord, death: Death): Promise<void>
  /** Forgets an account. */
  remove(sub: string): Promise<void>
}
