/** Queue of uploads that wait for memory, in order of arrival. */
import type { GatewayError } from '../../errors.ts'

/** An upload that waits. */
export interface Applicant {
  /** Memory that the upload occupies while it waits. */
  bytes: number
  /** Reserves the memory of the upload, if it is free. */
  tryAdmit(): boolean
  signal?: AbortSignal | undefined
}

export interface AdmissionQueue {
  /**
   * Resolves when the upload is admitted.
   *
   * @throws {GatewayError} after the maximum wait, or at once when too many uploads wait
   * @throws the signal's reason
   */
  enter(applicant: Applicant): Promise<void>
  /** Admits the uploads for which memory has become free. */
  advance(): void
}

export interface AdmissionQueueOptions {
  maxWaitMs: number
  /** Maximum memory of all uploads that wait. */
  maxBytes: number
  refuse(): GatewayError
}

interface Waiting extends Applicant {
  admit(): void
}

export function createAdmissionQueue({
  maxWaitMs,
  maxBytes,
  refuse,
}: AdmissionQueueOptions): AdmissionQueue {
  const waiting = new Set<Waiting>()
  let waitingBytes = 0

  return {
    async enter(applicant) {
      const { bytes, signal } = applicant
      signal?.throwIfAborted()
      if (waiting.size === 0 && applicant.tryAdmit()) return
      if (waitingBytes + bytes > maxBytes) throw refuse()
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', abort)
          waiting.delete(entry)
          waitingBytes -= bytes
        }
        const fail = (error: unknown): void => {
          leave()
          advance()
          reject(error)
        }
        const abort = (): void => fail(signal?.reason)
        const timer = setTimeout(() => fail(refuse()), maxWaitMs)
        const entry: Waiting = {
          ...applicant,
          admit() {
            leave()
            resolve()
          },
        }
        signal?.addEventListener('abort', abort, { once: true })
        waiting.add(entry)
        waitingBytes += bytes
      })
    },
    advance,
  }

  function advance(): void {
    for (const entry of waiting) {
      if (!entry.tryAdmit()) return
      entry.admit()
    }
  }
}
