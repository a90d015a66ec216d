/**
 * How often something may be done in a while, counted in one document for each who does it, so that
 * the count holds whichever instances they come to.
 */
import { createHash } from 'node:crypto'
import type { Records } from '../store/versioned-store.ts'

export interface Count {
  count: number
}

export function isCount(data: Record<string, unknown>): boolean {
  return typeof data['count'] === 'number'
}

export interface Rate {
  /**
   * Counts one more.
   *
   * @param who is kept as a hash only
   * @returns 0 when it may be done, else the milliseconds until it may be tried again
   */
  take(who: string): Promise<number>
}

export interface RateParts {
  records: Records<Count>
  /** Sets this count apart from others of the same people. */
  what: string
  most: number
  /** Milliseconds from the first one until the count begins anew. */
  perMs: number
  now?: () => number
}

/** Losing so many writes in a row takes a crowd, which is what is to be held up. */
const mostRounds = 8

export function createRate(parts: RateParts): Rate {
  const { records, what, most, perMs, now = Date.now } = parts
  return {
    async take(who) {
      const id = createHash('sha256').update(`${what}\n${who}`).digest('hex')
      for (let round = 0; round < mostRounds; round++) {
        const there = await records.find(id)
        const left = there ? there.expiresAt - now() : 0
        if (!there) {
          if (await records.create(id, { count: 1 }, now() + perMs)) return 0
        } else if (left <= 0 || left > perMs) {
          // Over, or the clock was set back.
          if (await records.replace(id, there.revision, { count: 1 }, now() + perMs)) return 0
        } else if (there.value.count >= most) {
          return left
        } else {
          const value = { count: there.value.count + 1 }
          if (await records.replace(id, there.revision, value, there.expiresAt)) return 0
        }
      }
      return 1_000
    },
  }
}
