/**
 * Grants, authorization codes, access tokens and refresh tokens.
 *
 * - A code is valid once, for ten minutes.
 * - An access token is valid for 3,599 seconds, unless its grant is revoked.
 * - A refresh token is valid until revocation, half a year without use, or the end of its optional
 *   lifetime. The oldest of more than a hundred per user and client is invalidated.
 *
 * @see Using OAuth 2.0 to Access Google APIs: Refresh token expiration
 */
import { randomBytes } from 'node:crypto'
import { isSignInScope } from './scopes.ts'

export const accessTokenTtlSeconds = 3599
const codeTtlMs = 10 * 60_000
const unusedTtlMs = 182 * 24 * 3_600_000
const maxRefreshTokens = 100
/** Google reports "expired or revoked" for about half a day, then only "Bad Request". */
const errorDetailTtlMs = 12 * 3_600_000

export interface Grantee {
  sub: string
  clientId: string
}

export interface Code extends Grantee {
  redirectUri: string
  scopes: Set<string>
  challenge?: { value: string; method: 'S256' | 'plain' }
  nonce?: string
  /** Whether the exchange yields a refresh token. */
  refresh: boolean
}

export interface Token extends Grantee {
  scopes: Set<string>
  expiresAt: number
}

export interface RefreshToken extends Token {
  lastUsedAt: number
  invalidSince?: number
  /** The error response for this token, although it has not expired. */
  error?: TokenErrorFields
}

export interface TokenErrorFields {
  error: string
  description: string
  subtype?: string
}

/**
 * The reasons for which Google ends refresh tokens early. The error response tells the last three
 * reasons, but not the first four.
 */
export type RevocationReason = (typeof revocationReasons)[number]

export const revocationReasons = [
  'testing_expired',
  'unused',
  'too_many_tokens',
  'revoked',
  'reauth_policy',
  'account_deleted',
  'admin_policy',
] as const

const errorsByReason: Partial<Record<RevocationReason, TokenErrorFields>> = {
  // A Workspace policy: the token works again after the user has signed in.
  reauth_policy: {
    error: 'invalid_grant',
    description: 'reauth related error (invalid_rapt)',
    subtype: 'invalid_rapt',
  },
  account_deleted: { error: 'invalid_grant', description: 'Account has been deleted' },
  // An administrator has restricted a service of the grant.
  admin_policy: { error: 'admin_policy_enforced', description: 'Access blocked by an admin' },
}

export interface Grants {
  /** The scopes granted to the client so far; undefined before the first consent. */
  granted(grantee: Grantee): ReadonlySet<string> | undefined
  grant(grantee: Grantee, scopes: Iterable<string>): void
  issueCode(code: Code): string
  /** Invalidates a code and returns its content; undefined when it is no longer valid. */
  redeemCode(code: string): Code | undefined
  issueAccessToken(grantee: Grantee, scopes: Set<string>): string
  accessToken(token: string): Token | undefined
  issueRefreshToken(grantee: Grantee, scopes: Set<string>): string
  /** Includes invalid tokens as long as Google reports why they are invalid. */
  refreshToken(token: string): RefreshToken | undefined
  /** The remaining lifetime in seconds; undefined for a token without a limit. */
  remainingSeconds(token: RefreshToken): number | undefined
  /** Revokes a user's grant to a client, or to all, with every token. */
  revoke(sub: string, clientId?: string): void
  expireAccessTokens(sub?: string): void
  expireRefreshTokens(sub: string): void
  /** Ends a user's grants as Google does for this reason. */
  endGrants(sub: string, reason: RevocationReason): void
  counts(): { grants: number; codes: number; accessTokens: number; refreshTokens: number }
}

