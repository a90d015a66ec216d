/**
 * Verifies the ID tokens of CI systems with their issuers' public keys.
 *
 * @see RFC 7519; RFC 8725; OpenID Connect Core 1.0 section 3.1.3.7
 */
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { JWTPayload } from 'jose'
import { GatewayError } from '../errors.ts'
import { createJwksCache } from './jwks-cache.ts'
import type { JwksCache } from './jwks-cache.ts'

/** A verified ID token of a configured issuer. */
export interface CiToken {
  issuer: string
  /** The token's only audience. */
  audience: string
  claims: JWTPayload
}

export interface CiTokenVerifier {
  /** The configured issuers. */
  issuers: readonly string[]
  /** @throws {GatewayError} `wrong_audience`, `invalid_token`, `issuer_unavailable` */
  verify(token: string): Promise<CiToken>
}

/** Asymmetric signatures only. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']
const clockToleranceSeconds = 60
/** Applies in addition to the token's own `exp`. */
const maxTokenAgeSeconds = 6 * 60 * 60
const maxTokenLength = 8 * 1024
const googleIssuers = new Set<unknown>(['https://accounts.google.com', 'accounts.google.com'])

/** @param issuers issuer identifiers, without a trailing slash */
export function createCiTokenVerifier(
  issuers: readonly string[],
  now: () => number = Date.now,
  timeouts?: { jwks?: number | undefined },
): CiTokenVerifier {
  const jwksByIssuer = new Map<string, JwksCache>(
    issuers.map((issuer) => [issuer, createJwksCache(issuer, now, timeouts)]),
  )

  return {
    issuers,

    async verify(token) {
      const { iss, alg, kid } = readUnverified(token)
      if (iss === undefined || googleIssuers.has(iss)) {
        throw new GatewayError('wrong_audience', 'The bearer token was issued by Google')
      }
      const jwks = jwksByIssuer.get(iss)
      if (!jwks) throw invalid('Its issuer is not in OIDC_ISSUERS')
      if (alg === undefined || !algorithms.includes(alg) || kid === undefined) {
        throw invalid('Its signature algorithm is not supported, or it has no key ID')
      }
      const claims = await verifyWith(await jwks.keyFor(kid), token, iss)
      const { aud } = claims
      const [audience, ...others] = Array.isArray(aud) ? aud : [aud]
      if (typeof audience !== 'string' || others.length > 0) {
        throw invalid('It must have exactly one audience')
      }
      return { issuer: iss, audience, claims }
    },
  }

  async function verifyWith(
    key: Awaited<ReturnType<JwksCache['keyFor']>>,
    token: string,
    issuer: string,
  ): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        maxTokenAge: maxTokenAgeSeconds,
        requiredClaims: ['aud', 'exp', 'iat'],
        currentDate: new Date(now()),
      })
      return payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw invalid('It has expired', error)
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw invalid('A claim about its time or its issuer is missing or wrong', error)
      }
      throw invalid('Its signature is invalid', error)
    }
  }
}

/** Reads the claims and header parameters that select the key; nothing is verified yet. */
function readUnverified(token: string): Record<'iss' | 'alg' | 'kid', string | undefined> {
  if (token.length > maxTokenLength) throw invalid('It is too long')
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    return { iss: asString(decodeJwt(token).iss), alg: asString(alg), kid: asString(kid) }
  } catch (error) {
    // A sealed value of Driveway or a Google access token: in any case it has another audience.
    throw new GatewayError('wrong_audience', 'The bearer token is not a signed JWT', {
      cause: error,
    })
  }
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** @param detail about "it": the problem's title names the token */
function invalid(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid_token', `A CI system’s token: ${detail}`, { detail, cause })
}
