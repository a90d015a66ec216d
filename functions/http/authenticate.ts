/** Request authentication: a Driveway token, a CI job's ID token, or the session cookie. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { Allowlist } from '../identity/allowlist.ts'
import type { CiAuthentication } from '../identity/ci-authentication.ts'
import type { Credentials } from '../identity/credentials.ts'
import type { GrantGenerations } from '../identity/grant-generations.ts'
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
 *   `policy_mismatch`, `scope_insufficient`, `rate_limited`, `reauth_required`, `account_not_allowed`,
 *   or `csrf` for a cookie that another site's page caused the browser to send
 * @see RFC 6750
 */
export type Authenticate = (req: IncomingMessage, access: RequiredAccess) => Promise<Principal>

export interface Authentication {
  /** Authenticates accounts that have a grant and are on the allowlist. */
  authenticate: Authenticate
  /**
   * Also authenticates accounts that are no longer on the allowlist or have no grant any more: they may
   * still sign out, and repeat a disconnect that failed.
   */
  authenticateAny: Authenticate
  /**
   * Verifies the credential of an authenticated request again, past all caches. Call it after the body
   * has come and before the request creates something that gives access: the credential may have been
   * revoked meanwhile, at any instance.
   *
   * @throws {GatewayError} as `authenticate` does
   */
  confirm(req: IncomingMessage): Promise<void>
}

export interface AuthenticationDeps {
  credentials: Pick<Credentials, 'authenticate'>
  ciAuthentication: Pick<CiAuthentication, 'authenticate'>
  generations: Pick<GrantGenerations, 'compare'>
  origins: Pick<OriginPolicy, 'assertSameSite' | 'assertOwnOrigin'>
  allowlist: Pick<Allowlist, 'checkSub'>
  rateLimits: Pick<RateLimits, 'credit' | 'penalize'>
  /** Called for each authenticated request. */
  onUse(principal: Principal): void
}

export function createAuthentication(deps: AuthenticationDeps): Authentication {
  const { credentials, ciAuthentication, generations, origins, allowlist, rateLimits, onUse } = deps

  const findPrincipal = async (req: IncomingMessage, fresh = false): Promise<Principal> => {
    if (req.headers.authorization !== undefined) return authenticateBearer(req, fresh)
    const { session } = readSessionCookie(req)
    if (session === undefined) throw new GatewayError('login_required', 'No credential was sent')
    origins.assertSameSite(req)
    return credentials.authenticate('cookie', session, fresh)
  }

  const authenticateBearer = async (req: IncomingMessage, fresh: boolean): Promise<Principal> => {
    const bearer = readBearer(req)
    if (bearer.startsWith('eyJ')) return ciAuthentication.authenticate(bearer, fresh)
    const credential = await credentials.authenticate('bearer', bearer, fresh)
    // Browsers send the page's origin with cross-origin requests: a stolen bearer is useless elsewhere.
    if (credential.origin !== undefined && credential.origin !== req.headers.origin) {
      throw new GatewayError('invalid_token', 'The page bearer came from another origin')
    }
    return credential
  }

  /** @returns whether the account has a grant */
  const checkGrant = async (principal: Principal, fresh?: boolean): Promise<boolean> => {
    const state = await generations.compare(principal, fresh)
    if (state !== 'replaced') return state === 'current'
    const code = principal.kind === 'session' ? 'session_expired' : 'invalid_token'
    throw new GatewayError(code, 'The credential belongs to a former grant of the account')
  }

  /** Counts a guess here, because a route may accept requests without a valid credential. */
  const verify = async (
    req: IncomingMessage,
    fresh?: boolean,
  ): Promise<{ principal: Principal; hasGrant: boolean }> => {
    try {
      const principal = await findPrincipal(req, fresh)
      return { principal, hasGrant: await checkGrant(principal, fresh) }
    } catch (error) {
      if (error instanceof GatewayError) rateLimits.penalize(req, error.code)
      throw error
    }
  }

  const identify = async (
    req: IncomingMessage,
    access: RequiredAccess,
  ): Promise<{ principal: Principal; hasGrant: boolean }> => {
    const { principal, hasGrant } = await verify(req)
    checkAccess(principal, access)
    if (access === 'session') origins.assertOwnOrigin(req)
    onUse(principal)
    rateLimits.credit(req, principal.id)
    return { principal, hasGrant }
  }

  return {
    async authenticateAny(req, access) {
      return (await identify(req, access)).principal
    },

    async authenticate(req, access) {
      const { principal, hasGrant } = await identify(req, access)
      if (!hasGrant) throw grantMissing()
      await allowlist.checkSub(principal.sub)
      return principal
    },

    async confirm(req) {
      const { hasGrant } = await verify(req, true)
      if (!hasGrant) throw grantMissing()
    },
  }
}

function grantMissing(): GatewayError {
  return new GatewayError('reauth_required', 'The account has no grant', {
    link: '/auth?reconnect=1',
  })
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
