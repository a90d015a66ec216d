/**
 * Google's OAuth 2.0 and OpenID Connect on loopback.
 *
 * @see Using OAuth 2.0 for Web Server Applications; OpenID Connect
 */
import type { JWK } from 'jose'
import type { Exchange, Route, Service } from '../router.ts'
import { sendJson, readBody } from '../router.ts'
import { createAuthorize } from './authorize.ts'
import type { OAuthClient, OAuthUser } from './clients.ts'
import { createClients, defaultUsers } from './clients.ts'
import { OAuthError } from './errors.ts'
import { readForm, rejectDuplicates } from './form.ts'
import { createGrants, revocationReasons } from './grants.ts'
import type { RevocationReason } from './grants.ts'
import { createIdTokens, issuer, userClaims } from './id-token.ts'
import { createToken } from './token.ts'
import { discovery, tokenInfo } from './metadata.ts'

export type { OAuthClient, OAuthUser } from './clients.ts'

export interface OAuthOptions {
  clients?: OAuthClient[]
  /** At most ten; default two sample users. */
  users?: OAuthUser[]
  /** Lifetime of a refresh token; seven days for an app in "Testing". */
  refreshTokenTtlMs?: number
  /** Shows the consent page even when every scope is already granted, for manual testing. */
  alwaysPrompt?: boolean
  /** The first private key of ID tokens; a new one by default. */
  signingKey?: JWK | undefined
  now?: () => number
}

/** The actions of the control endpoint, `POST /sandbox/oauth`. */
export type OAuthAction =
  /** Revokes a user's grants to one client, or to all, as the user does. */
  | { action: 'revoke'; sub: string; client_id?: string }
  | { action: 'expireAccessTokens'; sub?: string }
  /** Expires the tokens and keeps the grant: the next sign-in returns a refresh token only on request. */
  | { action: 'expireRefreshTokens'; sub: string }
  /** Ends a user's grants as Google does for this reason, with Google's error response. */
  | { action: 'endGrants'; sub: string; reason: RevocationReason }
  | { action: 'rotateSecret'; client_id: string; add?: string; remove?: string }
  | { action: 'deleteClient'; client_id: string }
  | { action: 'rotateKeys' }

export interface OAuth extends Service {
  users: readonly OAuthUser[]
  /** @throws when a redirect URI violates Google's rules */
  register(client: OAuthClient): void
  /** The owner of an access token; undefined when it is expired, revoked or unknown. */
  identify(accessToken: string): Identity | undefined
  control(action: OAuthAction): Promise<void>
}

export interface Identity {
  sub: string
  email: string
  scopes: Set<string>
  clientId: string
}

