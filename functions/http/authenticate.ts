/** Who is asking: a bearer token, ours or a CI system's, or else the session in the cookie. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { Credentials } from '../identity/credentials.ts'
import type { Jobs } from '../identity/ci-authentication.ts'
import { checkNeed } from '../identity/principal.ts'
import type { Need, Principal } from '../identity/principal.ts'
import { readCookie } from './cookies.ts'
import type { Origins } from './cors.ts'

/**
 * Never reads a body, and takes a secret from nowhere but these two headers. A bearer wins over a
 * cookie.
 *
 * @param need what the request is going to do: every handler says it here, and nowhere else
 * @throws {GatewayError} `login_required`, `session_expired`, `invalid_token`, `wrong_audience`,
 *   `policy_mismatch`, `scope_insufficient`, or `csrf` for a cookie that another site's page made the browser send
 * @see RFC 6750
 */
export type Identify = (req: IncomingMessage, need: Need) => Promise<Principal>

/** @param onUse told of each request that a token was good for */
export function createIdentify(
  credentials: Pick<Credentials, 'identify'>,
  jobs: Pick<Jobs, 'identify'>,
  origins: Pick<Origins, 'checkCookieUse'>,
  onUse: (principal: Principal) => void = () => {},
): Identify {
  const identify = async (req: IncomingMessage): Promise<Principal> => {
    if (req.headers.authorization !== undefined) return fromBearer(req)
    const { session } = readCookie(req)
    if (session === undefined) throw new GatewayError('login_required', 'No credential came')
    origins.checkCookieUse(req)
    return credentials.identify('cookie', session)
  }

  const fromBearer = async (req: IncomingMessage): Promise<Principal> => {
    const bearer = readBearer(req)
    if (bearer.startsWith('eyJ')) return jobs.identify(bearer)
    const credential = await credentials.identify('bearer', bearer)
    // Browsers name the origin of whatever a page sends elsewhere: a stolen one is of no use to another.
    if (credential.origin !== undefined && credential.origin !== req.headers.origin) {
      throw new GatewayError('invalid_token', 'A page’s bearer came from another origin')
    }
    return credential
  }

  return async (req, need) => {
    const principal = await identify(req)
    checkNeed(principal, need)
    if (principal.kind === 'token') onUse(principal)
    return principal
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
  if (token.startsWith('ya29.')) {
    throw new GatewayError('wrong_audience', 'The bearer is a token of Google’s')
  }
  return token
}
