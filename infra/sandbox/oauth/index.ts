/**
 * Google's OAuth 2.0 and OpenID Connect on loopback.
 *
 * @see Using OAuth 2.0 for Web Server Applications; OpenID Connect
 */
import type { Exchange, Route, Service } from '../router.ts'
import { answerJson, readBody } from '../router.ts'
import { createAuthorize } from './authorize.ts'
import type { OAuthClient, OAuthUser } from './clients.ts'
import { createClients, defaultUsers } from './clients.ts'
import { OAuthError } from './errors.ts'
import { formOf, refuseRepeats } from './form.ts'
import { createGrants, endings } from './grants.ts'
import type { Ending } from './grants.ts'
import { createIdTokens, issuer, userClaims } from './id-token.ts'
import { createToken } from './token.ts'
import { discovery, tokenInfo } from './metadata.ts'

export type { OAuthClient, OAuthUser } from './clients.ts'

export interface OAuthOptions {
  clients?: OAuthClient[]
  /** At most ten; two made-up ones unless said. */
  users?: OAuthUser[]
  /** Milliseconds that a refresh token lives; seven days for an app in "Testing". */
  refreshTokenLifetime?: number
  /** Shows the consent page even where everything was granted before, for people who try it out. */
  alwaysAsk?: boolean
  now?: () => number
}

/** What the control address (`POST /sandbox/oauth`) does. */
export type OAuthAction =
  /** The user takes back what was granted to one client, or to all. */
  | { action: 'revoke'; sub: string; client_id?: string }
  | { action: 'expireAccessTokens'; sub?: string }
  /** The tokens die, the grant stays: the next sign-in brings no refresh token unless it asks. */
  | { action: 'expireRefreshTokens'; sub: string }
  /** Google ends all that a user granted, in one of its own ways and with its answer to that. */
  | { action: 'end'; sub: string; how: Ending }
  | { action: 'rotateSecret'; client_id: string; add?: string; remove?: string }
  | { action: 'deleteClient'; client_id: string }
  | { action: 'rotateKeys' }

export interface OAuth extends Service {
  users: readonly OAuthUser[]
  /** @throws when a redirect URI is one that Google would not register */
  register(client: OAuthClient): void
  /** Whose access token this is; undefined when it is dead or unknown. */
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
  const grants = createGrants(now, options.refreshTokenLifetime)
  const idTokens = createIdTokens(now)
  const authorize = createAuthorize(clients, users, grants, options.alwaysAsk)

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
      case 'end':
        if (!endings.includes(action.how)) throw new Error(`Cannot end a grant by ${action.how}`)
        return grants.end(action.sub, action.how)
      case 'rotateSecret':
        return clients.rotateSecret(action.client_id, action)
      case 'deleteClient':
        return clients.delete(action.client_id)
      case 'rotateKeys':
        return idTokens.rotate()
      default:
        throw new Error(`Cannot do ${JSON.stringify(action)}`)
    }
  }

  async function revoke({ req, res, url }: Exchange): Promise<void> {
    const form = await formOf(req)
    refuseRepeats(form)
    const text = form.get('token') ?? url.searchParams.get('token')
    if (!text) throw new OAuthError(400, 'invalid_request', 'Missing required parameter: token')
    const refreshToken = grants.refreshToken(text)
    const token = refreshToken?.died === undefined ? refreshToken : undefined
    const { sub, clientId } = token ?? grants.accessToken(text) ?? {}
    if (sub === undefined) throw new OAuthError(400, 'invalid_token', 'Token expired or revoked')
    grants.revoke(sub, clientId)
    answerJson(res, 200, {})
  }

  function userinfo({ req, res }: Exchange): void {
    const bearer = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1]
    const token = bearer === undefined ? undefined : grants.accessToken(bearer)
    const user = users.find(({ sub }) => sub === token?.sub)
    if (!token || !user) {
      answerJson(
        res,
        401,
        { error: 'invalid_request', error_description: 'Invalid Credentials' },
        { 'www-authenticate': `Bearer realm="${issuer}/", error="invalid_token"` },
      )
    } else if (token.scopes.has('openid')) {
      answerJson(res, 200, userClaims(user, token.scopes))
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
        const form = await formOf(req)
        return form.get('grant_type') === 'refresh_token' ? 'oauth.refresh' : 'oauth.token'
      },
      method: 'POST',
      path: /^\/token$/,
      handle: orRefuse(createToken(clients, users, grants, idTokens, now)),
    },
    {
      operation: 'oauth.revoke',
      method: 'POST',
      path: /^\/revoke$/,
      handle: orRefuse(revoke),
    },
    {
      operation: 'oauth.certs',
      method: 'GET',
      path: /^\/oauth2\/v3\/certs$/,
      async handle({ res }) {
        const cache = { 'cache-control': 'public, max-age=19746, must-revalidate, no-transform' }
        answerJson(res, 200, await idTokens.jwks(), cache)
      },
    },
    {
      operation: 'oauth.discovery',
      method: 'GET',
      path: /^\/\.well-known\/openid-configuration$/,
      handle({ res, origin }) {
        answerJson(res, 200, discovery(origin), { 'cache-control': 'public, max-age=3600' })
      },
    },
    {
      operation: 'oauth.tokeninfo',
      method: 'GET',
      path: /^\/tokeninfo$/,
      handle: orRefuse(async ({ res, url }) => {
        answerJson(res, 200, await tokenInfo(url.searchParams, { grants, idTokens, users, now }))
      }),
    },
    {
      operation: 'oauth.userinfo',
      method: 'GET',
      path: /^\/v1\/userinfo$/,
      handle: orRefuse(userinfo),
    },
    {
      operation: 'sandbox.oauth.control',
      method: 'POST',
      path: /^\/sandbox\/oauth$/,
      async handle({ req, res }) {
        try {
          await control(JSON.parse((await readBody(req)).toString('utf8')) as OAuthAction)
          answerJson(res, 200, grants.counts())
        } catch (error) {
          answerJson(res, 400, { error: String(error) })
        }
      },
    },
    {
      operation: 'sandbox.oauth.counts',
      method: 'GET',
      path: /^\/sandbox\/oauth$/,
      handle: ({ res }) => answerJson(res, 200, grants.counts()),
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

/** Turns a thrown refusal into its JSON. */
function orRefuse(handle: (exchange: Exchange) => Promise<void> | void): Route['handle'] {
  return async (exchange) => {
    try {
      await handle(exchange)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      answerJson(exchange.res, error.status, error.body())
    }
  }
}
