/**
 * Per-upload locks within this instance: a client that reconnects does not wait for its previous,
 * abandoned request. Between instances Drive itself rejects the second writer.
 */

export interface Lock {
  /** Aborts when a newer request wants the lock. */
  readonly preempted: AbortSignal
  release(): void
}

export interface UploadLocks {
  /**
   * Preempts the current holder, and waits until it releases the lock.
   *
   * @param reason abort reason for the current holder
   */
  acquire(id: string, reason: Error): Promise<Lock>
}

export function createUploadLocks(): UploadLocks {
  const newest = new Map<string, { preempting: AbortController; released: Promise<void> }>()

  return {
    async acquire(id, reason) {
      const previous = newest.get(id)
      const preempting = new AbortController()
      let settle: (() => void) | undefined
      const released = new Promise<void>((resolve) => (settle = resolve))
      const own = { preempting, released }
      newest.set(id, own)
      previous?.preempting.abort(reason)
      await previous?.released
      return {
        preempted: preempting.signal,
        release() {
          if (newest.get(id) === own) newest.delete(id)
          settle?.()
        },
      }
    },
  }
}
