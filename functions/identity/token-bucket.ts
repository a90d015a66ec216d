/**
 * In-memory token buckets: a rate limit per minute for each key, refilled continuously.
 *
 * Instances share usage loosely. An instance that has served a quarter of a key's limit adds that to
 * a record of the minute and subtracts what the others have added. A key below a quarter costs no
 * store access. With n instances a key may exceed the limit by up to a quarter per instance, and get
 * the whole limit from each while the store is unavailable.
 */
import { createHash } from 'node:crypto'
import { createTtlCache } from '../lib/ttl-cache.ts'
import type { VersionedStore } from '../store/versioned-store.ts'
import type { Count } from './fixed-window-limiter.ts'

export interface TokenBuckets {
  /**
   * Takes tokens.
   *
   * @param cost default 1
   * @returns 0, or the milliseconds until the bucket has enough tokens; nothing is taken then
   */
  take(key: string, cost?: number): number
  /** Takes `cost` tokens, or all that are left. */
  drain(key: string, cost: number): void
  /** Returns one token. */
  refund(key: string): void
}

export interface TokenBucketOptions {
  /** Separates the keys of several limiters. */
  namespace: string
  perMinute: number
  records: VersionedStore<Count>
  now?: () => number
  /** Default 10,000. The least recently used bucket is evicted and starts full again. */
  maxBuckets?: number
}

interface Bucket {
  level: number
  refilledAt: number
  /** Taken since the last report. */
  unreported: number
  /** The minute that the following fields refer to. */
  minute: number
  /** Reported by this instance in the minute. */
  reported: number
  /** Reported by the other instances in the minute. */
  others: number
  isReporting: boolean
}

const minuteMs = 60_000
/** A record is used in its own minute only. */
const recordTtlMs = 5 * minuteMs

export function createTokenBuckets(options: TokenBucketOptions): TokenBuckets {
  const { namespace, perMinute, records, now = Date.now, maxBuckets = 10_000 } = options
  const buckets = createTtlCache<string, Bucket>({ maxEntries: maxBuckets })
  const reportThreshold = Math.max(1, Math.ceil(perMinute / 4))

  /** Returns the key's bucket, refilled, as the most recently used one. */
  function bucketOf(key: string): Bucket {
    const bucket = buckets.get(key) ?? {
      level: perMinute,
      refilledAt: now(),
      unreported: 0,
      minute: 0,
      reported: 0,
      others: 0,
      isReporting: false,
    }
    // When the clock is set back, nothing is refilled.
    const elapsedMs = Math.max(0, now() - bucket.refilledAt)
    bucket.level = Math.min(perMinute, bucket.level + (elapsedMs / minuteMs) * perMinute)
    bucket.refilledAt = now()
    buckets.set(key, bucket)
    return bucket
  }

  function spend(key: string, bucket: Bucket, cost: number): void {
    bucket.level -= cost
    bucket.unreported += cost
    if (bucket.unreported < reportThreshold || bucket.isReporting) return
    bucket.isReporting = true
    void report(key, bucket)
      .catch(() => {}) // without the store each instance counts alone
      .finally(() => (bucket.isReporting = false))
  }

  /** One read and one write. When another instance writes first, the next request tries again. */
  async function report(key: string, bucket: Bucket): Promise<void> {
    const minute = Math.floor(now() / minuteMs)
    if (bucket.minute !== minute) Object.assign(bucket, { minute, reported: 0, others: 0 })
    const id = createHash('sha256').update(`${namespace}\n${key}\n${minute}`).digest('hex')
    const current = await records.find(id)
    const { unreported } = bucket
    const total = (current?.value.count ?? 0) + unreported
    const expiresAt = (minute + 1) * minuteMs + recordTtlMs
    const written = current
      ? await records.replace(id, current.etag, { count: total }, expiresAt)
      : await records.create(id, { count: total }, expiresAt)
    if (!written) return
    bucket.unreported -= unreported
    bucket.reported += unreported
    const others = total - bucket.reported
    bucket.level = Math.max(-perMinute, bucket.level - (others - bucket.others))
    bucket.others = others
  }

  return {
    take(key, cost = 1) {
      const bucket = bucketOf(key)
      if (bucket.level < cost) return Math.ceil(((cost - bucket.level) / perMinute) * minuteMs)
      spend(key, bucket, cost)
      return 0
    },

    drain(key, cost) {
      const bucket = bucketOf(key)
      spend(key, bucket, Math.min(cost, Math.max(0, bucket.level)))
    },

    refund(key) {
      const bucket = bucketOf(key)
      bucket.level = Math.min(perMinute, bucket.level + 1)
      bucket.unreported = Math.max(0, bucket.unreported - 1)
    },
  }
}
