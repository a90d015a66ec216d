/** Routes requests to handlers and turns errors into problem responses. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import { restoreHeaders } from './framework-streaming.ts'
import { hasBody, awaitsContinue } from './body-stream.ts'
import {
  abortResponse,
  closeConnectionAfterResponse,
  closeStreamAfterResponse,
  cannotRespond,
  endSocketAfterResponse,
  http2Stream,
} from './http-compat.ts'
import type { DiscardBody } from './lingering-close.ts'
import type { Log } from './log.ts'
import { checkRequestHeaders } from './request-headers.ts'
import type { ErrorBoundary } from './uncaught-errors.ts'
import type { OriginPolicy } from './cors.ts'
import { problemResponse, toGatewayError, acceptsHtml } from './problem.ts'
import type { RateLimitKind, RateLimits } from './rate-limit.ts'
import type { GracefulShutdown } from './graceful-shutdown.ts'
import { assertDestination } from './fetch-destination.ts'

/** One HTTP function, for HTTP/1 and HTTP/2. Never throws or rejects. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/** The request that a route handles. */
export interface RequestContext {
  req: IncomingMessage
  res: ServerResponse
  query: URLSearchParams
  /** The capture groups of the route's path, not decoded. */
  params: string[]
  /** Aborts when the client has disconnected or the instance shuts down. */
  signal: AbortSignal
  log: Log
}

export interface Route {
  /** A route for OPTIONS adds to the headers that every path returns. */
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Matches the path after the function's name, without leading and trailing slash. */
  path: RegExp
  /** Further request headers that CORS allows. */
  headers?: readonly string[]
  /** What requests count against; a route that authenticates nobody needs another than the default. */
  rateLimit?: RateLimitKind
  run(context: RequestContext): Promise<void>
}

export interface RouterOptions {
  log: Log
  origins: OriginPolicy
  /** No rate limits by default. */
  rateLimits?: RateLimits
  shutdown: GracefulShutdown
  errorBoundary: ErrorBoundary
  /** By default the connection is closed right after an early response. */
  discardBody?: DiscardBody
  /** The value of Strict-Transport-Security; none if the public URL is http. */
  hsts?: string | undefined
}

/**
 * Creates the handler of one function.
 *
 * @param name the function's name; it is optional at the start of the path, because the platform
 *   removes it or has it in the host
 */
export function createRouter(
  name: string,
  routes: readonly Route[],
  options: RouterOptions,
): Handler {
  return async (req, res) => {
    restoreHeaders(req)
    const requestId = randomUUID()
    const log = options.log.forRequest(req, requestId)
    const inFlight = options.shutdown.track(req, res)
    const { signal } = inFlight
    let freeSlot: (() => void) | undefined
    try {
      setCommonHeaders(res, requestId, options.hsts)
      options.origins.setCorsHeaders(req, res)
      const { path, search } = splitTarget(req.url ?? '/', name)
      const matching = routes.filter((candidate) => candidate.path.test(path))
      const route = matching.find(({ method }) => method === req.method)
      // Before any refusal, because each costs a log line. A preflight writes none.
      if (req.method !== 'OPTIONS' || matching.length === 0) {
        const kind = route ? (route.rateLimit ?? 'credential') : 'network'
        freeSlot = options.rateLimits?.charge(req, kind)
      }
      checkRequestHeaders(req)
      if (path === notAPath) throw new GatewayError('bad_request', 'The target is not a path')
      const query = parseQuery(search)
      // OPTIONS is always allowed and not listed.
      const methods = matching.map(({ method }) => method).filter((method) => method !== 'OPTIONS')
      if (matching.length === 0) throw new GatewayError('not_found', 'No route has this path')
      if (req.method === 'OPTIONS') {
        const headers = matching.flatMap((candidate) => candidate.headers ?? [])
        options.origins.setPreflightHeaders(req, res, methods, [...new Set(headers)])
        res.setHeader('Allow', methods.join(', '))
      }
      if (!route && req.method === 'OPTIONS') {
        res.writeHead(204).end()
        return
      }
      if (!route) {
        throw new GatewayError('method_not_allowed', 'No route has this method', {
          headers: { allow: methods.join(', ') },
        })
      }
      assertDestination(req)
      const params = route.path.exec(path)?.slice(1) ?? []
      const context: RequestContext = { req, res, query, params, signal, log }
      await options.errorBoundary.run(log, () => route.run(context), inFlight.abort)
    } catch (thrown) {
      const error =
        inFlight.endReason === 'disconnected'
          ? new GatewayError('truncated', 'The client disconnected', { cause: thrown })
          : inFlight.endReason === 'shutdown'
            ? new GatewayError('shutting_down', 'The instance is shutting down', { cause: thrown })
            : toGatewayError(thrown)
      options.rateLimits?.penalize(req, error.code)
      log.failure('request_failed', error, { function: name || 'none' })
      // A framing error behind the headers is reported after this tick, as a 400 for which no response
      // must have begun.
      await Promise.resolve()
      await sendProblem(req, res, error, requestId, () => options.discardBody?.(req, signal))
    } finally {
      req.resume() // a paused body would block the next request on this connection
      freeSlot?.()
      inFlight.untrack()
    }
  }
}

