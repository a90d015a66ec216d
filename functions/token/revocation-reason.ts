/** Why Google ended a grant: as much as its answer and the dates that are kept here tell apart. */

/** What is told of an ended grant; `cause` is for its owner. */
export interface Death {
  code: DeathCode
  cause: string
}

export type DeathCode = keyof typeof causes

const causes = {
  testing_expired:
    'Google ends every permission after seven days while this Driveway’s consent screen is in testing. Sign in again; whoever runs it can publish the app to end that',
  expired: 'The permission was given for a limited time, and that time is over. Sign in again',
  unused: 'The permission was not used for six months, and Google then ends it. Sign in again',
  revoked:
    'The permission was taken back, at your Google Account or by a change to it. Sign in again if that was not meant',
  too_many_tokens:
    'Google keeps a hundred sign-ins of one account and app, and gave this one up for newer ones. Sign in again',
  reauth_policy: 'Your organisation asks you to sign in again from time to time',
  account_changed:
    'Your Google account, or what your organisation lets it use, has changed. Sign in again, or ask your administrator',
  unknown:
    'Google ended the permission: it was taken back, expired, or unused for too long. Sign in again',
} as const

/** All that is known when Google refuses a refresh token for good. Times are milliseconds since 1970. */
export interface Evidence {
  /** Google's `error`, `error_subtype` and `error_description`. */
  error: string
  subtype: string | undefined
  description: string | undefined
  grantedAt: number | undefined
  /** When the refresh token last worked, or up to a day before. */
  usedAt: number | undefined
  /** When it was to end from the first, where Google said so. */
  refreshExpiresAt: number | undefined
  /** What Google says to an access token of the grant whose own hour is not over. */
  accessToken: 'accepted' | 'refused' | undefined
}

const day = 24 * 60 * 60_000
const testingLife = 7 * day
/** Six months, less the day to which the last use is known. */
const unusedLife = 181 * day
/** Between our clock and Google's. */
const slack = 5 * 60_000

/**
 * Google's answer is the same for most causes ("Token has been expired or revoked."), and after
 * half a day only "Bad Request". So what is certain is asked first, then what fits the dates.
 *
 * @see Using OAuth 2.0 to Access Google APIs, "Refresh token expiration"
 */
export function deathOf(evidence: Evidence, now: number): Death {
  return known(codeOf(evidence, now))
}

/** @param code as it was stored, perhaps by another version */
export function known(code: string): Death {
  const mine = Object.hasOwn(causes, code) ? (code as DeathCode) : 'unknown'
  return { code: mine, cause: causes[mine] }
}

function codeOf(evidence: Evidence, now: number): DeathCode {
  const { error, subtype, description = '', grantedAt, usedAt, refreshExpiresAt } = evidence
  if (subtype === 'invalid_rapt' || subtype === 'rapt_required') return 'reauth_policy'
  if (error === 'admin_policy_enforced' || /account|disabled/i.test(description)) {
    return 'account_changed'
  }
  if (refreshExpiresAt !== undefined && refreshExpiresAt - slack <= now) {
    const life = refreshExpiresAt - (grantedAt ?? refreshExpiresAt - testingLife)
    return Math.abs(life - testingLife) < day / 2 ? 'testing_expired' : 'expired'
  }
  if (usedAt !== undefined && now - usedAt >= unusedLife) return 'unused'
  // Whoever takes a permission back ends its access tokens too; nothing else does so at once.
  if (evidence.accessToken === 'refused') return 'revoked'
  const seventhDay = grantedAt === undefined ? Infinity : grantedAt + testingLife - slack
  if (seventhDay <= now && (usedAt ?? 0) < seventhDay) return 'testing_expired'
  // The grant lives and its refresh token does not: that is what newer sign-ins do.
  if (evidence.accessToken === 'accepted') return 'too_many_tokens'
  return /expired or revoked/i.test(description) ? 'revoked' : 'unknown'
}
