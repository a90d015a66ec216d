/** The shared context of Drive's handlers, and the conversion of errors to responses. */
import type { Exchange, Route } from '../router.ts'
import { sendJson } from '../router.ts'
import { DriveError } from './errors.ts'
import type { Caller } from './auth-context.ts'
import type { BlobStore } from './blob-store.ts'
import type { Tree } from './tree.ts'

export interface DriveContext {
  tree: Tree
  blobStore: BlobStore
  /** Storage quota per user in bytes. */
  quota: { bytes: number }
  /** Whether a chunk may repeat bytes that are stored already. */
  acceptsResentBytes: boolean
  now(): number
  /** @throws 401 */
  authenticate(req: Exchange['req']): Caller
}

/** Responds to a DriveError in Google's format; any other error is a bug of the sandbox. */
export function withDriveErrors(
  handle: (exchange: Exchange) => Promise<void> | void,
): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    try {
      await handle(exchange)
    } catch (error) {
      if (!(error instanceof DriveError)) throw error
      sendJson(exchange.res, error.status, error.body)
    }
  }
}

export function route(
  operation: string,
  method: string,
  path: RegExp,
  handle: (exchange: Exchange) => Promise<void> | void,
): Route {
  return { operation, method, path, handle: withDriveErrors(handle) }
}
