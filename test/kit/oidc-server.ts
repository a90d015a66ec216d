/**
 * A certified third-party OpenID Connect server (`oidc-provider`) in place of Google, so that
 * interoperability is tested beyond our own sandbox.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Provider } from 'oidc-provider'
import type { Token } from 'oidc-provider'
import { listen } from './environment.ts'

interface Client {
  clientId: string
  clientSecret: string
  redirectUri: string
}

export interface OidcServer {
  /** Endpoints, by their name in the gateway's configuration. */
  endpoints: {
    authorization: string
    token: string
    revocation: string
    jwks: string
    userinfo: string
  }
  /** Resets the server with one client. Before the first call, every request gets 503. */
  register(client: Client): void
  /** Returns the subject of an access token that has not expired. */
  subjectOf(accessToken: string): string | undefined
  /** Events of the library: `grant.success`, `grant.revoked`, … */
  events: string[]
  close(): Promise<void>
}

/** The issuer that the gateway expects. */
const issuer = 'https://accounts.google.com'
export const oidcUser = { sub: '108888888888888888888', email: 'ada@example.com' }

const recordedEvents = [
  'authorization.success',
  'authorization.error',
  'grant.success',
  'grant.error',
  'grant.revoked',
  'refresh_token.consumed',
  'refresh_token.destroyed',
  'revocation.error',
]

export async function startOidcServer(scopes: readonly string[]): Promise<OidcServer> {
  let provider: Provider | undefined
  let client: Client = { clientId: '', clientSecret: '', redirectUri: '' }
  const server = createServer((req, res) => {
    if (!provider) res.writeHead(503).end()
    else if (req.url?.startsWith('/interaction/')) void approveInteraction(provider, req, res)
    else if (req.url === '/token/revocation') void revoke(provider, req, res)
    else provider.callback()(req, res)
  })
  const origin = await listen(server)
  const subjects = new Map<string, string>()

  /** Adds the client credentials, which RFC 7009 §2.1 requires and Google does not. */
  async function revoke(
    target: Provider,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk)
    const { clientId: client_id, clientSecret: client_secret } = client
    const fields = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
    target.callback()(Object.assign(req, { body: { ...fields, client_id, client_secret } }), res)
  }
  const events: string[] = []

  return {
    endpoints: {
      authorization: `${origin}/auth`,
      token: `${origin}/token`,
      revocation: `${origin}/token/revocation`,
      jwks: `${origin}/jwks`,
      userinfo: `${origin}/me`,
    },
    events,
    subjectOf: (accessToken) => subjects.get(accessToken),

    register(registered) {
      client = registered
      const { clientId, clientSecret, redirectUri } = registered
      provider = new Provider(issuer, {
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [redirectUri],
            grant_types: ['authorization_code', 'refresh_token'],
            token_endpoint_auth_method: 'client_secret_post',
          },
        ],
        scopes: ['openid', ...scopes],
        claims: { openid: ['sub'], email: ['email', 'email_verified'] },
        // Like Google, the ID token contains the e-mail address.
        conformIdTokenClaims: false,
        findAccount: (_: unknown, sub: string) => ({
          accountId: sub,
          claims: () => ({ ...oidcUser, email_verified: true }),
        }),
        interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
        features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
        pkce: { required: () => true },
        issueRefreshToken: () => true,
        // Stricter than Google: a refresh token is single-use, and a second use revokes the grant.
        rotateRefreshToken: true,
        cookies: { keys: ['only for a test'] },
        jwks: { keys: [signingKey()] },
        ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86_400, IdToken: 3600 },
      })
      provider.on('access_token.saved', ({ jti, accountId }: Token) => subjects.set(jti, accountId))
      provider.on('access_token.destroyed', ({ jti }: Token) => subjects.delete(jti))
      for (const event of recordedEvents) provider.on(event, () => events.push(event))
    },

    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Signs the user in and grants all requested scopes. */
async function approveInteraction(
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { params } = await provider.interactionDetails(req, res)
  const grant = new provider.Grant({
    accountId: oidcUser.sub,
    clientId: params['client_id'] ?? '',
  })
  grant.addOIDCScope(params['scope'] ?? '')
  const result = { login: { accountId: oidcUser.sub }, consent: { grantId: await grant.save() } }
  await provider.interactionFinished(req, res, result)
}

function signingKey(): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }
}

/** Follows the server's redirects with its cookies, like a browser, up to the callback URL. */
export async function followRedirects(location: string): Promise<URL> {
  const jar = new Map<string, string>()
  let url = new URL(location)
  for (let step = 0; step < 8; step++) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name !== undefined) jar.set(name, value ?? '')
    }
    const next = response.headers.get('location')
    if (next === null) throw new Error(`No redirect at ${url.pathname}: ${response.status}`)
    url = new URL(next, url)
    if (url.pathname === '/callback') return url
  }
  throw new Error('Too many redirects')
}
