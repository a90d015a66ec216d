/** `/callback`: the authorization response becomes a grant in the vault and a session. */
import { GatewayError } from '../errors.ts'
import type { Admission } from '../identity/allowlist.ts'
import type { Credentials } from '../identity/credentials.ts'
import type { Login, Logins } from '../identity/login-state.ts'
import type { PageCodes } from '../identity/authorization-code.ts'
import type { AccessTokens } from '../token/access-token-cache.ts'
import { issuer } from '../token/google-oauth.ts'
import type { Grant, OAuth } from '../token/google-oauth.ts'
import { missingScopes, shortScope } from '../token/scopes.ts'
import type { Vault, VaultRecord } from '../token/grant-store.ts'
import { audit } from '../http/audit.ts'
import { startLogin } from '../auth/login.ts'
import { readCookie, sessionLifetimeMs, writeCookie } from '../http/cookies.ts'
import type { Call, Route } from '../http/router.ts'

export interface CallbackDeps {
  logins: Logins
  oauth: OAuth
  vault: Vault
  access: Pick<AccessTokens, 'remember' | 'tokenFor'>
  credentials: Pick<Credentials, 'issue'>
  pageCodes: Pick<PageCodes, 'issue'>
  admission: Pick<Admission, 'check'>
  /** Scopes without which Driveway cannot do its work. */
  scopes: readonly string[]
  publicUrl: string
  now: () => number
}

/** A refresh token that has worked so lately is not tried at the next sign-in. */
const verifiedTtlMs = 2 * 24 * 60 * 60_000

export function callbackRoutes(deps: CallbackDeps): Route[] {
  const run: Route['run'] = (call) => handleCallback(deps, call)
  return [{ method: 'GET', path: /^$/, isSignIn: true, run }]
}

async function handleCallback(deps: CallbackDeps, call: Call): Promise<void> {
  let sub: string | undefined
  try {
    await handleAuthorizationResponse(deps, call, (grant) => (sub = grant.sub))
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'internal'
    audit(call.log, 'sign_in_refused', { code, sub })
    throw error
  }
}

/** @param onGrant told whose sign-in it is, as soon as Google has said so */
async function handleAuthorizationResponse(
  deps: CallbackDeps,
  { req, res, query, log }: Call,
  onGrant: (grant: Grant) => void,
): Promise<void> {
  const { logins, oauth, vault, access, admission, publicUrl } = deps
  if (
    /prefetch|prerender/i.test(String(req.headers['sec-purpose'] ?? req.headers['purpose'] ?? ''))
  ) {
    throw new GatewayError('bad_request', 'A prefetch is no sign-in')
  }
  const cookie = readCookie(req)
  const login = await logins.read(query.get('state'), cookie.binding)
  const response = readAuthorizationResponse(query)
  await logins.claim(login)
  if ('error' in response) {
    res.setHeader(
      'Set-Cookie',
      writeCookie(
        { ...cookie, binding: undefined },
        publicUrl,
        cookie.session ? sessionLifetimeMs / 1000 : 0,
      ),
    )
    throw new GatewayError('access_denied', `Google answered ${response.error}`)
  }

  const { nonce, codeVerifier } = login
  const grant = await oauth.exchange(response.code, { nonce, codeVerifier })
  onGrant(grant)
  admission.check(grant)
  checkScopes(grant, deps, login)
  const existing = await vault.find(grant.sub).catch(forgiveUnreadable)
  const isUsable = isUsableGrant(existing, deps.scopes)
  if (
    grant.refreshToken === undefined &&
    !(isUsable && (await verifyRefreshToken(deps, existing)))
  ) {
    return requestConsent(deps, login, cookie, res)
  }

  const { sub, accessToken, expiresInSeconds, ...saved } = grant
  await vault.save({ sub, ...saved })
  access.remember(sub, accessToken, expiresInSeconds)
  const { location, session, credential } = await completeSignIn(deps, login, sub)
  if (session !== undefined) {
    const { binding } = cookie
    const lifetime = sessionLifetimeMs / 1000
    res.setHeader('Set-Cookie', writeCookie({ session, binding }, deps.publicUrl, lifetime))
  }
  res.writeHead(303, { location }).end()
  audit(log, 'sign_in', {
    sub,
    credential,
    newGrant: saved.refreshToken !== undefined,
    reconnect: existing !== undefined && !isUsable,
  })
}