export function createOAuth(options: OAuthOptions = {}): OAuth {
  const { users = defaultUsers, now = Date.now } = options
  const clients = createClients()
  for (const client of options.clients ?? []) clients.register(client)
  const grants = createGrants(now, options.refreshTokenTtlMs)
  const idTokens = createIdTokens(now, options.signingKey)
  const authorize = createAuthorize(clients, users, grants, options.alwaysPrompt)

  function identify(accessToken: string): Identity | undefined {
    const token = grants.accessToken(accessToken)
    const user = users.find(({ sub }) => sub === token?.sub)
    if (!token || !user) return undefined
    const { clientId, scopes } = token
    return { sub: user.sub, email: user.email, scopes: new Set(scopes), clientId }
  }

  async function control(action: OAuthAction): Promise<void> {
    switch (action.action) {
      case 'revoke':
        return grants.revoke(action.sub, action.client_id)
      case 'expireAccessTokens':
        return grants.expireAccessTokens(action.sub)
      case 'expireRefreshTokens':
        return grants.expireRefreshTokens(action.sub)
      case 'endGrants':
        if (!revocationReasons.includes(action.reason)) {
          throw new Error(`Cannot end grants for the unknown reason "${action.reason}"`)
        }
        return grants.endGrants(action.sub, action.reason)
      case 'rotateSecret':
        return clients.rotateSecret(action.client_id, action)
      case 'deleteClient':
        return clients.delete(action.client_id)
      case 'rotateKeys':
        return idTokens.rotate()
      default:
        throw new Error(`Unknown action ${JSON.stringify(action)}`)
    }
  }

  async function revoke({ req, res, url }: Exchange): Promise<void> {
    const form = await readForm(req)
    rejectDuplicates(form)
    const text = form.get('token') ?? url.searchParams.get('token')
    if (!text) throw new OAuthError(400, 'invalid_request', 'Missing required parameter: token')
    const refreshToken = grants.refreshToken(text)
    const token = refreshToken?.invalidSince === undefined ? refreshToken : undefined
    const { sub, clientId } = token ?? grants.accessToken(text) ?? {}
    if (sub === undefined) throw new OAuthError(400, 'invalid_token', 'Token expired or revoked')
    grants.revoke(sub, clientId)
    sendJson(res, 200, {})
  }

  function userinfo({ req, res }: Exchange): void {
    const bearer = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1]
    const token = bearer === undefined ? undefined : grants.accessToken(bearer)
    const user = users.find(({ sub }) => sub === token?.sub)
    if (!token || !user) {
      sendJson(
        res,
        401,
        { error: 'invalid_request', error_description: 'Invalid Credentials' },
        { 'www-authenticate': `Bearer realm="${issuer}/", error="invalid_token"` },
      )
    } else if (token.scopes.has('openid')) {
      sendJson(res, 200, userClaims(user, token.scopes))
    } else {
      throw new OAuthError(403, 'insufficient_scope', 'The token has no sign-in scope')
    }
  }

  const routes: Route[] = [
    {
      operation: 'oauth.authorize',
      method: 'GET',
      path: /^\/o\/oauth2\/v2\/auth$/,
      handle: authorize,
    },
    {
      operation: 'oauth.consent',
      method: 'POST',
      path: /^\/o\/oauth2\/v2\/auth$/,
      handle: authorize,
    },
    {
      operation: 'oauth.token',
      async operationOf(req) {
        const form = await readForm(req)
        return form.get('grant_type') === 'refresh_token' ? 'oauth.refresh' : 'oauth.token'
      },
      method: 'POST',
      path: /^\/token$/,
      handle: withOAuthErrors(createToken(clients, users, grants, idTokens, now)),
    },
    {
      operation: 'oauth.revoke',
      method: 'POST',
      path: /^\/revoke$/,
      handle: withOAuthErrors(revoke),
    },
    {
      operation: 'oauth.certs',
      method: 'GET',
      path: /^\/oauth2\/v3\/certs$/,
      async handle({ res }) {
        const cache = { 'cache-control': 'public, max-age=19746, must-revalidate, no-transform' }
        sendJson(res, 200, await idTokens.jwks(), cache)
      },
    },
    {
      operation: 'oauth.discovery',
      method: 'GET',
      path: /^\/\.well-known\/openid-configuration$/,
      handle({ res, origin }) {
        sendJson(res, 200, discovery(origin), { 'cache-control': 'public, max-age=3600' })
      },
    },
    {
      operation: 'oauth.tokeninfo',
      method: 'GET',
      path: /^\/tokeninfo$/,
      handle: withOAuthErrors(async ({ res, url }) => {
        sendJson(res, 200, await tokenInfo(url.searchParams, { grants, idTokens, users, now }))
      }),
    },
    {
      operation: 'oauth.userinfo',
      method: 'GET',
      path: /^\/v1\/userinfo$/,
      handle: withOAuthErrors(userinfo),
    },
    {
      operation: 'sandbox.oauth.control',
      method: 'POST',
      path: /^\/sandbox\/oauth$/,
      async handle({ req, res }) {
        try {
          await control(JSON.parse((await readBody(req)).toString('utf8')) as OAuthAction)
          sendJson(res, 200, grants.counts())
        } catch (error) {
          sendJson(res, 400, { error: String(error) })
        }
      },
    },
    {
      operation: 'sandbox.oauth.counts',
      method: 'GET',
      path: /^\/sandbox\/oauth$/,
      handle: ({ res }) => sendJson(res, 200, grants.counts()),
    },
  ]

  return {
    routes,
    users,
    identify,
    control,
    register: (client) => clients.register(client),
  }
}

/** Converts a thrown OAuthError to its JSON response. */
function withOAuthErrors(handle: (exchange: Exchange) => Promise<void> | void): Route['handle'] {
  return async (exchange) => {
    try {
      await handle(exchange)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      sendJson(exchange.res, error.status, error.body())
    }
  }
}
