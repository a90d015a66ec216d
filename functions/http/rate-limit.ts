/**
 * How many requests a caller may make: by credential for whoever has shown one that is good, by
 * network for everybody else. Nobody waits for the store here, and no body is read before.
 */
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { ProblemCode } from '../errors.ts'
import type { Buckets } from '../identity/token-bucket.ts'
import { keepRecent } from '../lib/lru.ts'
import { networkOf } from './client-ip.ts'
import type { AddressOf } from './client-ip.ts'

export interface RateLimits {
  /**
   * Counts a request for the network that it comes from, unless it shows what was good lately.
   *
   * @param isSignIn is let through for longer: where a whole office, or by a wrong FORWARDED_HOPS
   *   everybody, is one network, nobody who guesses there keeps the others from signing in
   * @throws {GatewayError} `rate_limited`
   */
  enter(req: IncomingMessage, isSignIn?: boolean): void
  /**
   * The request has turned out to be somebody's: it counts for their credential, and no longer for
   * the network that they share with others.
   *
   * @throws {GatewayError} `rate_limited`
   */
  identified(req: IncomingMessage, credential: string): void
  /** What was shown was worth nothing: one more try costs as much as ten other requests. */
  failed(req: IncomingMessage, code: ProblemCode): void
}

export interface RateLimitParts {
  addressOf: AddressOf
  /** Nothing where there is no limit. */
  byCredential: Buckets | undefined
  byNetwork: Buckets | undefined
  /** For sign-ins of a network that has used up its share otherwise. */
  bySignIn: Buckets | undefined
}

/** Of these, somebody may be trying many. */
const guesses = new Set<ProblemCode>([
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
const costOfGuess = 9 // besides the one of every request
const mostGood = 10_000

export function createRateLimits(parts: RateLimitParts): RateLimits {
  const { addressOf, byCredential, byNetwork, bySignIn } = parts
  /** What was good lately, by its hash: a flood from its network does not shut it out. */
  const good = new Map<string, true>()
  const paying = new WeakMap<IncomingMessage, string>()

  return {
    enter(req, isSignIn = false) {
      if (!byNetwork) return
      const shown = hashOfShown(req)
      if (shown !== undefined && good.has(shown)) return
      const network = networkOf(addressOf(req))
      const waitMs = byNetwork.take(network)
      // With a cookie comes a browser that has signed in, or says so.
      const isBrowser = isSignIn || req.headers.cookie !== undefined
      if (waitMs > 0 && isBrowser && bySignIn) return refuseUntil(bySignIn.take(network))
      refuseUntil(waitMs)
      paying.set(req, network)
    },

    identified(req, credential) {
      if (byNetwork) {
        const network = paying.get(req)
        if (network !== undefined) byNetwork.giveBack(network)
        paying.delete(req)
        const shown = hashOfShown(req)
        if (shown !== undefined) keepRecent(good, shown, true, mostGood)
      }
      refuseUntil(byCredential?.take(credential) ?? 0)
    },

    failed(req, code) {
      if (!byNetwork || !guesses.has(code)) return
      const shown = hashOfShown(req)
      if (shown !== undefined) good.delete(shown)
      byNetwork.drain(networkOf(addressOf(req)), costOfGuess)
    },
  }
}

function refuseUntil(waitMs: number): void {
  if (waitMs === 0) return
  throw new GatewayError('rate_limited', 'The caller’s share of this minute is used up', {
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  })
}

/** Of the bearer, or else of the cookie, whatever it may be worth. */
function hashOfShown({ headers }: IncomingMessage): string | undefined {
  const shown = headers.authorization ?? headers.cookie
  return shown === undefined ? undefined : hash('sha256', shown, 'base64')
}
