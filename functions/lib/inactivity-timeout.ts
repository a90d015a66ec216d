/**
 * How long somebody else may be silent, in time that this process lived through. One that stood
 * still itself, as its instance was frozen or its machine busy, finds all its timers over at once
 * when it goes on, and what it waited for unread behind them: it may not say that nothing came.
 */
export interface Timer {
  /** The time begins anew. */
  restart(): void
  /** It is over for good, and `onOver` is not called. */
  stop(): void
}

/** However long a pause of the process is, it counts for one of these. */
const parts = 8

/** @param onOver is called once, unless somebody stops the timer before */
export function startTimer(ms: number, onOver: () => void): Timer {
  let left = parts
  const interval = setInterval(() => {
    if (--left > 0) return
    clearInterval(interval)
    onOver()
  }, ms / parts)
  return {
    restart() {
      left = parts
      interval.refresh()
    },
    stop: () => clearInterval(interval),
  }
}
