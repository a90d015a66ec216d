/** What Google granted, account by account: the interface. */

/** One account's grant, its refresh token opened. */
export interface VaultRecord {
  sub: string
  email: string
  scopes: string[]
  refreshToken: string
  /** Why Google ended the grant, once it has. */
  deathCause: string | undefined
  /** Which state of the record this is, in the store's own words. */
  revision: unknown
}

export interface Vault {
  /** @throws {GatewayError} `store_unavailable`, or `reauth_required` for a record that nobody can open */
  find(sub: string): Promise<VaultRecord | undefined>
  /** Keeps what a sign-in brought. Without a new refresh token the old one stays. */
  save(grant: {
    sub: string
    email: string
    scopes: string[]
    refreshToken: string | undefined
  }): Promise<void>
  /** Notes why a grant died, unless the record has changed since it was found. */
  bury(record: VaultRecord, cause: string): Promise<void>
  /** Forgets an account. */
  remove(sub: string): Promise<void>
}
