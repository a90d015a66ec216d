/** Deadline and error mapping for Firestore. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { withDeadline } from '../lib/deadline.ts'
import { GatewayError } from '../errors.ts'

/**
 * Maximum time for one Firestore operation. The SDK itself retries with backoff for ten minutes when
 * the server is busy, and for one minute when it does not respond.
 */
const firestoreTimeoutMs = 8_000

/**
 * Aborts at the deadline of the current operation. The SDK must stop then: a later write was already
 * reported as failed, and the caller may have acted on that.
 */
export const deadlineSignal = new AsyncLocalStorage<AbortSignal>()

/** gRPC codes, and the HTTP statuses that the SDK reports over REST. */
const alreadyExists = 6
const failedPrecondition = 9
const permissionErrors = new Set<unknown>([7, 16, 401, 403])

/** A failed precondition: the document exists already, or has changed. */
export class ConflictError extends Error {
  override name = 'ConflictError'
}

/**
 * Runs a Firestore operation with a deadline and maps its errors.
 *
 * @throws {ConflictError} for a failed precondition
 * @throws {GatewayError} `misconfigured`, `store_unavailable`
 */
export async function withFirestoreDeadline<T>(work: () => Promise<T>): Promise<T> {
  const deadline = new AbortController()
  const onTimeout = (): GatewayError => {
    deadline.abort()
    return new GatewayError('store_unavailable', 'The request to Firestore timed out')
  }
  try {
    return await withDeadline(
      deadlineSignal.run(deadline.signal, work),
      firestoreTimeoutMs,
      onTimeout,
    )
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const { code } = error as { code?: unknown }
    if (code === alreadyExists || code === failedPrecondition || code === 409) {
      throw new ConflictError('A precondition failed', { cause: error })
    }
    if (permissionErrors.has(code)) {
      throw new GatewayError('misconfigured', 'Firestore denied permission', { cause: error })
    }
    throw new GatewayError('store_unavailable', 'The request to Firestore failed', { cause: error })
  }
}

/** Whether a write failed because of a concurrent one; includes a missing document (gRPC 5, HTTP 404). */
export function isPreconditionFailure(error: unknown): boolean {
  if (error instanceof ConflictError) return true
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
  return code === 5 || code === 404
}
