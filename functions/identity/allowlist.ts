/** Restricts sign-in to the accounts in ALLOWED_USERS: e-mail addresses and Workspace domains. */
import { GatewayError } from '../errors.ts'
import { createTtlCache } from '../lib/ttl-cache.ts'

export type AllowedUsers = 'everybody' | { addresses: string[]; domains: string[] }

/** The claims about an account in Google's ID token. */
export interface GoogleAccount {
  email: string
  emailVerified: boolean
  /** The account's Workspace domain. */
  hd: string | undefined
}

export interface Allowlist {
  /** @throws {GatewayError} `account_not_allowed` */
  check(account: GoogleAccount): void
  /**
   * Checks an account that has signed in before. Reads the store at most once a minute per account,
   * and never when all accounts are allowed.
   *
   * @throws {GatewayError} `account_not_allowed`, or as the store throws
   */
  checkSub(sub: string): Promise<void>
}

const cacheTtlMs = 60_000
const maxCacheEntries = 10_000
/** Google alone issues these addresses; their accounts have no `hd` claim. */
const gmailDomains = new Set(['gmail.com', 'googlemail.com'])

export function createAllowlist(
  allowed: AllowedUsers,
  findAccount: (sub: string) => Promise<GoogleAccount | undefined>,
  now: () => number,
): Allowlist {
  const allowedSubs = createTtlCache<string, true>({
    maxEntries: maxCacheEntries,
    ttlMs: cacheTtlMs,
    now,
  })

  function check(account: GoogleAccount): void {
    if (isAllowed(allowed, account)) return
    throw new GatewayError('account_not_allowed', 'The account is not in ALLOWED_USERS', {
      detail: 'Ask the operator of this Driveway to add the account, or sign in with another one',
      link: '/auth?choose=1',
    })
  }

  return {
    check,
    async checkSub(sub) {
      if (allowed === 'everybody' || allowedSubs.get(sub)) return
      const account = await findAccount(sub)
      if (!account) return // without a grant the account cannot use Drive
      check(account)
      allowedSubs.set(sub, true)
    },
  }
}

/** An address counts only if Google has verified it, a domain only if it manages the account. */
export function isAllowed(
  allowed: AllowedUsers,
  { email, emailVerified, hd }: GoogleAccount,
): boolean {
  if (allowed === 'everybody') return true
  if (!emailVerified) return false
  const address = email.toLowerCase()
  const addressDomain = address.slice(address.lastIndexOf('@') + 1)
  const managingDomain =
    hd?.toLowerCase() ?? (gmailDomains.has(addressDomain) ? addressDomain : undefined)
  return (
    allowed.addresses.includes(address) ||
    (managingDomain !== undefined && allowed.domains.includes(managingDomain))
  )
}
