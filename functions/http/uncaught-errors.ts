/**
 * Uncaught errors, attributed to the request that caused them: an exception in a callback, an unhandled
 * rejection, an `error` event without a listener. Such an error ends that request and no other.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Log } from './log.ts'

export interface ErrorBoundary {
  /**
   * Runs the handler of one request.
   *
   * @param onUncaught called on an uncaught error, after which the handler may never settle
   * @throws the handler's error, or the first uncaught error
   */
  run<T>(log: Log, work: () => Promise<T>, onUncaught: () => void): Promise<T>
  /**
   * Replaces all listeners of this process for uncaught errors.
   *
   * @param onUnattributed called on an error that belongs to no request: the process state is unknown
   */
  install(onUnattributed: () => void): void
}

export function createErrorBoundary(log: Log): ErrorBoundary {
  /** The handler of uncaught errors of the current request. */
  const handlers = new AsyncLocalStorage<(error: unknown) => void>()

  return {
    run: (requestLog, work, onUncaught) =>
      new Promise((resolve, reject) => {
        let isSettled = false
        const settle = (): void => {
          isSettled = true
        }
        const fail = (error: unknown): void => {
          if (isSettled) return requestLog.failure('uncaught_error', error)
          settle()
          onUncaught()
          reject(error)
        }
        // Not awaited: later uncaught errors still belong to this request.
        void handlers.run(fail, work).finally(settle).then(resolve, reject)
      }),

    install(onUnattributed) {
      for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
        process.removeAllListeners(event)
        process.on(event, (error: unknown) => {
          const fail = handlers.getStore()
          if (fail) return fail(error)
          log.failure('uncaught_error', error)
          onUnattributed()
        })
      }
    },
  }
}
