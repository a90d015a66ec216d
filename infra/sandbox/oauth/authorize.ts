/**
 * The authorization endpoint: selects the account and the scopes, and redirects to the app with a code.
 *
 * 1. The account is the one of `login_hint`, or the only one. Otherwise, and always with
 *    `prompt=select_account`, the user chooses.
 * 2. If the account has granted every requested scope and `prompt` is not `consent`, the browser is
 *    redirected immediately. Otherwise the user is asked; `prompt=none` fails instead.
 * 3. A granted scope stays granted until it is revoked. Unticking it under `prompt=consent` removes it
 *    from this response only, and `include_granted_scopes` adds it again.
 *
 * Each page is a form that posts to its own URL, so the query remains the authorization request and is
 * validated every time.
 */
import type { Exchange } from '../router.ts'
import type { Clients, OAuthUser } from './clients.ts'
import { AccessBlocked } from './errors.ts'
import { readForm } from './form.ts'
import type { Grants } from './grants.ts'
import { issuer } from './id-token.ts'
import { sendPage, blockedPage, chooserPage, consentPage } from './page.ts'
import type { AuthorizationRequest } from './request.ts'
import { readAuthorizationRequest } from './request.ts'
import { isSignInScope, writeScopes } from './scopes.ts'

/** WebViews of Android, and apps whose users reported Google's refusal. */
const embeddedBrowser = /; wv\)|\bFB(?:AN|AV|_IAB)\/|\bInstagram |\bLine\/|\bMicroMessenger\//

/** @param alwaysPrompt shows the consent page even when every scope is already granted */
export function createAuthorize(
  clients: Clients,
  users: readonly OAuthUser[],
  grants: Grants,
  alwaysPrompt = false,
) {
  return async function authorize(exchange: Exchange): Promise<void> {
    const { req, res, url } = exchange
    try {
      if (embeddedBrowser.test(req.headers['user-agent'] ?? '')) {
        const message = 'Sign-in requires a browser. A web view is not allowed.'
        throw new AccessBlocked(403, 'disallowed_useragent', message)
      }
      const request = readAuthorizationRequest(url.searchParams, clients)
      const form = req.method === 'POST' ? await readForm(req) : new URLSearchParams()
      proceed(exchange, request, form)
    } catch (error) {
      if (!(error instanceof AccessBlocked)) throw error
      sendPage(res, error.status, blockedPage(error))
    }
  }

  function proceed(exchange: Exchange, request: AuthorizationRequest, form: URLSearchParams): void {
    const { res } = exchange
    const silent = request.prompt.has('none')
    const authuser = chooseAccount(request, form)
    const user = users[authuser]
    if (!user) {
      if (silent) redirectToClient(exchange, request, { error: 'interaction_required' })
      else sendPage(res, 200, chooserPage(request, users))
      return
    }
    const { hd } = user
    const grantee = { sub: user.sub, clientId: request.client.client_id }
    const granted = grants.granted(grantee)
    const forceConsent = request.prompt.has('consent')
    const requested = [...request.scopes].filter(
      (scope) => forceConsent || alwaysPrompt || !granted?.has(scope),
    )
    const alreadyGranted = [...request.scopes].filter((scope) => !requested.includes(scope))
    const decision = form.get('decision')

    if (decision === 'cancel') {
      redirectToClient(exchange, request, { error: 'access_denied' })
    } else if (granted && requested.length === 0) {
      finish(alreadyGranted, false)
    } else if (silent) {
      redirectToClient(exchange, request, { error: 'interaction_required' })
    } else if (decision === 'continue') {
      const checked = new Set(form.getAll('scope'))
      const allowed = requested.filter((scope) => isSignInScope(scope) || checked.has(scope))
      if (alreadyGranted.length + allowed.length === 0) {
        redirectToClient(exchange, request, { error: 'access_denied' })
        return
      }
      grants.grant(grantee, allowed)
      finish([...alreadyGranted, ...allowed], true)
    } else {
      sendPage(res, 200, consentPage(request, users, authuser, requested, alreadyGranted))
    }

    function finish(scopes: string[], consented: boolean): void {
      const previous = request.includeGranted ? (grants.granted(grantee) ?? []) : []
      const allScopes = new Set([...scopes, ...previous])
      const code = grants.issueCode({
        ...grantee,
        redirectUri: request.redirectUri,
        scopes: allScopes,
        ...(request.challenge ? { challenge: request.challenge } : {}),
        ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
        refresh: request.offline && consented && (forceConsent || granted === undefined),
      })
      redirectToClient(exchange, request, {
        iss: issuer,
        code,
        scope: writeScopes(allScopes),
        authuser: String(authuser),
        ...(hd === undefined ? {} : { hd }),
        prompt: consented ? 'consent' : 'none',
      })
    }
  }

  /** @returns an index of `users`, or −1 when the user has to choose */
  function chooseAccount(request: AuthorizationRequest, form: URLSearchParams): number {
    const chosen = form.get('authuser')
    if (chosen !== null) return /^\d$/.test(chosen) && users[Number(chosen)] ? Number(chosen) : -1
    if (request.prompt.has('select_account')) return -1
    if (users.length === 1) return 0
    const hint = request.loginHint
    return users.findIndex(({ sub, email }) => sub === hint || email === hint?.toLowerCase())
  }
}

function redirectToClient(
  { req, res }: Exchange,
  { redirectUri, state }: AuthorizationRequest,
  fields: Record<string, string>,
): void {
  const target = new URL(redirectUri)
  if (state !== undefined) target.searchParams.set('state', state)
  for (const [name, value] of Object.entries(fields)) target.searchParams.set(name, value)
  res.writeHead(req.method === 'POST' ? 303 : 302, {
    location: target.href,
    'cache-control': 'no-store',
    'content-length': 0,
  })
  res.end()
}
