/** Infers why Google has revoked a grant, from Google's response and the stored dates. */

/** `cause` is for the account's owner. */
export interface Revocation {
  code: RevocationCode
  cause: string
}

export type RevocationCode = keyof typeof causes

const causes = {
  testing_expired:
    'Google revokes every permission after seven days while this Driveway’s consent screen is in testing. Sign in again. The operator can publish the app to remove this limit',
  expired: 'The permission was granted for a limited time and has expired. Sign in again',
  unused: 'Google revokes a permission that is unused for six months. Sign in again',
  revoked:
    'The permission was revoked in your Google Account or by a change to it. Sign in again to restore it',
  too_many_tokens:
    'Google keeps a hundred sign-ins per account and app, and newer ones replaced this one. Sign in again',
  reauth_policy: 'Your organisation requires you to sign in again periodically',
  account_changed:
    'Your Google account or your organisation’s policy for it has changed. Sign in again, or ask your administrator',
  unknown:
    'Google revoked the permission: it was withdrawn, has expired, or was unused for too long. Sign in again',
} as const

/** What is known when Google rejects a refresh token permanently. Times are milliseconds since 1970. */
export interface Evidence {
  /** Google's `error`, `error_subtype` and `error_description`. */
  error: string
  subtype: string | undefined
  description: string | undefined
  grantedAt: number | undefined
  /** The last successful use of the refresh token, up to one day too early. */
  usedAt: number | undefined
  /** Expiry of the refresh token, if Google returned one. */
  refreshExpiresAt: number | undefined
  /** Google's response to an unexpired access token of the grant. */
  accessToken: 'accepted' | 'rejected' | undefined
}

const dayMs = 24 * 60 * 60_000
const testingLifetimeMs = 7 * dayMs
/** Six months, less the one-day precision of the last use. */
const unusedLifetimeMs = 181 * dayMs
const clockSkewMs = 5 * 60_000

/**
 * Infers the reason of a revocation.
 *
 * Google's response is the same for most causes ("Token has been expired or revoked."), and after
 * half a day only "Bad Request". So unambiguous evidence is checked first, then the dates.
 *
 * @see Using OAuth 2.0 to Access Google APIs, "Refresh token expiration"
 */
export function revocationReason(evidence: Evidence, now: number): Revocation {
  return toRevocation(inferCode(evidence, now))
}

/** @param code as stored, possibly by another version; an unrecognized code becomes `unknown` */
export function toRevocation(code: string): Revocation {
  const knownCode = Object.hasOwn(causes, code) ? (code as RevocationCode) : 'unknown'
  return { code: knownCode, cause: causes[knownCode] }
}

function inferCode(evidence: Evidence, now: number): RevocationCode {
  const { error, subtype, description = '', grantedAt, usedAt, refreshExpiresAt } = evidence
  if (subtype === 'invalid_rapt' || subtype === 'rapt_required') return 'reauth_policy'
  if (error === 'admin_policy_enforced' || /account|disabled/i.test(description)) {
    return 'account_changed'
  }
  if (refreshExpiresAt !== undefined && refreshExpiresAt - clockSkewMs <= now) {
    const lifetimeMs = refreshExpiresAt - (grantedAt ?? refreshExpiresAt - testingLifetimeMs)
    return Math.abs(lifetimeMs - testingLifetimeMs) < dayMs / 2 ? 'testing_expired' : 'expired'
  }
  if (usedAt !== undefined && now - usedAt >= unusedLifetimeMs) return 'unused'
  // Only a revocation by the user also invalidates access tokens immediately.
  if (evidence.accessToken === 'rejected') return 'revoked'
  const seventhDay =
    grantedAt === undefined ? Infinity : grantedAt + testingLifetimeMs - clockSkewMs
  if (seventhDay <= now && (usedAt ?? 0) < seventhDay) return 'testing_expired'
  // The grant is valid and its refresh token is not: newer sign-ins have replaced it.
  if (evidence.accessToken === 'accepted') return 'too_many_tokens'
  return /expired or revoked/i.test(description) ? 'revoked' : 'unknown'
}
