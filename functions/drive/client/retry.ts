/** Retry policy: exponential backoff with full jitter and a limited number of attempts. */
import { setTimeout as setTimeoutAsync } from 'node:timers/promises'
import type { GatewayError } from '../../errors.ts'
import { isTransient } from './errors.ts'

export interface RetryPolicy {
  /**
   * Waits before the next attempt: a random delay whose maximum doubles each time, and at least the
   * `Retry-After` that Drive sent.
   *
   * @throws the error when the attempts are used up, or when Drive's `Retry-After` is too long
   */
  backoff(error: GatewayError): Promise<void>
  /** Resets the number of attempts after progress. */
  reset(): void
  /** Repeats a step while it fails with a transient error. */
  retry<T>(step: () => Promise<T>): Promise<T>
}

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** Maximum number of attempts in a row without progress, and their maximum duration. */
const maxAttempts = 8
const maxElapsedMs = 120_000
const baseDelayMs = 500
const maxDelayMs = 16_000

export const sleep: Sleep = (ms, signal) => setTimeoutAsync(ms, undefined, { signal })

/** @see Google Drive API, "Usage limits": exponential backoff */
export function createRetryPolicy(signal: AbortSignal, wait: Sleep = sleep): RetryPolicy {
  let attempts = 0
  let since = performance.now()

  const policy: RetryPolicy = {
    async backoff(error) {
      signal.throwIfAborted()
      const retryAfterMs = (error.retryAfterSeconds ?? 0) * 1000
      const isExhausted = ++attempts >= maxAttempts || performance.now() - since > maxElapsedMs
      if (isExhausted || retryAfterMs > maxDelayMs) throw error
      const ceiling = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempts - 1))
      await wait(Math.max(retryAfterMs, Math.random() * ceiling), signal)
    },
    reset() {
      attempts = 0
      since = performance.now()
    },
    async retry(step) {
      for (;;) {
        try {
          return await step()
        } catch (error) {
          if (!isTransient(error)) throw error
          await policy.backoff(error)
        }
      }
    },
  }
  return policy
}
