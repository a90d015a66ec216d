/** Allowed origins: CORS headers and CSRF protection. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'

export interface OriginPolicy {
  /** Whether an origin is the gateway's own or in ALLOWED_ORIGINS. */
  isAllowed(origin: string): boolean
  /** Sets the headers that let a page of an allowed origin read the response, errors included. */
  setCorsHeaders(req: IncomingMessage, res: ServerResponse): void
  /**
   * Sets the headers of a preflight response for an allowed origin.
   *
   * @param headers request headers in addition to the common ones
   */
  setPreflightHeaders(
    req: IncomingMessage,
    res: ServerResponse,
    methods: readonly string[],
    headers: readonly string[],
  ): void
  /**
   * Verifies that a request with a cookie comes from an allowed origin.
   *
   * @throws {GatewayError} `csrf`
   */
  assertSameSite(req: IncomingMessage): void
  /**
   * Verifies that a request does not come from a page on another origin, not even an allowed one.
   *
   * @throws {GatewayError} `csrf`
   */
  assertOwnOrigin(req: IncomingMessage): void
}

const requestHeaders = ['Authorization', 'Content-Type']
const exposedHeaders = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Driveway-Max-Request-Bytes',
  'Location',
  'Repr-Digest',
  'Retry-After',
  'X-Request-Id',
  'Tus-Resumable',
  'Tus-Version',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Checksum-Algorithm',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Expires',
  'Driveway-Direct-Url',
  'Driveway-File-Id',
  'Driveway-File-Sha256',
  'Driveway-File-Link',
].join(', ')

/** @param publicUrl the gateway's own origin */
export function createOriginPolicy(publicUrl: string, allowed: readonly string[]): OriginPolicy {
  // Compared exactly: `null`, another port or case, or a trailing dot is another origin.
  const origins = new Set([publicUrl, ...allowed])
  return {
    isAllowed: (origin) => origins.has(origin),

    setCorsHeaders(req, res) {
      res.setHeader('Vary', 'Origin')
      const { origin } = req.headers
      if (origin === undefined || !origins.has(origin)) return
      res.setHeader('Access-Control-Allow-Origin', origin)
      res.setHeader('Access-Control-Allow-Credentials', 'true')
      res.setHeader('Access-Control-Expose-Headers', exposedHeaders)
    },

    setPreflightHeaders({ headers: { origin } }, res, methods, headers) {
      if (origin === undefined || !origins.has(origin)) return
      res.setHeader('Access-Control-Allow-Methods', methods.join(', '))
      res.setHeader('Access-Control-Allow-Headers', [...requestHeaders, ...headers].join(', '))
      res.setHeader('Access-Control-Max-Age', '7200')
    },

    assertSameSite(req) {
      const { origin } = req.headers
      const site = req.headers['sec-fetch-site']
      const isRead = req.method === 'GET' || req.method === 'HEAD'
      const isSameSite =
        origin !== undefined
          ? origins.has(origin)
          : site !== undefined
            ? site === 'same-origin' || (isRead && site === 'none')
            : isRead // from an old browser: it changes nothing, and no other page can read the response
      if (!isSameSite)
        throw new GatewayError(
          'csrf',
          `The cookie came with ${origin ? 'a foreign' : 'an unknown'} origin`,
        )
    },

    assertOwnOrigin({ headers: { origin = publicUrl } }) {
      if (origin === publicUrl) return
      throw new GatewayError('csrf', 'The cookie came from a page on another origin', {
        detail: 'A page on another origin may only list and upload. Use the gateway’s own page',
      })
    },
  }
}
