/**
 * Which pages may use which addresses. The API answers every origin; a session URI only the one
 * that was named when the session was opened, and none when none was.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a page may read; `Range` is not among it. */
const exposed = 'Cache-Control, Content-Length, Content-Type, Date, Expires, Location, Server'

export function allowAnyOrigin(req: IncomingMessage, res: ServerResponse): void {
  allowOrigin(req, res, req.headers.origin)
}

/** @param only the origin that is let in, if any */
export function allowOrigin(
  req: IncomingMessage,
  res: ServerResponse,
  only: string | undefined,
): void {
  const { origin } = req.headers
  if (origin === undefined) return
  res.setHeader('vary', 'Origin, X-Origin')
  if (origin !== only) return
  res.setHeader('access-control-allow-origin', origin)
  res.setHeader('access-control-allow-credentials', 'true')
  res.setHeader('access-control-expose-headers', exposed)
}

export function answerPreflight(
  req: IncomingMessage,
  res: ServerResponse,
  only: string | undefined,
): void {
  allowOrigin(req, res, only)
  if (req.headers.origin !== undefined && req.headers.origin === only) {
    res.setHeader('access-control-allow-methods', 'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT')
    res.setHeader('access-control-max-age', '3600')
    const asked = req.headers['access-control-request-headers']
    if (asked) res.setHeader('access-control-allow-headers', asked)
  }
  res.writeHead(200, { 'content-length': 0 })
  res.end()
}
