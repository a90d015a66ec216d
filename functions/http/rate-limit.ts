/**
 * Rate limits: per credential for authenticated requests, per network for all others. A request does
 * not wait for the store, and its body is read after the check.
 */
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { ProblemCode } from '../errors.ts'
import type { TokenBuckets } from '../identity/token-bucket.ts'
import { createTtlCache } from '../lib/ttl-cache.ts'
import { networkPrefix } from './client-ip.ts'
import type { ClientIp } from './client-ip.ts'

export interface RateLimits {
  /**
   * Charges a request to its network, unless its credential was accepted recently.
   *
   * @param isSignIn uses the higher limit for sign-ins: when an office (or, with a wrong
   *   FORWARDED_HOPS, every client) is one network, an attacker there cannot block sign-ins
   * @throws {GatewayError} `rate_limited`
   */
  charge(req: IncomingMessage, isSignIn?: boolean): void
  /**
   * Refunds an authenticated request to its network and charges it to its credential.
   *
   * @param credential id of the credential
   * @throws {GatewayError} `rate_limited`
   */
  credit(req: IncomingMessage, credential: string): void
  /** Charges nine more requests for an invalid credential. */
  penalize(req: IncomingMessage, code: ProblemCode): void
}

export interface RateLimitOptions {
  clientIp: ClientIp
  /** `undefined` for no limit. */
  byCredential: TokenBuckets | undefined
  byNetwork: TokenBuckets | undefined
  /** For sign-ins of a network that has reached its limit. */
  bySignIn: TokenBuckets | undefined
}

/** Codes that an attacker gets who guesses credentials. */
const guessCodes = new Set<ProblemCode>([
  'invalid_token',
  'session_expired',
  'wrong_audience',
  'state_missing',
  'state_invalid',
  'state_mismatch',
  'state_used',
  'issuer_mismatch',
  'code_exchange_failed',
  'id_token_invalid',
])
const guessPenalty = 9 // in addition to the request itself
const maxAccepted = 10_000

export function createRateLimits(options: RateLimitOptions): RateLimits {
  const { clientIp, byCredential, byNetwork, bySignIn } = options
  /** Hashes of recently accepted credentials: a flood from their network does not block them. */
  const accepted = createTtlCache<string, true>({ maxEntries: maxAccepted })
  const charged = new WeakMap<IncomingMessage, string>()

  return {
    charge(req, isSignIn = false) {
      if (!byNetwork) return
      const hashed = credentialHash(req)
      if (hashed !== undefined && accepted.get(hashed)) return
      const network = networkPrefix(clientIp(req))
      const waitMs = byNetwork.take(network)
      // A cookie indicates a browser that has signed in.
      const isBrowser = isSignIn || req.headers.cookie !== undefined
      if (waitMs > 0 && isBrowser && bySignIn) return rejectUntil(bySignIn.take(network))
      rejectUntil(waitMs)
      charged.set(req, network)
    },

    credit(req, credential) {
      if (byNetwork) {
        const network = charged.get(req)
        if (network !== undefined) byNetwork.refund(network)
        charged.delete(req)
        const hashed = credentialHash(req)
        if (hashed !== undefined) accepted.set(hashed, true)
      }
      rejectUntil(byCredential?.take(credential) ?? 0)
    },

    penalize(req, code) {
      if (!byNetwork || !guessCodes.has(code)) return
      const hashed = credentialHash(req)
      if (hashed !== undefined) accepted.delete(hashed)
      byNetwork.drain(networkPrefix(clientIp(req)), guessPenalty)
    },
  }
}

function rejectUntil(waitMs: number): void {
  if (waitMs === 0) return
  throw new GatewayError(
    'rate_limited',
    'The rate limit of the credential or network is exceeded',
    {
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    },
  )
}

/** Hash of the bearer or the cookie, valid or not. */
function credentialHash({ headers }: IncomingMessage): string | undefined {
  const credential = headers.authorization ?? headers.cookie
  return credential === undefined ? undefined : hash('sha256', credential, 'base64')
}
