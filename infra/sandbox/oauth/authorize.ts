/**
 * The authorization endpoint: which account, which scopes, and back to the app with a code.
 *
 * 1. The account is the one that `login_hint` names, or the only one there is; else, and always with
 *    `prompt=select_account`, the user chooses.
 * 2. When that account has granted every scope asked for, and `prompt` is not `consent`, the browser
 *    goes back at once; else the user is asked. `prompt=none` never asks, and fails instead.
 * 3. What was granted stays granted until it is revoked: to untick it under `prompt=consent` leaves
 *    it out of this answer only, and `include_granted_scopes` brings it back.
 *
 * Each page is a form that posts to its own address, so the query stays the request from first to
 * last and is checked every time.
 */
import type { Exchange } from '../router.ts'
import type { Clients, OAuthUser } from './clients.ts'
import { AccessBlocked } from './errors.ts'
import { formOf } from './form.ts'
import type { Grants } from './grants.ts'
import { issuer } from './id-token.ts'
import { answerPage, blockedPage, chooserPage, consentPage } from './page.ts'
import type { AuthorizationRequest } from './request.ts'
import { readAuthorizationRequest } from './request.ts'
import { isSignInScope, writeScopes } from './scopes.ts'

/** @param alwaysAsk shows the consent page also where everything was granted before */
export function createAuthorize(
  clients: Clients,
  users: readonly OAuthUser[],
  grants: Grants,
  alwaysAsk = false,
) {
  return async function authorize(exchange: Exchange): Promise<void> {
    const { req, res, url } = exchange
    try {
      if (/; wv\)/.test(req.headers['user-agent'] ?? '')) {
        const message = 'Sign-in opens in a browser, not in a web view'
        throw new AccessBlocked(403, 'disallowed_useragent', message)
      }
      const request = readAuthorizationRequest(url.searchParams, clients)
      const form = req.method === 'POST' ? await formOf(req) : new URLSearchParams()
      proceed(exchange, request, form)
    } catch (error) {
      if (!(error instanceof AccessBlocked)) throw error
      answerPage(res, error.status, blockedPage(error))
    }
  }

  function proceed(exchange: Exchange, request: AuthorizationRequest, form: URLSearchParams): void {
    const { res } = exchange
    const silent = request.prompt.has('none')
    const authuser = chooseAccount(request, form)
    const user = users[authuser]
    if (!user) {
      if (silent) sendBack(exchange, request, { error: 'interaction_required' })
      else answerPage(res, 200, chooserPage(request, users))
      return
    }
    const { hd } = user
    const grantee = { sub: user.sub, clientId: request.client.client_id }
    const granted = grants.granted(grantee)
    const anew = request.prompt.has('consent')
    const asked = [...request.scopes].filter((scope) => anew || alwaysAsk || !granted?.has(scope))
    const held = [...request.scopes].filter((scope) => !asked.includes(scope))
    const answer = form.get('answer')

    if (answer === 'cancel') {
      sendBack(exchange, request, { error: 'access_denied' })
    } else if (granted && asked.length === 0) {
      finish(held, false)
    } else if (silent) {
      sendBack(exchange, request, { error: 'interaction_required' })
    } else if (answer === 'continue') {
      const ticked = new Set(form.getAll('scope'))
      const allowed = asked.filter((scope) => isSignInScope(scope) || ticked.has(scope))
      if (held.length + allowed.length === 0) {
        sendBack(exchange, request, { error: 'access_denied' })
        return
      }
      grants.grant(grantee, allowed)
      finish([...held, ...allowed], true)
    } else {
      answerPage(res, 200, consentPage(request, users, authuser, asked, held))
    }

    function finish(scopes: string[], consented: boolean): void {
      const all = request.includeGranted ? (grants.granted(grantee) ?? []) : []
      const whole = new Set([...scopes, ...all])
      const code = grants.issueCode({
        ...grantee,
        redirectUri: request.redirectUri,
        scopes: whole,
        ...(request.challenge ? { challenge: request.challenge } : {}),
        ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
        refresh: request.offline && consented && (anew || granted === undefined),
      })
      sendBack(exchange, request, {
        iss: issuer,
        code,
        scope: writeScopes(whole),
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

function sendBack(
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
