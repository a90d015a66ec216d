/**
 * The public keys of one issuer, fetched when they are first needed, again after a while, and when a
 * token names a key that is not among them; one fetch at a time, and never soon after another.
 *
 * @see OpenID Connect Discovery 1.0 section 4; RFC 7517
 */
import { createLocalJWKSet } from 'jose'
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { GatewayError } from '../errors.ts'

export interface IssuerKeys {
  /**
   * Finds the key by which a token says it was signed.
   *
   * @throws {GatewayError} `issuer_unavailable` when there are no keys to be had
   */
  holding(kid: string): Promise<JWTVerifyGetKey>
}

/** Keys are asked for again after this long … */
const freshMs = 10 * 60_000
/** … and while the issuer does not answer, the old ones count for as long as this. */
const keptMs = 60 * 60_000
/** Between two fetches, whatever tokens come: whoever makes up key ids makes no more of them. */
const pauseMs = 10_000
/** For both documents together. */
const timeoutMs = 5_000
const mostBytes = 256 * 1024
const mostKeys = 100

interface Held {
  kids: Set<string>
  keys: JWTVerifyGetKey
  at: number
}

export function createIssuerKeys(issuer: string, now: () => number = Date.now): IssuerKeys {
  let held: Held | undefined
  let triedAt: number | undefined
  let fetching: Promise<void> | undefined

  const isYoung = (at: number | undefined, ms: number): boolean => {
    const age = at === undefined ? Infinity : now() - at
    return age >= 0 && age < ms
  }

  async function refresh(): Promise<void> {
    triedAt = now()
    try {
      const set = await fetchKeys(issuer, AbortSignal.timeout(timeoutMs))
      const kids = new Set(set.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid])))
      held = { kids, keys: createLocalJWKSet(set), at: now() }
    } catch (error) {
      if (held && isYoung(held.at, keptMs)) return
      throw unavailable(`The keys of ${issuer} cannot be had`, error)
    }
  }

  return {
    async holding(kid) {
      const isGood = held?.kids.has(kid) === true && isYoung(held.at, freshMs)
      if (!isGood && (fetching || !isYoung(triedAt, pauseMs))) {
        await (fetching ??= refresh().finally(() => (fetching = undefined)))
      }
      if (!held || !isYoung(held.at, keptMs)) {
        throw unavailable(`The keys of ${issuer} could not be had a moment ago`)
      }
      return held.keys
    },
  }
}

async function fetchKeys(issuer: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const about = await fetchJson(`${issuer}/.well-known/openid-configuration`, signal)
  const { issuer: name, jwks_uri: address } = about
  if (name !== issuer) throw new Error('The issuer gives another name')
  if (typeof address !== 'string' || !URL.canParse(address)) throw new Error('No jwks_uri')
  // Those who are trusted by name keep their keys at home, and so we call nobody else.
  if (new URL(address).origin !== new URL(issuer).origin) throw new Error('jwks_uri is elsewhere')
  const { keys } = await fetchJson(address, signal)
  if (!Array.isArray(keys) || keys.length > mostKeys) throw new Error('No keys, or too many')
  return { keys: keys.filter(isPublicKey) }
}

function isPublicKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  const { kty, kid, use = 'sig' } = { ...(key as { kty?: unknown; kid?: unknown; use?: unknown }) }
  return (kty === 'RSA' || kty === 'EC') && typeof kid === 'string' && use === 'sig'
}

async function fetchJson(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const headers = { accept: 'application/json' }
  const response = await fetch(url, { headers, redirect: 'manual', signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`It answers ${response.status}`)
  }
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > mostBytes) throw new Error('The answer is too long')
    parts.push(part)
  }
  const value: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
  return { ...(value as Record<string, unknown>) }
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('issuer_unavailable', message, { cause, retryAfterSeconds: 10 })
}
