/**
 * Token buckets, one for each caller, in memory: so many requests a minute, refilled as time goes.
 *
 * Instances tell each other little: one that has served a caller a quarter of a minute's worth adds
 * that to a record of the minute, and takes off what the others have written there. A caller who
 * stays below that costs no read and no write. So with n instances a caller may get up to a quarter
 * of the limit more from each of them than from one, and all of it from each while the store is down.
 */
import { createHash } from 'node:crypto'
import { keepRecent } from '../lib/lru.ts'
import type { Records } from '../store/versioned-store.ts'
import type { Count } from './fixed-window-limiter.ts'

export interface Buckets {
  /**
   * Takes one, or several.
   *
   * @returns 0, or the milliseconds until there is enough in it; nothing is taken then
   */
  take(who: string, cost?: number): number
  /** Takes up to so many, whatever is there. */
  drain(who: string, cost: number): void
  /** Puts one back. */
  giveBack(who: string): void
}

export interface BucketParts {
  /** Sets these buckets apart from others of the same people. */
  what: string
  perMinute: number
  records: Records<Count>
  now?: () => number
  /** How many callers are kept in mind; those who came longest ago are forgotten, and start afresh. */
  mostKept?: number
}

interface Bucket {
  level: number
  at: number
  /** Taken since the others were last told. */
  untold: number
  /** The minute that the rest is about; what was told, and what others have told, in it. */
  minute: number
  told: number
  heard: number
  telling: boolean
}

const minuteMs = 60_000
/** A record is looked at in its own minute only. */
const keptMs = 5 * minuteMs

export function createBuckets(parts: BucketParts): Buckets {
  const { what, perMinute, records, now = Date.now, mostKept = 10_000 } = parts
  const buckets = new Map<string, Bucket>()
  const share = Math.max(1, Math.ceil(perMinute / 4))

  function bucketOf(who: string): Bucket {
    const fresh = { level: perMinute, at: now(), untold: 0, minute: 0, told: 0, heard: 0 }
    const bucket = buckets.get(who) ?? { ...fresh, telling: false }
    // A clock that was set back refills nothing.
    const passed = Math.max(0, now() - bucket.at)
    bucket.level = Math.min(perMinute, bucket.level + (passed / minuteMs) * perMinute)
    bucket.at = now()
    keepRecent(buckets, who, bucket, mostKept)
    return bucket
  }

  function spend(who: string, bucket: Bucket, cost: number): void {
    bucket.level -= cost
    bucket.untold += cost
    if (bucket.untold < share || bucket.telling) return
    bucket.telling = true
    void tell(who, bucket)
      .catch(() => {}) // each instance then counts by itself
      .finally(() => (bucket.telling = false))
  }

  /** One read and one write; where another instance was quicker, the next request tries again. */
  async function tell(who: string, bucket: Bucket): Promise<void> {
    const minute = Math.floor(now() / minuteMs)
    if (bucket.minute !== minute) Object.assign(bucket, { minute, told: 0, heard: 0 })
    const id = createHash('sha256').update(`${what}\n${who}\n${minute}`).digest('hex')
    const there = await records.find(id)
    const { untold } = bucket
    const value = { count: (there?.value.count ?? 0) + untold }
    const expiresAt = (minute + 1) * minuteMs + keptMs
    const written = there
      ? await records.replace(id, there.revision, value, expiresAt)
      : await records.create(id, value, expiresAt)
    if (!written) return
    bucket.untold -= untold
    bucket.told += untold
    const others = value.count - bucket.told
    bucket.level = Math.max(-perMinute, bucket.level - (others - bucket.heard))
    bucket.heard = others
  }

  return {
    take(who, cost = 1) {
      const bucket = bucketOf(who)
      if (bucket.level < cost) return Math.ceil(((cost - bucket.level) / perMinute) * minuteMs)
      spend(who, bucket, cost)
      return 0
    },

    drain(who, cost) {
      const bucket = bucketOf(who)
      spend(who, bucket, Math.min(cost, Math.max(0, bucket.level)))
    },

    giveBack(who) {
      const bucket = bucketOf(who)
      bucket.level = Math.min(perMinute, bucket.level + 1)
      bucket.untold = Math.max(0, bucket.untold - 1)
    },
  }
}
