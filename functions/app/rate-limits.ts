/** Composition of the rate limits and of the client addresses that they use. */
import type { Config } from '../config/config.ts'
import { createClientAddress } from '../http/client-ip.ts'
import type { ClientIp, ReadClientAddress } from '../http/client-ip.ts'
import { createNetworkSlots } from '../http/network-slots.ts'
import { createRateLimits } from '../http/rate-limit.ts'
import type { AnonymousLimits, RateLimits } from '../http/rate-limit.ts'
import { isCount } from '../identity/fixed-window-limiter.ts'
import type { Count } from '../identity/fixed-window-limiter.ts'
import { createTokenBuckets } from '../identity/token-bucket.ts'
import type { TokenBuckets } from '../identity/token-bucket.ts'
import { createFirestoreVersionedStore } from '../store/firestore-versioned-store.ts'
import type { Clients } from './clients.ts'

export interface RateLimitServices {
  addressOf: ReadClientAddress
  clientIp: ClientIp
  rateLimits: RateLimits
}

/** The sign-in rate limit of a network, as a multiple of its limit for other requests. */
const signInFactor = 10
/** The rate limit of all networks behind one proxy, as a multiple of the limit of one. */
const proxyFactor = 20
/**
 * Requests in progress on routes that authenticate nobody, per instance: fewer than the maximum
 * concurrency of an instance, so that authenticated requests are served too.
 */
const maxInProgress = 32
const maxInProgressPerNetwork = 16

export function createRateLimitServices(
  { rateLimits: { credential, network }, trustedProxies }: Config,
  { firestore }: Pick<Clients, 'firestore'>,
  now: () => number,
): RateLimitServices {
  const buckets = (namespace: string, perMinute: number): TokenBuckets => {
    const records = createFirestoreVersionedStore<Count>(firestore, 'rateLimits', isCount)
    return createTokenBuckets({ records, namespace, perMinute, now })
  }
  const anonymousLimits = (perMinute: number): AnonymousLimits => ({
    byNetwork: buckets('requests of a network', perMinute),
    byProxy: buckets('requests of a proxy', proxyFactor * perMinute),
    bySignIn: buckets('sign-ins of a network', signInFactor * perMinute),
    inProgress: {
      network: createNetworkSlots(maxInProgress, maxInProgressPerNetwork),
      'sign-in': createNetworkSlots(maxInProgress, maxInProgressPerNetwork),
    },
  })
  const addressOf = createClientAddress(trustedProxies)
  return {
    addressOf,
    clientIp: (req) => addressOf(req).client,
    rateLimits: createRateLimits({
      addressOf,
      byCredential:
        credential === null ? undefined : buckets('requests of a credential', credential),
      anonymous: network === null ? undefined : anonymousLimits(network),
    }),
  }
}