/**
 * Dispatches each request to the function that its first path segment names.
 *
 * @param fallback handles every other path
 */
export function dispatchByPath(functions: Record<string, Handler>, fallback: Handler): Handler {
  const byName = new Map(Object.entries(functions))
  return (req, res) => {
    const [, name = ''] = /^\/([^/?#]*)/.exec(req.url ?? '') ?? []
    return (byName.get(name) ?? fallback)(req, res)
  }
}

/**
 * Splits the request target. The path is not decoded or normalized, so that each route has exactly one
 * spelling.
 */
function splitTarget(target: string, name: string): { path: string; search: string } {
  const [, pathname = '', search = ''] = /^([^?#]*)\??(.*)$/s.exec(target) ?? []
  if (!pathname.startsWith('/')) return { path: notAPath, search }
  let path = pathname.slice(1)
  if (path === name || path.startsWith(`${name}/`)) path = path.slice(name.length + 1)
  if (path.endsWith('/')) path = path.slice(0, -1)
  return { path, search }
}

/** Stands for a target such as `http://host/path` or `*`: no path contains it. */
const notAPath = '?'

/** @throws {GatewayError} `bad_request` for a malformed percent-escape or a repeated name */
function parseQuery(search: string): URLSearchParams {
  if (search === '') return new URLSearchParams()
  try {
    decodeURIComponent(search.replaceAll('+', ' '))
  } catch (error) {
    throw new GatewayError('bad_request', 'The query has a malformed percent-escape', {
      cause: error,
      detail: 'The query has a percent-escape that is not UTF-8',
    })
  }
  const query = new URLSearchParams(search)
  if (new Set(query.keys()).size !== query.size) {
    throw new GatewayError('bad_request', 'A query parameter is repeated', {
      detail: 'Send each query parameter once',
    })
  }
  return query
}

function setCommonHeaders(res: ServerResponse, requestId: string, hsts: string | undefined): void {
  res.setHeader('X-Request-Id', requestId)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Referrer-Policy', 'no-referrer')
  res.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  if (hsts !== undefined) res.setHeader('Strict-Transport-Security', hsts)
}

async function sendProblem(
  req: IncomingMessage,
  res: ServerResponse,
  error: GatewayError,
  requestId: string,
  discardBody: () => Promise<void> | undefined,
): Promise<void> {
  if (cannotRespond(res)) return abortResponse(res)
  const { status, headers, body } = problemResponse(error, requestId, acceptsHtml(req))
  const unread = hasBody(req) && !req.complete && !req.destroyed
  if (unread) closeConnectionAfterResponse(res)
  headers['content-length'] = String(Buffer.byteLength(body))
  if (req.method === 'HEAD') return void res.writeHead(status, headers).end()
  res.writeHead(status, headers)
  const stream = http2Stream(req)
  // Closing a connection while the client still sends resets it and truncates the response: send the
  // whole response and FIN, read on for a while, then close. Over HTTP/2 only the stream is closed, and
  // only if more of the body would arrive.
  if (stream) res.end(body)
  else res.write(body)
  // A client that has been too slow gets no more time.
  if (unread && !awaitsContinue(req) && error.code !== 'too_slow') {
    endSocketAfterResponse(res)
    await discardBody()
  }
  if (!stream) res.end()
  else if (unread && !req.complete) closeStreamAfterResponse(stream)
}
