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
import type { ReadClientAddress } from './client-ip.ts'
import { hasMalformedSessionCookie, readSessionCookie } from './cookies.ts'
import type { NetworkSlots } from './network-slots.ts'

/**
 * What a request counts against: its credential, once it is accepted; or its network, for a route that
 * authenticates nobody. Sign-ins have a limit of their own above that of the network, so that an
 * attacker in an office cannot block them.
 */
export type RateLimitKind = 'credential' | 'network' | 'sign-in'

export interface RateLimits {
  /**
   * Charges a request to its network and its proxy, before it is routed. A route that authenticates
   * charges nothing for a credential that was accepted recently.
   *
   * @returns a function to call when the request has ended
   * @throws {GatewayError} `rate_limited`
   */
  charge(req: IncomingMessage, kind: RateLimitKind): () => void
  /**
   * Moves the charge of an authenticated request from its network to its credential.
   *
   * @param credential id of the credential
   * @throws {GatewayError} `rate_limited`
   */
  credit(req: IncomingMessage, credential: string): void
  /** Marks a credential as accepted, by its secret, when it is issued. */
  accept(secret: string): void
  /** Charges nine more requests for an invalid credential, once per request. */
  penalize(req: IncomingMessage, code: ProblemCode): void
}

export interface RateLimitOptions {
  addressOf: ReadClientAddress
  /** `undefined` for no limit. */
  byCredential: TokenBuckets | undefined
  /** `undefined` for no limits of requests without a valid credential. */
  anonymous: AnonymousLimits | undefined
}

export interface AnonymousLimits {
  byNetwork: TokenBuckets
  /** For all networks behind one proxy, whose clients may forge their addresses. */
  byProxy: TokenBuckets
  /** For sign-ins of a network that has reached its limit. */
  bySignIn: TokenBuckets
  /** Requests in progress on routes that authenticate nobody. */
  inProgress: Record<'network' | 'sign-in', NetworkSlots>
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
  const { addressOf, byCredential, anonymous } = options
  /** Hashes of recently accepted credentials: a flood from their network does not block them. */
  const accepted = createTtlCache<string, true>({ maxEntries: maxAccepted })
  /** The charge that an accepted credential moves. */
  const movable = new WeakMap<IncomingMessage, Charge>()
  const penalized = new WeakSet<IncomingMessage>()

  /** Takes one request from the network and the proxy. @returns the milliseconds to wait */
  function take(limits: AnonymousLimits, { network, proxy }: Charge): number {
    const waitMs = limits.byNetwork.take(network)
    if (waitMs > 0 || proxy === undefined) return waitMs
    const proxyWaitMs = limits.byProxy.take(proxy)
    if (proxyWaitMs > 0) limits.byNetwork.refund(network)
    return proxyWaitMs
  }

  function chargeOf(req: IncomingMessage): Charge {
    const { client, proxy } = addressOf(req)
    return {
      network: networkPrefix(client),
      proxy: proxy === undefined ? undefined : networkPrefix(proxy),
    }
  }

  return {
    charge(req, kind) {
      if (!anonymous) return noSlot
      if (kind === 'credential' && accepted.get(credentialHash(req) ?? '')) return noSlot
      const charge = chargeOf(req)
      const waitMs = take(anonymous, charge)
      const hasSignInLimit = kind === 'sign-in' && !hasMalformedSessionCookie(req)
      rejectUntil(waitMs > 0 && hasSignInLimit ? anonymous.bySignIn.take(charge.network) : waitMs)
      if (kind === 'credential') {
        movable.set(req, charge)
        return noSlot
      }
      const freeSlot = anonymous.inProgress[kind].take(charge.network)
      if (!freeSlot) throw rateLimited('The network has too many requests in progress', 1)
      return freeSlot
    },

    credit(req, credential) {
      const charge = movable.get(req)
      if (anonymous && charge) {
        anonymous.byNetwork.refund(charge.network)
        if (charge.proxy !== undefined) anonymous.byProxy.refund(charge.proxy)
      }
      movable.delete(req)
      const hashed = credentialHash(req)
      if (hashed !== undefined) accepted.set(hashed, true)
      rejectUntil(byCredential?.take(credential) ?? 0)
    },

    accept: (secret) => accepted.set(hashOf(secret), true),

    penalize(req, code) {
      if (!anonymous || !guessCodes.has(code) || penalized.has(req)) return
      penalized.add(req)
      accepted.delete(credentialHash(req) ?? '')
      const { network, proxy } = chargeOf(req)
      anonymous.byNetwork.drain(network, guessPenalty)
      if (proxy !== undefined) anonymous.byProxy.drain(proxy, guessPenalty)
    },
  }
}

/** The networks that a request counts against. */
interface Charge {
  network: string
  proxy: string | undefined
}

function noSlot(): void {}

function rejectUntil(waitMs: number): void {
  if (waitMs === 0) return
  const reason = 'The rate limit of the credential or network is exceeded'
  throw rateLimited(reason, Math.ceil(waitMs / 1000))
}

function rateLimited(message: string, retryAfterSeconds: number): GatewayError {
  return new GatewayError('rate_limited', message, { retryAfterSeconds })
}

/** Hash of the secret that a request presents, valid or not. */
function credentialHash(req: IncomingMessage): string | undefined {
  const { authorization } = req.headers
  if (authorization !== undefined) return hashOf(authorization.replace(/^bearer /i, ''))
  if (hasMalformedSessionCookie(req)) return undefined
  const { session } = readSessionCookie(req)
  return session === undefined ? undefined : hashOf(session)
}

function hashOf(secret: string): string {
  return hash('sha256', secret, 'base64')
}
