/**
 * Tokens of CI systems (OpenID Connect ID tokens), as their issuers' keys prove them.
 *
 * @see RFC 7519; RFC 8725; OpenID Connect Core 1.0 section 3.1.3.7
 */
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { JWTPayload } from 'jose'
import { GatewayError } from '../errors.ts'
import { createIssuerKeys } from './jwks-cache.ts'
import type { IssuerKeys } from './jwks-cache.ts'

/** A token that an issuer of ours has signed, within its time. */
export interface JobToken {
  issuer: string
  /** The one party that it was made for. */
  audience: string
  claims: JWTPayload
}

export interface Oidc {
  /** Those whose tokens count, by name. */
  issuers: readonly string[]
  /** @throws {GatewayError} `wrong_audience`, `invalid_token`, `issuer_unavailable` */
  verify(token: string): Promise<JobToken>
}

/** Signatures only that need a public key. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']
const toleranceSeconds = 60
/** However long its issuer says that it lives. */
const longestSeconds = 6 * 60 * 60
const mostLetters = 8 * 1024
const google = new Set<unknown>(['https://accounts.google.com', 'accounts.google.com'])

/** @param issuers as they name themselves, without a slash at the end */
export function createOidc(issuers: readonly string[], now: () => number = Date.now): Oidc {
  const keysOf = new Map<string, IssuerKeys>(
    issuers.map((issuer) => [issuer, createIssuerKeys(issuer, now)]),
  )

  return {
    issuers,

    async verify(token) {
      const { iss, alg, kid } = readUnproven(token)
      if (iss === undefined || google.has(iss)) {
        throw new GatewayError('wrong_audience', 'The bearer is a token of Google’s')
      }
      const keys = keysOf.get(iss)
      if (!keys) throw invalid('Its issuer is not in OIDC_ISSUERS')
      if (alg === undefined || !algorithms.includes(alg) || kid === undefined) {
        throw invalid('It is not signed in a way that counts')
      }
      const verified = await verify(token, iss, await keys.holding(kid))
      const { aud } = verified
      const [audience, ...others] = Array.isArray(aud) ? aud : [aud]
      if (typeof audience !== 'string' || others.length > 0) {
        throw invalid('It has to be made for one audience')
      }
      return { issuer: iss, audience, claims: verified }
    },
  }

  async function verify(
    token: string,
    issuer: string,
    key: Awaited<ReturnType<IssuerKeys['holding']>>,
  ): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer,
        algorithms,
        clockTolerance: toleranceSeconds,
        maxTokenAge: longestSeconds,
        requiredClaims: ['aud', 'exp', 'iat'],
        currentDate: new Date(now()),
      })
      return payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw invalid('It has expired', error)
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw invalid('A claim about its time or its makers is missing or wrong', error)
      }
      throw invalid('Its signature does not hold', error)
    }
  }
}

/** What a token says of itself, to be believed of nobody. */
function readUnproven(token: string): Record<'iss' | 'alg' | 'kid', string | undefined> {
  if (token.length > mostLetters) throw invalid('It is too long')
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    return { iss: text(decodeJwt(token).iss), alg: text(alg), kid: text(kid) }
  } catch (error) {
    // A sealed value of ours, or an access token of Google's: whatever it is, it is for somebody else.
    throw new GatewayError('wrong_audience', 'The bearer is no signed JWT', { cause: error })
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The title says that it is the token. */
function invalid(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid_token', `A CI system’s token: ${detail}`, { detail, cause })
}