/** @param refreshTokenTtlMs maximum lifetime of a refresh token ("Testing": seven days) */
export function createGrants(now: () => number, refreshTokenTtlMs = Infinity): Grants {
  const grants = new Map<string, Set<string>>()
  const codes = new Map<string, Code & { expires: number }>()
  const accessTokens = new Map<string, Token>()
  const refreshTokens = new Map<string, RefreshToken>() // oldest first

  function sweep() {
    for (const [code, { expires }] of codes) if (expires <= now()) codes.delete(code)
    for (const [token, { expiresAt: expires }] of accessTokens) {
      if (expires <= now()) accessTokens.delete(token)
    }
    for (const [token, stored] of refreshTokens) {
      const end = Math.min(stored.expiresAt, stored.lastUsedAt + unusedTtlMs)
      if (stored.invalidSince === undefined && end <= now()) stored.invalidSince = end
      if (stored.invalidSince !== undefined && stored.invalidSince + errorDetailTtlMs <= now())
        refreshTokens.delete(token)
    }
  }
  const validTokens = () =>
    [...refreshTokens.values()].filter(({ invalidSince }) => invalidSince === undefined)

  return {
    granted: (grantee) => grants.get(grantKey(grantee)),
    grant(grantee, scopes) {
      const current = grants.get(grantKey(grantee)) ?? []
      grants.set(grantKey(grantee), new Set([...current, ...scopes]))
    },
    issueCode(code) {
      sweep()
      const text = `4/0${randomBytes(54).toString('base64url')}`
      codes.set(text, { ...code, expires: now() + codeTtlMs })
      return text
    },
    redeemCode(text) {
      sweep()
      const code = codes.get(text)
      codes.delete(text)
      return code
    },
    issueAccessToken({ sub, clientId }, scopes) {
      sweep()
      const text = `ya29.${randomBytes(160).toString('base64url')}`
      const expires = now() + accessTokenTtlSeconds * 1000
      accessTokens.set(text, { sub, clientId, scopes, expiresAt: expires })
      return text
    },
    accessToken(text) {
      sweep()
      return accessTokens.get(text)
    },
    issueRefreshToken({ sub, clientId }, scopes) {
      sweep()
      const text = `1//0${randomBytes(74).toString('base64url')}`
      // In "Testing", tokens with only sign-in scopes have no limit.
      const limited = [...scopes].some((scope) => !isSignInScope(scope))
      const expires = limited ? now() + refreshTokenTtlMs : Infinity
      refreshTokens.set(text, { sub, clientId, scopes, expiresAt: expires, lastUsedAt: now() })
      const clientTokens = validTokens().filter(belongsTo(sub, clientId))
      for (const oldest of clientTokens.slice(0, -maxRefreshTokens)) oldest.invalidSince = now()
      return text
    },
    refreshToken(text) {
      sweep()
      return refreshTokens.get(text)
    },
    remainingSeconds({ expiresAt: expires }) {
      return Number.isFinite(expires) ? Math.floor((expires - now()) / 1000) : undefined
    },
    revoke(sub, clientId) {
      for (const key of grants.keys()) {
        if (
          clientId === undefined ? key.startsWith(`${sub} `) : key === grantKey({ sub, clientId })
        ) {
          grants.delete(key)
        }
      }
      const isRevoked = belongsTo(sub, clientId)
      for (const [text, code] of codes) if (isRevoked(code)) codes.delete(text)
      for (const [text, token] of accessTokens) if (isRevoked(token)) accessTokens.delete(text)
      for (const token of validTokens().filter(isRevoked)) token.invalidSince = now()
    },
    expireAccessTokens(sub) {
      for (const [text, token] of accessTokens) {
        if (sub === undefined || token.sub === sub) accessTokens.delete(text)
      }
    },
    expireRefreshTokens(sub) {
      for (const token of validTokens().filter(belongsTo(sub))) token.invalidSince = now()
    },
    endGrants(sub, reason) {
      if (reason === 'revoked') return this.revoke(sub)
      const error = errorsByReason[reason]
      if (error === undefined) return this.expireRefreshTokens(sub) // access tokens stay valid
      for (const token of validTokens().filter(belongsTo(sub))) token.error = error
      if (reason !== 'reauth_policy') this.expireAccessTokens(sub)
    },
    counts() {
      sweep()
      return {
        grants: grants.size,
        codes: codes.size,
        accessTokens: accessTokens.size,
        refreshTokens: validTokens().length,
      }
    },
  }
}

function grantKey({ sub, clientId }: Grantee): string {
  return `${sub} ${clientId}`
}

/** @returns whether a token belongs to the user, and to the client when one is given */
function belongsTo(sub: string, clientId?: string): (token: Grantee) => boolean {
  return (token) => token.sub === sub && (clientId === undefined || token.clientId === clientId)
}
