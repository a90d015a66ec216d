/**
 * Inactivity timeout that ignores pauses of this process. After a pause (a frozen instance, a busy
 * machine) all timers fire together while received data is still unread, so a plain timer would report
 * a silent peer.
 */
export interface InactivityTimeout {
  /** Starts the time again. */
  restart(): void
  /** Ends the timeout; `onTimeout` is not called. */
  stop(): void
}

/** A pause of the process counts as at most one tick. */
const ticks = 8

/** @param onTimeout called once, unless the timeout is stopped before */
export function startInactivityTimeout(ms: number, onTimeout: () => void): InactivityTimeout {
  let remainingTicks = ticks
  const interval = setInterval(() => {
    if (--remainingTicks > 0) return
    clearInterval(interval)
    onTimeout()
  }, ms / ticks)
  return {
    restart() {
      remainingTicks = ticks
      interval.refresh()
    },
    stop: () => clearInterval(interval),
  }
}