/**
 * What a sign-in ends with: a session, or a code for the page of another origin that asked for it.
 * Such a page needs nothing in a cookie here, and what is in it stays as it is.
 */
async function completeSignIn(
  { credentials, pageCodes }: CallbackDeps,
  { returnTo, codeChallenge }: Login,
  sub: string,
): Promise<{ location: string; session?: string; credential?: string }> {
  if (codeChallenge !== undefined) {
    const { origin } = new URL(returnTo)
    // In the fragment: it reaches neither that page's server nor anybody's log.
    return { location: `${returnTo}#code=${await pageCodes.issue({ sub, origin, codeChallenge })}` }
  }
  // A new secret for every sign-in: whatever was in the cookie before is worth nothing.
  const { secret, credential } = await credentials.issue('session', { sub }, sessionLifetimeMs)
  return { location: returnTo, session: secret, credential: credential.id }
}

/** An error wins over a code; neither is looked at before the state is known to be ours. */
function readAuthorizationResponse(query: URLSearchParams): { code: string } | { error: string } {
  const iss = query.get('iss')
  if (iss !== null && iss !== issuer) {
    throw new GatewayError('issuer_mismatch', 'The callback names another issuer')
  }
  const error = query.get('error')
  if (error !== null) return { error: /^\w{1,40}$/.test(error) ? error : 'an unreadable error' }
  const code = query.get('code') ?? ''
  if (!/^[\x21-\x7e]{1,2048}$/.test(code)) {
    throw new GatewayError('bad_request', 'The callback has no usable code')
  }
  return { code }
}

/**
 * Google lets people untick boxes: a partial grant is a success there, and none here. What came of
 * it is dropped; what was granted stays at Google, so that the next try is asked for the rest alone.
 */
function checkScopes(
  { scopes: granted }: Grant,
  { scopes: asked, publicUrl }: CallbackDeps,
  login: Login,
): void {
  const missing = missingScopes(asked, granted)
  if (missing.length === 0) return
  const names = missing.map(shortScope)
  throw new GatewayError('scope_missing', 'Fewer scopes were granted than asked for', {
    detail: `A box was left empty at Google (${names.join(', ')}); this link asks for that alone`,
    link: `/auth?missing=${names.join(',')}${targetQuery(login, publicUrl)}`,
  })
}

/** The rest of a query, by which another sign-in ends where this one was to end. */
function targetQuery({ returnTo, codeChallenge }: Login, publicUrl: string): string {
  const isHere = returnTo.startsWith(`${publicUrl}/`)
  const place = isHere ? returnTo.slice(publicUrl.length) : returnTo
  const query = new URLSearchParams(place === '/' ? {} : { return_to: place })
  if (codeChallenge !== undefined) {
    query.set('code_challenge', codeChallenge)
    query.set('code_challenge_method', 'S256')
  }
  return query.size > 0 ? `&${query.toString()}` : ''
}

/** Whether what is stored needs nothing from this sign-in. */
function isUsableGrant(
  known: VaultRecord | undefined,
  asked: readonly string[],
): known is VaultRecord {
  return known?.death === undefined && missingScopes(asked, known?.scopes ?? []).length === 0
}

/** A refresh token that nobody has used for days may have died unnoticed: that is mended now. */
async function verifyRefreshToken(
  { access, now }: CallbackDeps,
  known: VaultRecord,
): Promise<boolean> {
  if (now() - (known.usedAt ?? 0) < verifiedTtlMs) return true
  return access.tokenFor(known.sub).then(
    () => true,
    (error: unknown) => !(error instanceof GatewayError && error.code === 'reauth_required'),
  )
}

/** Google gives a refresh token on the first consent only; ours is gone, so ask once more. */
async function requestConsent(
  deps: CallbackDeps,
  login: Login,
  cookie: ReturnType<typeof readCookie>,
  res: Call['res'],
): Promise<void> {
  if (login.consentForced) {
    throw new GatewayError('no_refresh_token', 'No refresh token came with a forced consent')
  }
  const location = await startLogin(deps, cookie, login, { prompt: 'consent' }, res)
  res.writeHead(303, { location }).end()
}

/** A record that cannot be opened is replaced by this sign-in, if it brings a refresh token. */
function forgiveUnreadable(error: unknown): undefined {
  if (error instanceof GatewayError && error.code === 'reauth_required') return undefined
  throw error
}
