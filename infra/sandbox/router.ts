/** Routes of the sandbox's services, and helpers for request and response bodies. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Fault } from './faults.ts'

/** One request and its response. */
export interface Exchange {
  req: IncomingMessage
  res: ServerResponse
  url: URL
  /** The capture groups of the route's path, percent-decoded. */
  params: string[]
  /** The sandbox's own origin, without a trailing slash. */
  origin: string
  /** The fault that the handler applies, if any. */
  fault: Fault | undefined
}

/** One method of one Google API. */
export interface Route {
  /** The name for faults and `calls`, such as `drive.upload.chunk`. */
  operation: string
  /** Computes a more specific name where several operations share a URL; may read and cache the body. */
  operationOf?(req: IncomingMessage, url: URL): Promise<string> | string
  method: string
  path: RegExp
  handle(exchange: Exchange): Promise<void> | void
}

/** One Google API. The sandbox uses the first matching route of all services. */
export interface Service {
  routes: Route[]
  /** Releases files and timers. */
  close?(): Promise<void> | void
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const json = Buffer.from(JSON.stringify(body))
  const isCompressed = acceptsGzip(res.req)
  const bytes = isCompressed ? gzipSync(json) : json
  res.writeHead(status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': bytes.length,
    'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    ...headers,
  })
  res.end(bytes)
}

/** Google compresses JSON only for an agent whose name says that it can read it. */
function acceptsGzip({ headers }: IncomingMessage): boolean {
  return (
    /\bgzip\b/.test(String(headers['accept-encoding'])) &&
    /\bgzip\b/.test(headers['user-agent'] ?? '')
  )
}

/**
 * Reads a whole request body.
 *
 * @param limit in bytes
 * @throws when the body is longer
 */
export async function readBody(req: IncomingMessage, limit = 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new Error(`Cannot read a request body over ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
