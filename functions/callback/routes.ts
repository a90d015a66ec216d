/** `/callback`: the authorization response becomes a stored grant and a session. */
import { GatewayError } from '../errors.ts'
import type { Allowlist } from '../identity/allowlist.ts'
import type { GrantBound } from '../identity/grant-generations.ts'
import type { Login, LoginStates } from '../identity/login-state.ts'
import type { AuthorizationCodes } from '../identity/authorization-code.ts'
import type { AccessTokenCache } from '../token/access-token-cache.ts'
import { issuer } from '../token/google-oauth.ts'
import type { GoogleOAuth } from '../token/google-oauth.ts'
import { missingScopes, shortScope } from '../token/scopes.ts'
import type { TokenResponse } from '../token/token-response.ts'
import type { GrantStore, GrantRecord } from '../token/grant-store.ts'
import { audit } from '../http/audit.ts'
import { findReadableGrant } from '../auth/grant-status.ts'
import { withoutForeignSession } from '../auth/bound-cookie.ts'
import { startLogin } from '../auth/login.ts'
import { readSessionCookie, serializeSessionCookie } from '../http/cookies.ts'
import type { RequestContext, Route } from '../http/router.ts'
import { startSession } from './start-session.ts'
import type { SignedInBrowser, StartSessionDeps } from './start-session.ts'

export interface CallbackDeps extends StartSessionDeps {
  logins: LoginStates
  oauth: GoogleOAuth
  grants: GrantStore
  accessTokens: Pick<AccessTokenCache, 'set' | 'tokenFor'>
  authorizationCodes: Pick<AuthorizationCodes, 'issue'>
  allowlist: Pick<Allowlist, 'check'>
  /** Required scopes. */
  scopes: readonly string[]
  now: () => number
}

/** A refresh token that was used within this time is not verified at the next sign-in. */
const verifiedTtlMs = 2 * 24 * 60 * 60_000

export function callbackRoutes(deps: CallbackDeps): Route[] {
  const run: Route['run'] = (context) => handleCallback(deps, context)
  return [{ method: 'GET', path: /^$/, rateLimit: 'sign-in', run }]
}

async function handleCallback(deps: CallbackDeps, context: RequestContext): Promise<void> {
  let sub: string | undefined
  try {
    await handleAuthorizationResponse(deps, context, (grant) => (sub = grant.sub))
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'internal'
    audit(context.log, 'sign_in_refused', { code, sub })
    throw error
  }
}

/**
 * Validates the authorization response, exchanges the code, stores the grant and completes the
 * sign-in.
 *
 * @param onGrant called as soon as the account is known, for the audit event of a later failure
 * @see RFC 6749 §4.1.2 Authorization Response, §10.12 (state); OpenID Connect Core 1.0 §3.1.3
 */
async function handleAuthorizationResponse(
  deps: CallbackDeps,
  context: RequestContext,
  onGrant: (grant: TokenResponse) => void,
): Promise<void> {
  const { req, res, query, log } = context
  const { logins, oauth, grants, accessTokens, allowlist, credentials } = deps
  if (
    /prefetch|prerender/i.test(String(req.headers['sec-purpose'] ?? req.headers['purpose'] ?? ''))
  ) {
    throw new GatewayError('bad_request', 'A prefetch request cannot sign in')
  }
  const sent = readSessionCookie(req)
  const { session } = await withoutForeignSession(credentials, sent)
  const cookie = { session, binding: sent.binding }
  const { login, renewed } = await logins.read(query.get('state'), cookie.binding, async () => {
    return session === undefined
      ? undefined
      : (await credentials.findSession(session))?.renewedBinding
  })
  const response = readAuthorizationResponse(query)
  await logins.consume(login)
  if ('error' in response) {
    res.setHeader(
      'Set-Cookie',
      serializeSessionCookie(
        session === undefined ? { session, binding: undefined } : cookie,
        deps.publicUrl,
        session ? deps.sessionMaxMs / 1000 : 0,
      ),
    )
    throw new GatewayError('access_denied', `Google returned the error ${response.error}`)
  }

  const { nonce, codeVerifier } = login
  const grant = await oauth.exchange(response.code, { nonce, codeVerifier })
  onGrant(grant)
  allowlist.check(grant)
  checkScopes(grant, deps, login)
  // This sign-in replaces an unreadable record, if it returns a refresh token.
  const existing = await findReadableGrant(grants, grant.sub)
  const isUsable = isUsableGrant(existing, deps.scopes)
  if (
    grant.refreshToken === undefined &&
    !(isUsable && (await verifyRefreshToken(deps, existing)))
  ) {
    return requestConsent(deps, login, cookie, res)
  }

  const { sub, accessToken, expiresInSeconds, ...saved } = grant
  const generation = await grants.save({ sub, ...saved })
  accessTokens.set(sub, accessToken, expiresInSeconds)
  const browser = { cookie, renewed }
  const completed = await completeSignIn(deps, context, login, browser, { sub, generation })
  const { location, credential } = completed
  res.writeHead(303, { location }).end()
  audit(log, 'sign_in', {
    sub,
    credential,
    newGrant: saved.refreshToken !== undefined,
    reconnect: existing !== undefined && !isUsable,
  })
}

