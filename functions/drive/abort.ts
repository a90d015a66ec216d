/** Waiting no longer than a signal lets. */

/**
 * Waits for a promise that knows nothing of the signal; the promise itself goes on.
 *
 * @throws the signal's reason as soon as it aborts
 */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
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

/** A signal that aborts as soon as one of two does, for the same reason, until it is let go of. */
export interface Joined {
  signal: AbortSignal
  letGo(): void
}

/** What `AbortSignal.any` does at several times the cost, for signals of which only the ends count. */
export function joinSignals(one: AbortSignal, other: AbortSignal): Joined {
  const joined = new AbortController()
  const abort = ({ target }: Event): void => joined.abort((target as AbortSignal).reason)
  const both = [one, other]
  const aborted = both.find((signal) => signal.aborted)
  if (aborted) joined.abort(aborted.reason)
  for (const signal of both) signal.addEventListener('abort', abort, { once: true })
  return {
    signal: joined.signal,
    letGo() {
      for (const signal of both) signal.removeEventListener('abort', abort)
    },
  }
}

/** Aborts some milliseconds after the other signal does, for the same reason. */
export function abortedLater(signal: AbortSignal, ms: number): AbortSignal {
  const later = new AbortController()
  const start = (): void => {
    setTimeout(() => later.abort(signal.reason), ms).unref()
  }
  if (signal.aborted) start()
  else signal.addEventListener('abort', start, { once: true })
  return later.signal
}
