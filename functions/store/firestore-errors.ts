/** Firestore's errors as ours, and an end to waiting for it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { withDeadline } from '../lib/deadline.ts'
import { GatewayError } from '../errors.ts'

/**
 * The client tries again by itself, with growing waits, for ten minutes where the server is busy and
 * for a minute where it says nothing. A request here waits no longer than this.
 */
const patienceMs = 8_000

/**
 * Aborted when nobody waits any longer for what is being done. The client must stop then: a write that
 * it makes later was said to be lost, and somebody may have acted on that.
 */
export const abandoned = new AsyncLocalStorage<AbortSignal>()

/** gRPC codes, and the HTTP statuses that the client has instead over REST. */
const alreadyExists = 6
const failedPrecondition = 9
const notAllowed = new Set<unknown>([7, 16, 401, 403])

/** A write that lost: the document is there already, or has changed meanwhile. */
export class ConflictError extends Error {
  override name = 'ConflictError'
}

/**
 * @param work is ended with the waiting for it
 * @throws {ConflictError} when a precondition did not hold
 * @throws {GatewayError} `misconfigured` or `store_unavailable` for everything else
 */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  const waiting = new AbortController()
  const tooLate = (): GatewayError => {
    waiting.abort()
    return new GatewayError('store_unavailable', 'Firestore took too long')
  }
  try {
    return await withDeadline(abandoned.run(waiting.signal, work), patienceMs, tooLate)
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const { code } = error as { code?: unknown }
    if (code === alreadyExists || code === failedPrecondition || code === 409) {
      throw new ConflictError('A precondition did not hold', { cause: error })
    }
    if (notAllowed.has(code)) {
      throw new GatewayError('misconfigured', 'Firestore does not let us in', { cause: error })
    }
    throw new GatewayError('store_unavailable', 'Firestore did not answer', { cause: error })
  }
}

/** Whether a write lost to another one; a document that is gone (gRPC 5, HTTP 404) is one too. */
export function hasLost(error: unknown): boolean {
  if (error instanceof ConflictError) return true
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
  return code === 5 || code === 404
}
