/** `GET /auth`: a browser on its way to Google's consent page. */
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { loginLifetimeMs } from '../identity/login-state.ts'
import type { LoginTarget, Logins } from '../identity/login-state.ts'
import type { AuthorizationRequest, OAuth } from '../token/google-oauth.ts'
import { missingScopes, shortScope } from '../token/scopes.ts'
import type { Vault, VaultRecord } from '../token/grant-store.ts'
import { readLoginTarget } from './token-exchange.ts'
import { readCookie, sessionLifetimeMs, writeCookie } from '../http/cookies.ts'
import type { SessionCookie } from '../http/cookies.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'

export interface LoginDeps {
  logins: Logins
  oauth: Pick<OAuth, 'authorizationUrl'>
  vault: Pick<Vault, 'find'>
  recognise: Identify
  /** What is asked of Google. */
  scopes: readonly string[]
  publicUrl: string
  allowedOrigins: readonly string[]
}

/** In what a sign-in differs from the usual one. */
type AuthorizationOptions = Pick<AuthorizationRequest, 'prompt' | 'scopes' | 'loginHint'>

export function loginRoutes(deps: LoginDeps): Route[] {
  return [
    {
      method: 'GET',
      path: /^$/,
      isSignIn: true,
      async run({ req, res, query }) {
        const { publicUrl, allowedOrigins } = deps
        const target = readLoginTarget(query, publicUrl, allowedOrigins)
        const wish = await readAuthorizationOptions(deps, req, query)
        const location = await startLogin(deps, readCookieOrEmpty(req), target, wish, res)
        res.writeHead(302, { location }).end()
      },
    },
  ]
}

/** Prepares a sign-in: its cookie is set, its address at Google returned. */
export async function startLogin(
  { logins, oauth, publicUrl }: Pick<LoginDeps, 'logins' | 'oauth' | 'publicUrl'>,
  cookie: SessionCookie,
  target: LoginTarget,
  wish: AuthorizationOptions,
  res: Call['res'],
): Promise<string> {
  // One binding serves all tabs of a browser: their sign-ins differ in their state.
  const binding = cookie.binding ?? randomBytes(16).toString('base64url')
  const { login, state } = await logins.start(binding, target, wish.prompt === 'consent')
  const { nonce, codeVerifier } = login
  const location = await oauth.authorizationUrl({ state, nonce, codeVerifier, ...wish })
  const lifetimeMs = cookie.session === undefined ? loginLifetimeMs : sessionLifetimeMs
  res.setHeader(
    'Set-Cookie',
    writeCookie({ session: cookie.session, binding }, publicUrl, lifetimeMs / 1000),
  )
  return location
}

/**
 * - `choose`: another account than the one that Google would take by itself.
 * - `missing`: the scopes that a consent has just left out; never more than is configured.
 * - `reconnect`: whatever the grant of this browser's session needs, of the same account.
 */
async function readAuthorizationOptions(
  deps: LoginDeps,
  req: Call['req'],
  query: URLSearchParams,
): Promise<AuthorizationOptions> {
  if (query.has('choose')) return { prompt: 'select_account' }
  const names = (query.get('missing') ?? '').split(',')
  const scopes = deps.scopes.filter((scope) => names.includes(shortScope(scope)))
  // Consent is what brings a refresh token that stands for all of it.
  if (scopes.length > 0) return { prompt: 'consent', scopes }
  return query.has('reconnect') ? reconnectOptions(deps, await findGrant(deps, req)) : {}
}

function reconnectOptions(
  { scopes }: LoginDeps,
  record: VaultRecord | undefined,
): AuthorizationOptions {
  if (!record) return {}
  const { email: loginHint, death } = record
  if (death) return { prompt: 'consent', loginHint }
  const missing = missingScopes(scopes, record.scopes)
  return missing.length > 0 ? { prompt: 'consent', scopes: missing, loginHint } : { loginHint }
}

/** Nothing for whoever is signed out here, or whose record cannot be read: that is a new sign-in. */
async function findGrant(
  { recognise, vault }: LoginDeps,
  req: Call['req'],
): Promise<VaultRecord | undefined> {
  try {
    const { sub } = await recognise(req, 'session')
    return await vault.find(sub)
  } catch (error) {
    if (error instanceof GatewayError && error.status < 500) return undefined
    throw error
  }
}

/** A new sign-in puts right whatever is wrong with the cookie. */
function readCookieOrEmpty(req: Call['req']): SessionCookie {
  try {
    return readCookie(req)
  } catch {
    return { session: undefined, binding: undefined }
  }
}
