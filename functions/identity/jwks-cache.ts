/**
 * Caches an issuer's public keys (JWKS). Fetches them on first use, after the TTL, and when a token
 * names an unknown key. One fetch at a time, with a cooldown between fetches.
 *
 * @see OpenID Connect Discovery 1.0 section 4; RFC 7517
 */
import { createLocalJWKSet } from 'jose'
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { GatewayError } from '../errors.ts'
import { limitedFetch } from '../lib/limited-fetch.ts'
import { createSingleFlight } from '../lib/single-flight.ts'

export interface JwksCache {
  /**
   * Returns a lookup that finds the key with this ID, if the issuer has it.
   *
   * @throws {GatewayError} `issuer_unavailable` when no keys are cached and they cannot be fetched
   */
  keyFor(kid: string): Promise<JWTVerifyGetKey>
}

const cacheTtlMs = 10 * 60_000
/** While the issuer is unavailable, expired keys stay in use up to this age. */
const maxStaleMs = 60 * 60_000
/** Minimum time between two fetches: made-up key IDs cannot cause more of them. */
const cooldownMs = 10_000
/** For the discovery document and the JWKS together. */
const defaultTimeoutMs = 5_000
const maxKeys = 100

interface CachedKeys {
  kids: Set<string>
  find: JWTVerifyGetKey
  fetchedAt: number
}

/** @param timeouts in milliseconds, read for each fetch */
export function createJwksCache(
  issuer: string,
  now: () => number = Date.now,
  timeouts: { jwks?: number | undefined } = {},
): JwksCache {
  let cache: CachedKeys | undefined
  let lastFetchAt: number | undefined
  const fetches = createSingleFlight<string, void>()

  /** Whether `since` is less than `ms` ago; false when the clock was set back. */
  const isWithin = (since: number | undefined, ms: number): boolean => {
    const age = since === undefined ? Infinity : now() - since
    return age >= 0 && age < ms
  }

  async function refresh(): Promise<void> {
    lastFetchAt = now()
    try {
      const jwks = await fetchJwks(issuer, AbortSignal.timeout(timeouts.jwks ?? defaultTimeoutMs))
      const kids = new Set(jwks.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid])))
      cache = { kids, find: createLocalJWKSet(jwks), fetchedAt: now() }
    } catch (error) {
      if (cache && isWithin(cache.fetchedAt, maxStaleMs)) return
      throw unavailable(`Cannot fetch the keys of ${issuer}`, error)
    }
  }

  return {
    async keyFor(kid) {
      const isCached = cache?.kids.has(kid) === true && isWithin(cache.fetchedAt, cacheTtlMs)
      if (!isCached && (fetches.isRunning(issuer) || !isWithin(lastFetchAt, cooldownMs))) {
        await fetches.run(issuer, refresh)
      }
      if (!cache || !isWithin(cache.fetchedAt, maxStaleMs)) {
        throw unavailable(`The last fetch of the keys of ${issuer} failed`)
      }
      return cache.find
    },
  }
}

async function fetchJwks(issuer: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const metadata = await fetchJson(`${issuer}/.well-known/openid-configuration`, signal)
  const { issuer: identifier, jwks_uri: jwksUri } = metadata
  if (identifier !== issuer) throw new Error('The discovery document names another issuer')
  if (typeof jwksUri !== 'string' || !URL.canParse(jwksUri)) throw new Error('jwks_uri is missing')
  // Requests go to the origins in OIDC_ISSUERS only.
  if (new URL(jwksUri).origin !== new URL(issuer).origin) {
    throw new Error('jwks_uri has another origin than the issuer')
  }
  const { keys } = await fetchJson(jwksUri, signal)
  if (!Array.isArray(keys)) throw new Error('The JWKS has no keys')
  if (keys.length > maxKeys) throw new Error(`The JWKS has more than ${maxKeys} keys`)
  return { keys: keys.filter(isPublicSigningKey) }
}

function isPublicSigningKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  const { kty, kid, use = 'sig' } = { ...(key as { kty?: unknown; kid?: unknown; use?: unknown }) }
  return (kty === 'RSA' || kty === 'EC') && typeof kid === 'string' && use === 'sig'
}

async function fetchJson(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const headers = { accept: 'application/json' }
  const response = await limitedFetch(url, { headers, redirect: 'manual', signal })
  if (response.status !== 200) throw new Error(`${url} returned ${response.status}`)
  return { ...((await response.json()) as Record<string, unknown>) }
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('issuer_unavailable', message, { cause, retryAfterSeconds: 10 })
}
