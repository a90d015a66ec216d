/** What the sandbox's services share: routes in, answers out. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Fault } from './faults.ts'

/** One request on its way through the sandbox. */
export interface Exchange {
  req: IncomingMessage
  res: ServerResponse
  url: URL
  /** What the capture groups of the route's path matched, percent-decoded. */
  params: string[]
  /** Where the sandbox itself is reached, without a slash at the end. */
  origin: string
  /** The fault that this request is to suffer inside its handler, if any. */
  fault: Fault | undefined
}

/** One request of one Google API. */
export interface Route {
  /** Names the request for faults, such as `drive.upload.chunk`. */
  operation: string
  /** Names it more exactly where the address does not say enough; may read the body, and keeps it. */
  operationOf?(req: IncomingMessage, url: URL): Promise<string> | string
  method: string
  path: RegExp
  handle(exchange: Exchange): Promise<void> | void
}

/** One Google API: the sandbox asks each service's routes in turn. */
export interface Service {
  routes: Route[]
  /** Lets go of files and timers. */
  close?(): Promise<void> | void
}

export function answerJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body)
  res.writeHead(status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
    ...headers,
  })
  res.end(text)
}

/**
 * Reads a whole request body.
 *
 * @param limit bytes; more is an error
 */
export async function readBody(req: IncomingMessage, limit = 1024 * 1024): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of req as AsyncIterable<Buffer>) {
    size += part.length
    if (size > limit) throw new Error(`Cannot read a body over ${limit} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}
