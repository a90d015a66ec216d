/** Who is asking: a bearer token, or else the session in the cookie. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { Credential, Credentials } from '../identity/credential.ts'
import { readCookie } from './cookies.ts'
import type { Origins } from './origins.ts'

/**
 * Never reads a body, and takes a secret from nowhere but these two headers. A bearer wins over a
 * cookie.
 *
 * @throws {GatewayError} `login_required`, `session_expired`, `invalid_token`, `wrong_audience`, or
 *   `csrf` for a cookie that another site's page made the browser send
 * @see RFC 6750
 */
export type Identify = (req: IncomingMessage) => Promise<Credential>

export function createIdentify(
  credentials: Pick<Credentials, 'identify'>,
  origins: Pick<Origins, 'checkCookieUse'>,
): Identify {
  return async (req) => {
    if (req.headers.authorization !== undefined) {
      return credentials.identify('token', readBearer(req))
    }
    const { session } = readCookie(req)
    if (session === undefined) throw new GatewayError('login_required', 'No credential came')
    origins.checkCookieUse(req)
    return credentials.identify('session', session)
  }
}

function readBearer(req: IncomingMessage): string {
  const count = req.rawHeaders.filter(
    (entry, index) => index % 2 === 0 && entry.toLowerCase() === 'authorization',
  ).length
  const [, token] = /^bearer ([\w.~+/-]+=*)$/i.exec(req.headers.authorization ?? '') ?? []
  if (count > 1 || token === undefined) {
    throw new GatewayError('invalid_token', 'The Authorization header is no single bearer token')
  }
  if (/^(ya29\.|eyJ)/.test(token)) {
    throw new GatewayError('wrong_audience', 'The bearer is a token of Google’s')
  }
  return token
}
