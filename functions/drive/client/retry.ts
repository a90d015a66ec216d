/** How often, and after how long, something that may pass is tried again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { GatewayError } from '../../errors.ts'
import { isTransient } from './errors.ts'

export interface Patience {
  /**
   * Waits before another try: longer each time, by chance, and at least as long as Drive asks for.
   *
   * @throws the error when there were tries enough, or Drive asks for too long a wait
   */
  spend(error: GatewayError): Promise<void>
  /** Something was gained, so that the count begins anew. */
  renew(): void
  /** Repeats a step for as long as it fails in a way that may pass. */
  retry<T>(step: () => Promise<T>): Promise<T>
}

export type Wait = (ms: number, signal: AbortSignal) => Promise<void>

/** Fruitless rounds in a row, and milliseconds of them, before the last error stands. */
const mostRounds = 8
const mostMs = 120_000
const firstWaitMs = 500
const longestWaitMs = 16_000

export const realWait: Wait = (ms, signal) => sleep(ms, undefined, { signal })

/** @see Google Drive API, "Usage limits": exponential backoff */
export function createPatience(signal: AbortSignal, wait: Wait = realWait): Patience {
  let rounds = 0
  let since = performance.now()

  const patience: Patience = {
    async spend(error) {
      signal.throwIfAborted()
      const asked = (error.retryAfterSeconds ?? 0) * 1000
      const isEnough = ++rounds >= mostRounds || performance.now() - since > mostMs
      if (isEnough || asked > longestWaitMs) throw error
      const ceiling = Math.min(longestWaitMs, firstWaitMs * 2 ** (rounds - 1))
      await wait(Math.max(asked, Math.random() * ceiling), signal)
    },
    renew() {
      rounds = 0
      since = performance.now()
    },
    async retry(step) {
      for (;;) {
        try {
          return await step()
        } catch (error) {
          if (!isTransient(error)) throw error
          await patience.spend(error)
        }
      }
    },
  }
  return patience
}
