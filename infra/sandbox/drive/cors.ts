/**
 * CORS. The API allows every origin; a session URI allows only the origin of its opening request, and
 * none without one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** Readable response headers; `Range` is not one of them. */
const exposedHeaders =
  'Cache-Control, Content-Length, Content-Type, Date, Expires, Location, Server'

export function allowAnyOrigin(req: IncomingMessage, res: ServerResponse): void {
  allowOrigin(req, res, req.headers.origin)
}

/** @param allowed the allowed origin, if any */
export function allowOrigin(
  req: IncomingMessage,
  res: ServerResponse,
  allowed: string | undefined,
): void {
  const { origin } = req.headers
  if (origin === undefined) return
  res.setHeader('vary', 'Origin, X-Origin')
  if (origin !== allowed) return
  res.setHeader('access-control-allow-origin', origin)
  res.setHeader('access-control-allow-credentials', 'true')
  res.setHeader('access-control-expose-headers', exposedHeaders)
}

export function sendPreflight(
  req: IncomingMessage,
  res: ServerResponse,
  allowed: string | undefined,
): void {
  allowOrigin(req, res, allowed)
  if (req.headers.origin !== undefined && req.headers.origin === allowed) {
    res.setHeader('access-control-allow-methods', 'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT')
    res.setHeader('access-control-max-age', '3600')
    const requested = req.headers['access-control-request-headers']
    if (requested) res.setHeader('access-control-allow-headers', requested)
  }
  res.writeHead(200, { 'content-length': 0 })
  res.end()
}
