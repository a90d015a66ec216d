/** Request authentication: a Driveway token, a CI job's ID token, or the session cookie. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { Allowlist } from '../identity/allowlist.ts'
import type { CiAuthentication } from '../identity/ci-authentication.ts'
import type { Credentials } from '../identity/credentials.ts'
import { checkAccess } from '../identity/principal.ts'
import type { Principal, RequiredAccess } from '../identity/principal.ts'
import { readSessionCookie } from './cookies.ts'
import type { OriginPolicy } from './cors.ts'
import type { RateLimits } from './rate-limit.ts'

/**
 * Authenticates and authorizes a request. Reads the `Authorization` and `Cookie` headers only, never
 * the body; a bearer token takes precedence over a cookie.
 *
 * @param access required by the route
 * @throws {GatewayError} `login_required`, `session_expired`, `invalid_token`, `wrong_audience`,
 *   `policy_mismatch`, `scope_insufficient`, `rate_limited`, `account_not_allowed`, or `csrf` for a
 *   cookie that another site's page caused the browser to send
 * @see RFC 6750
 */
export type Authenticate = (req: IncomingMessage, access: RequiredAccess) => Promise<Principal>

export interface Authentication {
  /** Authenticates accounts on the allowlist. */
  authenticate: Authenticate
  /** Also authenticates accounts that are no longer on the allowlist: they may still sign out. */
  authenticateAny: Authenticate
}

export interface AuthenticationDeps {
  credentials: Pick<Credentials, 'authenticate'>
  ciAuthentication: Pick<CiAuthentication, 'authenticate'>
  origins: Pick<OriginPolicy, 'assertSameSite'>
  allowlist: Pick<Allowlist, 'checkSub'>
  rateLimits: Pick<RateLimits, 'credit'>
  /** Called for each request that a token authenticates. */
  onUse(principal: Principal): void
}

export function createAuthentication(deps: AuthenticationDeps): Authentication {
  const { credentials, ciAuthentication, origins, allowlist, rateLimits, onUse } = deps

  const findPrincipal = async (req: IncomingMessage): Promise<Principal> => {
    if (req.headers.authorization !== undefined) return authenticateBearer(req)
    const { session } = readSessionCookie(req)
    if (session === undefined) throw new GatewayError('login_required', 'No credential was sent')
    origins.assertSameSite(req)
    return credentials.authenticate('cookie', session)
  }

  const authenticateBearer = async (req: IncomingMessage): Promise<Principal> => {
    const bearer = readBearer(req)
    if (bearer.startsWith('eyJ')) return ciAuthentication.authenticate(bearer)
    const credential = await credentials.authenticate('bearer', bearer)
    // Browsers send the page's origin with cross-origin requests: a stolen bearer is useless elsewhere.
    if (credential.origin !== undefined && credential.origin !== req.headers.origin) {
      throw new GatewayError('invalid_token', 'The page bearer came from another origin')
    }
    return credential
  }

  const authenticateAny: Authenticate = async (req, access) => {
    const principal = await findPrincipal(req)
    checkAccess(principal, access)
    if (principal.kind === 'token') onUse(principal)
    rateLimits.credit(req, principal.id)
    return principal
  }

  return {
    authenticateAny,
    async authenticate(req, access) {
      const principal = await authenticateAny(req, access)
      await allowlist.checkSub(principal.sub)
      return principal
    },
  }
}

function readBearer(req: IncomingMessage): string {
  const count = req.rawHeaders.filter(
    (entry, index) => index % 2 === 0 && entry.toLowerCase() === 'authorization',
  ).length
  const [, token] = /^bearer ([\w.~+/-]+=*)$/i.exec(req.headers.authorization ?? '') ?? []
  if (count > 1 || token === undefined) {
    throw new GatewayError('invalid_token', 'The Authorization header is not one bearer token')
  }
  if (token.startsWith('ya29.')) {
    throw new GatewayError('wrong_audience', 'The bearer is a Google access token')
  }
  return token
}
