/** `GET /auth`: redirects the browser to Google's consent page. */
import { GatewayError } from '../errors.ts'
import type { Credentials } from '../identity/credentials.ts'
import { isCodeChallenge } from '../identity/authorization-code.ts'
import { createBinding, loginTtlMs } from '../identity/login-state.ts'
import type { LoginTarget, LoginStates } from '../identity/login-state.ts'
import type { AuthorizationRequest, GoogleOAuth } from '../token/google-oauth.ts'
import { missingScopes, shortScope } from '../token/scopes.ts'
import type { GrantStore, GrantRecord } from '../token/grant-store.ts'
import { withoutForeignSession } from './bound-cookie.ts'
import { assertNoInAppBrowser } from './in-app-browser.ts'
import { badRequest } from './request-errors.ts'
import { readReturnTo } from './return-url.ts'
import { readSessionCookie, serializeSessionCookie } from '../http/cookies.ts'
import type { SessionCookie } from '../http/cookies.ts'
import type { RequestContext, Route } from '../http/router.ts'
import type { Authenticate } from '../http/authenticate.ts'

export interface LoginDeps {
  logins: LoginStates
  oauth: Pick<GoogleOAuth, 'authorizationUrl'>
  grants: Pick<GrantStore, 'find'>
  authenticateAny: Authenticate
  credentials: Pick<Credentials, 'findSession'>
  /** Scopes requested from Google. */
  scopes: readonly string[]
  publicUrl: string
  /** Maximum lifetime of a session and its cookie. */
  sessionMaxMs: number
  allowedOrigins: readonly string[]
  /** URLs, without query, where a sign-in with a code challenge may end. */
  returnUrls: readonly string[]
}

/** Parameters in which a sign-in differs from the default. */
type AuthorizationOptions = Pick<AuthorizationRequest, 'prompt' | 'scopes' | 'loginHint'>

export function loginRoutes(deps: LoginDeps): Route[] {
  return [
    {
      method: 'GET',
      path: /^$/,
      rateLimit: 'sign-in',
      async run({ req, res, query }) {
        const target = readLoginTarget(deps, query)
        assertNoInAppBrowser(req, startUrl(deps.publicUrl, query, target))
        const cookie = await withoutForeignSession(deps.credentials, readCookieOrEmpty(req))
        const options = await readAuthorizationOptions(deps, req, query, cookie)
        const location = await startLogin(deps, cookie, target, options, res)
        res.writeHead(302, { location }).end()
      },
    },
  ]
}

/**
 * Starts a sign-in: sets its cookie and returns the URL of the authorization request.
 *
 * @see RFC 6749 §4.1.1 Authorization Request; RFC 7636 §4.3; OpenID Connect Core 1.0 §3.1.2.1
 */
export async function startLogin(
  deps: Pick<LoginDeps, 'logins' | 'oauth' | 'publicUrl' | 'sessionMaxMs'>,
  cookie: SessionCookie,
  target: LoginTarget,
  options: AuthorizationOptions,
  res: RequestContext['res'],
): Promise<string> {
  const { logins, oauth, publicUrl, sessionMaxMs } = deps
  // All tabs of a browser share one binding; their sign-ins differ in their state.
  const binding = cookie.binding ?? createBinding()
  const { login, state } = await logins.start(binding, target, options.prompt === 'consent')
  const { nonce, codeVerifier } = login
  const location = await oauth.authorizationUrl({ state, nonce, codeVerifier, ...options })
  const lifetimeMs = cookie.session === undefined ? loginTtlMs : sessionMaxMs
  res.setHeader(
    'Set-Cookie',
    serializeSessionCookie({ session: cookie.session, binding }, publicUrl, lifetimeMs / 1000),
  )
  return location
}

