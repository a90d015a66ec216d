/**
 * What strays from a request: an error that a callback throws when nobody is there to catch it, a
 * rejection that nobody awaits, an `error` event without a listener. It ends the request that it
 * comes from, and no other.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Log } from './log.ts'

export interface Net {
  /**
   * Does the work of one request.
   *
   * @param onStray something strayed, and the work may wait for ever for what it would have done
   * @throws what the work throws, or what strays from it first
   */
  under<T>(log: Log, work: () => Promise<T>, onStray: () => void): Promise<T>
  /**
   * Spreads the net below this process, in place of whoever listened before.
   *
   * @param onLost something strayed from no request: who knows what state this process is in
   */
  spread(onLost: () => void): void
}

export function createNet(log: Log): Net {
  /** Called with what strays from the request at hand. */
  const strayed = new AsyncLocalStorage<(error: unknown) => void>()

  return {
    under: (requestLog, work, onStray) =>
      new Promise((resolve, reject) => {
        let isOver = false
        const over = (): void => {
          isOver = true
        }
        const fail = (error: unknown): void => {
          if (isOver) return requestLog.failure('strayed', error)
          over()
          onStray()
          reject(error)
        }
        // Not awaited: what is thrown from here on belongs to this request all the same.
        void strayed.run(fail, work).finally(over).then(resolve, reject)
      }),

    spread(onLost) {
      for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
        process.removeAllListeners(event)
        process.on(event, (error: unknown) => {
          const fail = strayed.getStore()
          if (fail) return fail(error)
          log.failure('strayed', error)
          onLost()
        })
      }
    },
  }
}