/**
 * Creates a session, or an authorization code when a page of another origin started the sign-in.
 * Such a page needs no cookie, so the cookie stays unchanged.
 */
async function completeSignIn(
  deps: CallbackDeps,
  context: RequestContext,
  { returnTo, codeChallenge }: Login,
  browser: SignedInBrowser,
  grant: GrantBound,
): Promise<{ location: string; credential?: string }> {
  if (codeChallenge !== undefined) {
    const { origin } = new URL(returnTo)
    // A browser sends no fragment to a server, so the code appears in no log.
    const code = await deps.authorizationCodes.issue({ ...grant, origin, codeChallenge })
    return { location: `${returnTo}#code=${code}` }
  }
  const { id } = await startSession(deps, context, browser, grant)
  return { location: returnTo, credential: id }
}

/**
 * Reads the authorization response. The caller has validated its `state`. An error takes precedence
 * over a code.
 *
 * @throws {GatewayError} `issuer_mismatch` or `bad_request`
 * @see RFC 6749 §4.1.2 Authorization Response; RFC 9207 §2.4 Validating the Issuer Identifier
 */
function readAuthorizationResponse(query: URLSearchParams): { code: string } | { error: string } {
  const iss = query.get('iss')
  if (iss !== null && iss !== issuer) {
    throw new GatewayError('issuer_mismatch', 'The iss parameter is not Google’s issuer')
  }
  const error = query.get('error')
  if (error !== null) return { error: /^\w{1,40}$/.test(error) ? error : 'an unreadable error' }
  const code = query.get('code') ?? ''
  if (!/^[\x21-\x7e]{1,2048}$/.test(code)) {
    throw new GatewayError('bad_request', 'The code parameter is missing or malformed')
  }
  return { code }
}

/**
 * Requires all scopes. Google's consent page lets the user grant only some of them (RFC 6749 §3.3).
 * The tokens are discarded, but the grant stays at Google, so the next sign-in requests only the rest.
 *
 * @throws {GatewayError} `scope_missing` with a link that requests the missing scopes
 */
function checkScopes(
  { scopes: granted }: TokenResponse,
  { scopes: required, publicUrl }: CallbackDeps,
  login: Login,
): void {
  const missing = missingScopes(required, granted)
  if (missing.length === 0) return
  const names = missing.map(shortScope)
  throw new GatewayError('scope_missing', `Google did not grant ${names.join(', ')}`, {
    detail: `A permission was not granted at Google (${names.join(', ')}). The link requests only that`,
    link: `/auth?missing=${names.join(',')}${targetQuery(login, publicUrl)}`,
  })
}

/** Returns query parameters that give another sign-in the same target, with a leading `&`. */
function targetQuery({ returnTo, codeChallenge }: Login, publicUrl: string): string {
  const isOwnOrigin = returnTo.startsWith(`${publicUrl}/`)
  const target = isOwnOrigin ? returnTo.slice(publicUrl.length) : returnTo
  const query = new URLSearchParams(target === '/' ? {} : { return_to: target })
  if (codeChallenge !== undefined) {
    query.set('code_challenge', codeChallenge)
    query.set('code_challenge_method', 'S256')
  }
  return query.size > 0 ? `&${query.toString()}` : ''
}

/** Whether the grant is not revoked and covers the required scopes. */
function isUsableGrant(
  grant: GrantRecord | undefined,
  required: readonly string[],
): grant is GrantRecord {
  return (
    grant?.revocation === undefined && missingScopes(required, grant?.scopes ?? []).length === 0
  )
}

/** Verifies a refresh token that was not used for days, because Google may have revoked it. */
async function verifyRefreshToken(
  { accessTokens, now }: CallbackDeps,
  grant: GrantRecord,
): Promise<boolean> {
  if (now() - (grant.usedAt ?? 0) < verifiedTtlMs) return true
  return accessTokens.tokenFor(grant.sub).then(
    () => true,
    (error: unknown) => !(error instanceof GatewayError && error.code === 'reauth_required'),
  )
}

/** Redirects to Google's consent page: Google returns a refresh token only with a consent. */
async function requestConsent(
  deps: CallbackDeps,
  login: Login,
  cookie: ReturnType<typeof readSessionCookie>,
  res: RequestContext['res'],
): Promise<void> {
  if (login.consentForced) {
    throw new GatewayError(
      'no_refresh_token',
      'Google returned no refresh token after a forced consent',
    )
  }
  const location = await startLogin(deps, cookie, login, { prompt: 'consent' }, res)
  res.writeHead(303, { location }).end()
}
