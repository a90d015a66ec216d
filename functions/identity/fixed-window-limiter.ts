/** Fixed-window rate limiter. Each key has one document, so the limit holds across all instances. */
import { createHash } from 'node:crypto'
import type { VersionedStore } from '../store/versioned-store.ts'

export interface Count {
  count: number
}

export function isCount(data: Record<string, unknown>): boolean {
  return typeof data['count'] === 'number'
}

export interface FixedWindowLimiter {
  /**
   * Counts one event.
   *
   * @param key stored as a hash only
   * @returns 0 when the event is allowed, else the milliseconds until the next attempt
   */
  take(key: string): Promise<number>
}

export interface FixedWindowOptions {
  records: VersionedStore<Count>
  /** Separates the keys of several limiters. */
  namespace: string
  /** Maximum number of events per window. */
  limit: number
  /** Length of a window in milliseconds; it starts with its first event. */
  windowMs: number
  now?: () => number
}

/** So many lost writes in a row take a flood of requests, which is to be limited anyway. */
const maxAttempts = 8

export function createFixedWindowLimiter(options: FixedWindowOptions): FixedWindowLimiter {
  const { records, namespace, limit, windowMs, now = Date.now } = options
  return {
    async take(key) {
      const id = createHash('sha256').update(`${namespace}\n${key}`).digest('hex')
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const current = await records.find(id)
        if (!current) {
          if (await records.create(id, { count: 1 }, now() + windowMs)) return 0
          continue
        }
        const remainingMs = current.expiresAt - now()
        // A remaining time above the window means that the clock was set back.
        const isNewWindow = remainingMs <= 0 || remainingMs > windowMs
        const count = isNewWindow ? 1 : current.value.count + 1
        if (count > limit && !isNewWindow) return remainingMs
        const expiresAt = isNewWindow ? now() + windowMs : current.expiresAt
        if (await records.replace(id, current.etag, { count }, expiresAt)) return 0
      }
      return 1_000
    },
  }
}
