/** Deadline and error mapping for Firestore. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Firestore } from '@google-cloud/firestore'
import { withDeadline } from '../lib/deadline.ts'
import { GatewayError } from '../errors.ts'

/**
 * Maximum time for one Firestore operation. The SDK itself retries with backoff for ten minutes when
 * the server is busy, and for one minute when it does not respond.
 */
const defaultTimeoutMs = 8_000

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
 * Runs one Firestore operation with a deadline and maps its errors.
 *
 * @throws {ConflictError} for a failed precondition
 * @throws {GatewayError} `misconfigured`, `store_unavailable`
 */
export type RunFirestore = <T>(operation: (firestore: Firestore) => Promise<T>) => Promise<T>

/** @param timeouts in milliseconds, read for each operation */
export function createFirestoreRunner(
  client: () => Promise<Firestore>,
  timeouts: { firestore?: number | undefined } = {},
): RunFirestore {
  return async (operation) => {
    const firestore = await client()
    const deadline = new AbortController()
    const onTimeout = (): GatewayError => {
      deadline.abort()
      return new GatewayError('store_unavailable', 'The request to Firestore timed out')
    }
    try {
      return await withDeadline(
        deadlineSignal.run(deadline.signal, () => operation(firestore)),
        timeouts.firestore ?? defaultTimeoutMs,
        onTimeout,
      )
    } catch (error) {
      throw toStoreError(error)
    }
  }
}

function toStoreError(error: unknown): Error {
  if (error instanceof GatewayError) return error
  const { code } = error as { code?: unknown }
  if (code === alreadyExists || code === failedPrecondition || code === 409) {
    return new ConflictError('A precondition failed', { cause: error })
  }
  if (permissionErrors.has(code)) {
    return new GatewayError('misconfigured', 'Firestore denied permission', { cause: error })
  }
  return new GatewayError('store_unavailable', 'The request to Firestore failed', { cause: error })
}

/** Whether a write failed because of a concurrent one; includes a missing document (gRPC 5, HTTP 404). */
export function isPreconditionFailure(error: unknown): boolean {
  if (error instanceof ConflictError) return true
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
  return code === 5 || code === 404
}
