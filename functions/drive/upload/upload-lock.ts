/**
 * One writer at a time for each upload, as far as this instance sees: a client that comes back need
 * not wait for the request that it lost. Between instances Drive alone decides.
 */

export interface Turn {
  /** Aborts when somebody newer wants to write. */
  readonly displaced: AbortSignal
  /** Lets the next one begin. */
  end(): void
}

export interface Turns {
  /**
   * Asks whoever writes now to stop, and waits until it has.
   *
   * @param reason what the older one is told
   */
  take(id: string, reason: Error): Promise<Turn>
}

export function createTurns(): Turns {
  const newest = new Map<string, { asked: AbortController; over: Promise<void> }>()

  return {
    async take(id, reason) {
      const before = newest.get(id)
      const asked = new AbortController()
      let settle: (() => void) | undefined
      const over = new Promise<void>((resolve) => (settle = resolve))
      const mine = { asked, over }
      newest.set(id, mine)
      before?.asked.abort(reason)
      await before?.over
      return {
        displaced: asked.signal,
        end() {
          if (newest.get(id) === mine) newest.delete(id)
          settle?.()
        },
      }
    },
  }
}
