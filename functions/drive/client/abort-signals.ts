/** AbortSignal helpers. */

/**
 * Waits for a promise until the signal aborts. The promise itself is not cancelled.
 *
 * @throws the signal's reason as soon as it aborts
 */
export function raceAbort<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(
      (value) => {
        signal.removeEventListener('abort', abort)
        resolve(value)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abort)
        reject(error)
      },
    )
  })
}

/**
 * Forwards a signal's abort to a controller that others may abort too. Does what `AbortSignal.any`
 * does, at a fraction of its cost.
 *
 * @returns stops forwarding
 */
export function forwardAbort(signal: AbortSignal, controller: AbortController): () => void {
  const abort = (): void => controller.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}

/** Returns a signal that aborts `ms` milliseconds after another signal, with the same reason. */
export function delayAbort(signal: AbortSignal, ms: number): AbortSignal {
  const delayed = new AbortController()
  const start = (): void => {
    setTimeout(() => delayed.abort(signal.reason), ms).unref()
  }
  if (signal.aborted) start()
  else signal.addEventListener('abort', start, { once: true })
  return delayed.signal
}
