/** Which pages may call: CORS for those that may, CSRF for those that may not. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'

export interface Origins {
  /** Whether an origin is our own or allow-listed. */
  knows(origin: string): boolean
  /** Lets a page of a known origin read the answer, whatever it will be; says nothing to others. */
  answerCors(req: IncomingMessage, res: ServerResponse): void
  /**
   * Says beforehand what such a page may send.
   *
   * @param headers besides those that every request may have
   */
  answerPreflight(
    req: IncomingMessage,
    res: ServerResponse,
    methods: readonly string[],
    headers: readonly string[],
  ): void
  /**
   * Lets a cookie count only where the request comes from our own or an allow-listed page.
   *
   * @throws {GatewayError} `csrf`, before any body is read
   */
  checkCookieUse(req: IncomingMessage): void
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

/** @param publicUrl our own origin */
export function createOrigins(publicUrl: string, allowed: readonly string[]): Origins {
  // Letter by letter: `null`, another port or case, a dot at the end are all somebody else.
  const known = new Set([publicUrl, ...allowed])
  return {
    knows: (origin) => known.has(origin),

    answerCors(req, res) {
      res.setHeader('Vary', 'Origin')
      const { origin } = req.headers
      if (origin === undefined || !known.has(origin)) return
      res.setHeader('Access-Control-Allow-Origin', origin)
      res.setHeader('Access-Control-Allow-Credentials', 'true')
      res.setHeader('Access-Control-Expose-Headers', exposedHeaders)
    },

    answerPreflight({ headers: { origin } }, res, methods, headers) {
      if (origin === undefined || !known.has(origin)) return
      res.setHeader('Access-Control-Allow-Methods', methods.join(', '))
      res.setHeader('Access-Control-Allow-Headers', [...requestHeaders, ...headers].join(', '))
      res.setHeader('Access-Control-Max-Age', '7200')
    },

    checkCookieUse(req) {
      const { origin } = req.headers
      const site = req.headers['sec-fetch-site']
      const reads = req.method === 'GET' || req.method === 'HEAD'
      const fine =
        origin !== undefined
          ? known.has(origin)
          : site !== undefined
            ? site === 'same-origin' || (reads && site === 'none')
            : reads // an old browser's: it can change nothing, and no other page can read it
      if (!fine)
        throw new GatewayError('csrf', `Cookie from origin ${origin ? 'foreign' : 'unknown'}`)
    },
  }
}
