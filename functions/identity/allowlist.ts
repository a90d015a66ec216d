/** Who may sign in here: everybody, or whom the operator lists by address or by Workspace domain. */
import { GatewayError } from '../errors.ts'
import { keepRecent } from '../lib/lru.ts'

export type AllowedUsers = 'everybody' | { addresses: string[]; domains: string[] }

/** What Google says of an account. */
export interface Visitor {
  email: string
  emailVerified: boolean
  /** The Workspace domain that the account belongs to. */
  hd: string | undefined
}

export interface Admission {
  /** @throws {GatewayError} `account_not_allowed` */
  check(visitor: Visitor): void
  /**
   * The same for somebody who has signed in before: one look into the store a minute, and none
   * where everybody may come.
   *
   * @throws {GatewayError} `account_not_allowed`, or whatever the store throws
   */
  checkAccount(sub: string): Promise<void>
}

const believedMs = 60_000
const mostBelieved = 10_000
/** Google alone gives these addresses out, and says no domain of their accounts. */
const ofGoogle = new Set(['gmail.com', 'googlemail.com'])

export function createAdmission(
  allowed: AllowedUsers,
  find: (sub: string) => Promise<Visitor | undefined>,
  now: () => number,
): Admission {
  const believed = new Map<string, number>() // by sub: until when

  function check(visitor: Visitor): void {
    if (isInvited(allowed, visitor)) return
    throw new GatewayError('account_not_allowed', 'The account is not among ALLOWED_USERS', {
      detail: 'Ask whoever runs this Driveway to let you in, or sign in with another account',
      link: '/auth?choose=1',
    })
  }

  return {
    check,
    async checkAccount(sub) {
      if (allowed === 'everybody') return
      const left = (believed.get(sub) ?? 0) - now()
      if (left > 0 && left <= believedMs) return
      const visitor = await find(sub)
      if (!visitor) return // nothing is granted that could be used
      check(visitor)
      keepRecent(believed, sub, now() + believedMs, mostBelieved)
    },
  }
}

/** An address counts only where Google has verified it; a domain only where it runs the account. */
export function isInvited(allowed: AllowedUsers, { email, emailVerified, hd }: Visitor): boolean {
  if (allowed === 'everybody') return true
  if (!emailVerified) return false
  const address = email.toLowerCase()
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const runBy = hd?.toLowerCase() ?? (ofGoogle.has(domain) ? domain : undefined)
  return (
    allowed.addresses.includes(address) || (runBy !== undefined && allowed.domains.includes(runBy))
  )
}
