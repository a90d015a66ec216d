/**
 * An authorization server that others have written and that is certified for OpenID Connect, in
 * Google's place: what we send has to make sense to it too, not only to our own sandbox.
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
  /** Addresses as the gateway's configuration has them. */
  endpoints: {
    authorization: string
    token: string
    revocation: string
    jwks: string
    userinfo: string
  }
  /** Opens it for one client, with nothing in it; before that, everything it is asked is an error. */
  register(client: Client): void
  /** Whose access token this is, while it is alive. */
  subjectOf(accessToken: string): string | undefined
  /** What happened, in the library's own words: `grant.success`, `grant.revoked`, … */
  events: string[]
  close(): Promise<void>
}

/** The name that the gateway expects, whoever answers. */
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
  const owners = new Map<string, string>()

  /** Google takes a token back from whoever has it; RFC 7009 asks for the client too. */
  async function revoke(by: Provider, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of req as AsyncIterable<Buffer>) parts.push(part)
    const { clientId: client_id, clientSecret: client_secret } = client
    const said = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()))
    by.callback()(Object.assign(req, { body: { ...said, client_id, client_secret } }), res)
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
    subjectOf: (accessToken) => owners.get(accessToken),

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
        // As Google does: the e-mail address is in the ID token.
        conformIdTokenClaims: false,
        findAccount: (_: unknown, sub: string) => ({
          accountId: sub,
          claims: () => ({ ...oidcUser, email_verified: true }),
        }),
        interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
        features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
        pkce: { required: () => true },
        issueRefreshToken: () => true,
        // Stricter than Google: each refresh token is good once, and a second use ends the grant.
        rotateRefreshToken: true,
        cookies: { keys: ['only for a test'] },
        jwks: { keys: [signingKey()] },
        ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86_400, IdToken: 3600 },
      })
      provider.on('access_token.saved', ({ jti, accountId }: Token) => owners.set(jti, accountId))
      provider.on('access_token.destroyed', ({ jti }: Token) => owners.delete(jti))
      for (const event of recordedEvents) provider.on(event, () => events.push(event))
    },

    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The person signs in and agrees to everything, at once. */
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

/** What a browser does with the server's own pages: follows them, with its cookies, to the callback. */
export async function followRedirects(location: string): Promise<URL> {
  const jar = new Map<string, string>()
  let url = new URL(location)
  for (let step = 0; step < 8; step++) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name !== undefined) jar.set(name, value ?? '')
    }
    const next = answer.headers.get('location')
    if (next === null) throw new Error(`It stops at ${url.pathname}: ${answer.status}`)
    url = new URL(next, url)
    if (url.pathname === '/callback') return url
  }
  throw new Error('It goes round in circles')
}