/**
 * Reads where the sign-in ends: a URL, and for a page of another origin a PKCE code challenge.
 *
 * Browsers keep a fragment across redirects, so the code would reach another site from any page that
 * redirects. With a challenge, the origin and path of `return_to` must therefore be configured.
 *
 * @throws {GatewayError} `bad_request` for an invalid challenge or a `return_to` that does not fit it
 * @see RFC 7636 §4.3; RFC 9700 §2.1 Protecting Redirect-Based Flows
 */
function readLoginTarget(
  { publicUrl, allowedOrigins, returnUrls }: LoginDeps,
  query: URLSearchParams,
): LoginTarget {
  const returnTo = readReturnTo(query.get('return_to'), publicUrl, allowedOrigins)
  const codeChallenge = query.get('code_challenge')
  if (codeChallenge === null && !query.has('code_challenge_method')) return { returnTo }
  if (query.get('code_challenge_method') !== 'S256' || !isCodeChallenge(codeChallenge ?? '')) {
    throw badRequest(
      'code_challenge must have 43 characters, and code_challenge_method must be S256',
    )
  }
  const { origin, pathname, hash } = new URL(returnTo)
  if (!returnUrls.includes(origin + pathname)) {
    throw badRequest(
      'With a code_challenge, return_to must be one of the URLs in RETURN_URLS. The operator of this Driveway can add the page’s URL',
    )
  }
  if (hash !== '' || query.get('return_to')?.includes('#')) {
    throw badRequest('return_to must not have a fragment: it will carry the code')
  }
  return { returnTo, codeChallenge: codeChallenge ?? '' }
}

/** The URL that starts this sign-in in another browser: a page of another origin has to start it anew. */
function startUrl(
  publicUrl: string,
  query: URLSearchParams,
  { returnTo, codeChallenge }: LoginTarget,
): string {
  if (codeChallenge !== undefined) return returnTo
  return query.size === 0 ? `${publicUrl}/auth` : `${publicUrl}/auth?${query.toString()}`
}

/**
 * Reads the options of the authorization request:
 * - `choose` lets the user choose another account.
 * - `missing` requests the scopes that the last consent left out, limited to the configured ones.
 * - `reconnect` requests what the grant of the current session lacks, for the same account.
 */
async function readAuthorizationOptions(
  deps: LoginDeps,
  req: RequestContext['req'],
  query: URLSearchParams,
  { session }: SessionCookie,
): Promise<AuthorizationOptions> {
  if (query.has('choose')) return { prompt: 'select_account' }
  const names = (query.get('missing') ?? '').split(',')
  const scopes = deps.scopes.filter((scope) => names.includes(shortScope(scope)))
  // Only a consent returns a refresh token that covers all scopes.
  if (scopes.length > 0) return { prompt: 'consent', scopes }
  if (!query.has('reconnect') || session === undefined) return {}
  return reconnectOptions(deps, await findOwnGrant(deps, req))
}

function reconnectOptions(
  { scopes }: LoginDeps,
  grant: GrantRecord | undefined,
): AuthorizationOptions {
  if (!grant) return {}
  const { email: loginHint, revocation } = grant
  if (revocation) return { prompt: 'consent', loginHint }
  const missing = missingScopes(scopes, grant.scopes)
  return missing.length > 0 ? { prompt: 'consent', scopes: missing, loginHint } : { loginHint }
}

/** Finds the grant of the session. Without a valid session or a readable record there is none. */
async function findOwnGrant(
  { authenticateAny, grants }: LoginDeps,
  req: RequestContext['req'],
): Promise<GrantRecord | undefined> {
  try {
    const { sub } = await authenticateAny(req, 'session')
    return await grants.find(sub)
  } catch (error) {
    if (error instanceof GatewayError && error.status < 500) return undefined
    throw error
  }
}

/** Reads the cookie. An invalid one counts as empty, because the sign-in replaces it. */
function readCookieOrEmpty(req: RequestContext['req']): SessionCookie {
  try {
    return readSessionCookie(req)
  } catch {
    return { session: undefined, binding: undefined }
  }
}
