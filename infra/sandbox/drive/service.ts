/** What the handlers of the Drive share, and how their refusals become answers. */
import type { Exchange, Route } from '../router.ts'
import { answerJson } from '../router.ts'
import { DriveError } from './errors.ts'
import type { Caller } from './auth-context.ts'
import type { Sinks } from './blob-store.ts'
import type { Tree } from './tree.ts'

export interface Place {
  tree: Tree
  sinks: Sinks
  /** Bytes that each person may store. */
  quota: { bytes: number }
  now(): number
  /** @throws 401 */
  authenticate(req: Exchange['req']): Caller
}

/** Answers a refusal in Google's shape; anything else is the sandbox's own mistake. */
export function refusing(
  handle: (exchange: Exchange) => Promise<void> | void,
): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    try {
      await handle(exchange)
    } catch (error) {
      if (!(error instanceof DriveError)) throw error
      answerJson(exchange.res, error.status, error.body)
    }
  }
}

export function route(
  operation: string,
  method: string,
  path: RegExp,
  handle: (exchange: Exchange) => Promise<void> | void,
): Route {
  return { operation, method, path, handle: refusing(handle) }
}
