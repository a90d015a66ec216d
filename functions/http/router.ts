/** From Node's plain request and response to a route, and from whatever it throws to an answer. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import { hasBody, isHeldBack, restoreHeaders } from './framework-streaming.ts'
import { breakOff, closeAfter, closeAnswered, isPastAnswering, streamOf } from './http-compat.ts'
import type { Log } from './log.ts'
import type { Net } from './uncaught-errors.ts'
import type { Origins } from './cors.ts'
import { problemAnswer, toGatewayError, wantsPage } from './problem.ts'
import type { RateLimits } from './rate-limit.ts'
import type { Serving } from './graceful-shutdown.ts'

/** One HTTP function. Never throws and never rejects; works on HTTP/1 and HTTP/2 alike. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/** One request on its way through a route. */
export interface Call {
  req: IncomingMessage
  res: ServerResponse
  query: URLSearchParams
  /** What the capture groups of the route's path matched, as sent. */
  params: string[]
  /** Aborts when the caller has left or the instance is stopping. */
  signal: AbortSignal
  log: Log
}

export interface Route {
  /** An OPTIONS of a route's own says more than what every address says of itself. */
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Of the path behind the function's name, without slashes at its ends. */
  path: RegExp
  /** Further request headers that a page of another origin may send. */
  headers?: readonly string[]
  /** A step of a sign-in: people who share a network with others are let through for longer. */
  isSignIn?: true
  run(call: Call): Promise<void>
}

export interface HandlerParts {
  log: Log
  origins: Origins
  /** Nothing where callers may ask as often as they like. */
  rates?: RateLimits
  serving: Serving
  net: Net
  /** Whether browsers reach us over https. */
  secure: boolean
}

/**
 * @param name the function's name; a path may start with it or not, since a function's own address
 *   has it in the host or takes it off
 */
export function createHandler(
  name: string,
  routes: readonly Route[],
  parts: HandlerParts,
): Handler {
  return async (req, res) => {
    restoreHeaders(req)
    const requestId = randomUUID()
    const log = parts.log.of(req, requestId)
    const visit = parts.serving.enter(req, res)
    const { signal } = visit
    try {
      setCommonHeaders(res, requestId, parts.secure)
      parts.origins.answerCors(req, res)
      const { path, query } = readTarget(req.url ?? '/', name)
      const here = routes.filter((route) => route.path.test(path))
      // OPTIONS goes without saying.
      const methods = here.map(({ method }) => method).filter((method) => method !== 'OPTIONS')
      if (here.length === 0) throw new GatewayError('not_found', 'No route has this path')
      if (req.method === 'OPTIONS') {
        const headers = here.flatMap((route) => route.headers ?? [])
        parts.origins.answerPreflight(req, res, methods, [...new Set(headers)])
        res.setHeader('Allow', methods.join(', '))
      }
      const route = here.find((candidate) => candidate.method === req.method)
      if (!route && req.method === 'OPTIONS') {
        res.writeHead(204).end()
        return
      }
      if (!route) {
        throw new GatewayError('method_not_allowed', 'No route has this method', {
          headers: { allow: methods.join(', ') },
        })
      }
      parts.rates?.enter(req, route.isSignIn)
      const params = route.path.exec(path)?.slice(1) ?? []
      const call: Call = { req, res, query, params, signal, log }
      await parts.net.under(log, () => route.run(call), visit.giveUp)
    } catch (thrown) {
      const error =
        visit.ended === 'left'
          ? new GatewayError('truncated', 'The caller left', { cause: thrown })
          : visit.ended === 'stopping'
            ? new GatewayError('shutting_down', 'The instance is stopping', { cause: thrown })
            : toGatewayError(thrown)
      parts.rates?.failed(req, error.code)
      log.failure(`${name} refused`, error)
      await refuse(req, res, error, requestId)
    } finally {
      req.resume() // a paused body would hold up the next request on this connection
      visit.leave()
    }
  }
}

/**
 * The path behind the function's name, letter by letter as it was sent: nothing is decoded or
 * tidied, so that no other spelling of a path means the same.
 */
function readTarget(target: string, name: string): { path: string; query: URLSearchParams } {
  const [, pathname = '', search = ''] = /^([^?#]*)\??(.*)$/s.exec(target) ?? []
  if (!pathname.startsWith('/')) throw new GatewayError('bad_request', 'Target is not a path')
  let path = pathname.slice(1)
  if (path === name || path.startsWith(`${name}/`)) path = path.slice(name.length + 1)
  if (path.endsWith('/')) path = path.slice(0, -1)
  return { path, query: readQuery(search) }
}

/** @throws {GatewayError} `bad_request` on a bad percent-escape or a name that is there twice */
function readQuery(search: string): URLSearchParams {
  if (search === '') return new URLSearchParams()
  try {
    decodeURIComponent(search.replaceAll('+', ' '))
  } catch (error) {
    throw new GatewayError('bad_request', 'Bad percent-escape in the query', {
      cause: error,
      detail: 'The query has a percent-escape that is no UTF-8',
    })
  }
  const query = new URLSearchParams(search)
  if (new Set(query.keys()).size !== query.size) {
    throw new GatewayError('bad_request', 'A query parameter is there twice', {
      detail: 'Give each query parameter once',
    })
  }
  return query
}

function setCommonHeaders(res: ServerResponse, requestId: string, secure: boolean): void {
  res.setHeader('X-Request-Id', requestId)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Referrer-Policy', 'no-referrer')
  res.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  if (secure) res.setHeader('Strict-Transport-Security', 'max-age=63072000; includeSubDomains')
}

/** What is still read of a body that nobody wants, so that its sender sees the answer. */
const lingerBytes = 32 * 1024 * 1024
const lingerMs = 3_000

/** Answers with an error. */
async function refuse(
  req: IncomingMessage,
  res: ServerResponse,
  error: GatewayError,
  requestId: string,
): Promise<void> {
  if (isPastAnswering(res)) return breakOff(res)
  const { status, headers, body } = problemAnswer(error, requestId, wantsPage(req))
  const unread = hasBody(req) && !req.complete && !req.destroyed
  if (unread) closeAfter(res)
  headers['content-length'] = String(Buffer.byteLength(body))
  if (req.method === 'HEAD') return void res.writeHead(status, headers).end()
  res.writeHead(status, headers)
  const stream = streamOf(req)
  // Closing on somebody who still sends cuts the answer off with a reset: give the whole answer,
  // read on for a while, then close. Over HTTP/2 the stream alone is closed, and only where more
  // of the body would come.
  if (stream) res.end(body)
  else res.write(body)
  if (unread && !isHeldBack(req)) await linger(req)
  if (!stream) res.end()
  else if (unread && !req.complete) closeAnswered(stream)
}

function linger(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let left = lingerBytes
    const done = (): void => {
      clearTimeout(timer)
      req.off('data', count)
      resolve()
    }
    const count = (chunk: Buffer): void => {
      left -= chunk.length
      if (left < 0) done()
    }
    const timer = setTimeout(done, lingerMs)
    req.once('end', done).once('close', done).once('error', done)
    req.on('data', count).resume()
  })
}
