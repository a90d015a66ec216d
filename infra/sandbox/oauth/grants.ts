/**
 * What users granted: grants, codes, access tokens and refresh tokens.
 *
 * - A code is good once and for ten minutes.
 * - An access token is good for 3,599 seconds, or until its grant is revoked.
 * - A refresh token dies by revocation, by half a year without use, by the optional lifetime, and
 *   when it is the oldest of more than a hundred of one user and client.
 *
 * @see Using OAuth 2.0 to Access Google APIs: Refresh token expiration
 */
import { randomBytes } from 'node:crypto'
import { isSignInScope } from './scopes.ts'

export const accessTokenSeconds = 3599
const codeLifetime = 10 * 60_000
const unusedLifetime = 182 * 24 * 3_600_000
const refreshTokensPerClient = 100
/** Google says why a refresh token is dead for about half a day, then only "Bad Request". */
const causeKept = 12 * 3_600_000

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
  expires: number
}

export interface RefreshToken extends Token {
  used: number
  died?: number
  /** What Google says to this token, though it has not died of age. */
  refusal?: Refusal
}

export interface Refusal {
  error: string
  description: string
  subtype?: string
}

/**
 * The ways in which Google ends refresh tokens before anybody expects it. Of the first four the
 * answer tells nothing; of the others it does.
 */
export type Ending = (typeof endings)[number]

export const endings = [
  'testing_expired',
  'unused',
  'too_many_tokens',
  'revoked',
  'reauth_policy',
  'account_deleted',
  'admin_policy',
] as const

const refusals: Partial<Record<Ending, Refusal>> = {
  // A Workspace policy: the user must sign in anew before the token works again.
  reauth_policy: {
    error: 'invalid_grant',
    description: 'reauth related error (invalid_rapt)',
    subtype: 'invalid_rapt',
  },
  account_deleted: { error: 'invalid_grant', description: 'Account has been deleted' },
  // An administrator has restricted a service that the grant is for.
  admin_policy: { error: 'admin_policy_enforced', description: 'Access blocked by an admin' },
}

export interface Grants {
  /** What the user granted to the client so far; undefined before the first consent. */
  granted(grantee: Grantee): ReadonlySet<string> | undefined
  grant(grantee: Grantee, scopes: Iterable<string>): void
  issueCode(code: Code): string
  /** Takes a code out of circulation: what it stood for, or undefined when it is no longer good. */
  redeem(code: string): Code | undefined
  issueAccessToken(grantee: Grantee, scopes: Set<string>): string
  accessToken(token: string): Token | undefined
  issueRefreshToken(grantee: Grantee, scopes: Set<string>): string
  /** Also finds dead ones, as long as Google remembers why they died. */
  refreshToken(token: string): RefreshToken | undefined
  /** Seconds that are left of a refresh token that has a limited life. */
  secondsLeft(token: RefreshToken): number | undefined
  /** Ends a user's grant to a client, or to all: every token of it is dead. */
  revoke(sub: string, clientId?: string): void
  expireAccessTokens(sub?: string): void
  expireRefreshTokens(sub: string): void
  /** Ends all that a user granted, as Google does for this reason. */
  end(sub: string, how: Ending): void
  counts(): { grants: number; codes: number; accessTokens: number; refreshTokens: number }
}

/** @param lifetime milliseconds that a refresh token lives at most ("Testing": seven days) */
export function createGrants(now: () => number, lifetime = Infinity): Grants {
  const grants = new Map<string, Set<string>>()
  const codes = new Map<string, Code & { expires: number }>()
  const accessTokens = new Map<string, Token>()
  const refreshTokens = new Map<string, RefreshToken>() // oldest first

  function sweep() {
    for (const [code, { expires }] of codes) if (expires <= now()) codes.delete(code)
    for (const [token, { expires }] of accessTokens) {
      if (expires <= now()) accessTokens.delete(token)
    }
    for (const [token, held] of refreshTokens) {
      const end = Math.min(held.expires, held.used + unusedLifetime)
      if (held.died === undefined && end <= now()) held.died = end
      if (held.died !== undefined && held.died + causeKept <= now()) refreshTokens.delete(token)
    }
  }
  const living = () => [...refreshTokens.values()].filter(({ died }) => died === undefined)

  return {
    granted: (grantee) => grants.get(keyOf(grantee)),
    grant(grantee, scopes) {
      const held = grants.get(keyOf(grantee)) ?? []
      grants.set(keyOf(grantee), new Set([...held, ...scopes]))
    },
    issueCode(code) {
      sweep()
      const text = `4/0${randomBytes(54).toString('base64url')}`
      codes.set(text, { ...code, expires: now() + codeLifetime })
      return text
    },
    redeem(text) {
      sweep()
      const code = codes.get(text)
      codes.delete(text)
      return code
    },
    issueAccessToken({ sub, clientId }, scopes) {
      sweep()
      const text = `ya29.${randomBytes(160).toString('base64url')}`
      const expires = now() + accessTokenSeconds * 1000
      accessTokens.set(text, { sub, clientId, scopes, expires })
      return text
    },
    accessToken(text) {
      sweep()
      return accessTokens.get(text)
    },
    issueRefreshToken({ sub, clientId }, scopes) {
      sweep()
      const text = `1//0${randomBytes(74).toString('base64url')}`
      // Google spares apps in "Testing" that ask for nothing but sign-in scopes.
      const limited = [...scopes].some((scope) => !isSignInScope(scope))
      const expires = limited ? now() + lifetime : Infinity
      refreshTokens.set(text, { sub, clientId, scopes, expires, used: now() })
      const siblings = living().filter(isOf(sub, clientId))
      for (const oldest of siblings.slice(0, -refreshTokensPerClient)) oldest.died = now()
      return text
    },
    refreshToken(text) {
      sweep()
      return refreshTokens.get(text)
    },
    secondsLeft({ expires }) {
      return Number.isFinite(expires) ? Math.floor((expires - now()) / 1000) : undefined
    },
    revoke(sub, clientId) {
      for (const key of grants.keys()) {
        if (clientId === undefined ? key.startsWith(`${sub} `) : key === keyOf({ sub, clientId })) {
          grants.delete(key)
        }
      }
      const doomed = isOf(sub, clientId)
      for (const [text, code] of codes) if (doomed(code)) codes.delete(text)
      for (const [text, token] of accessTokens) if (doomed(token)) accessTokens.delete(text)
      for (const token of living().filter(doomed)) token.died = now()
    },
    expireAccessTokens(sub) {
      for (const [text, token] of accessTokens) {
        if (sub === undefined || token.sub === sub) accessTokens.delete(text)
      }
    },
    expireRefreshTokens(sub) {
      for (const token of living().filter(isOf(sub))) token.died = now()
    },
    end(sub, how) {
      if (how === 'revoked') return this.revoke(sub)
      const refusal = refusals[how]
      if (refusal === undefined) return this.expireRefreshTokens(sub) // access tokens live on
      for (const token of living().filter(isOf(sub))) token.refusal = refusal
      if (how !== 'reauth_policy') this.expireAccessTokens(sub)
    },
    counts() {
      sweep()
      return {
        grants: grants.size,
        codes: codes.size,
        accessTokens: accessTokens.size,
        refreshTokens: living().length,
      }
    },
  }
}

function keyOf({ sub, clientId }: Grantee): string {
  return `${sub} ${clientId}`
}

/** Whether a token is of this user, and of this client when one is named. */
function isOf(sub: string, clientId?: string): (token: Grantee) => boolean {
  return (token) => token.sub === sub && (clientId === undefined || token.clientId === clientId)
}
