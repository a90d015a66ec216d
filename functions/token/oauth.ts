/** OAuth 2.0 and OpenID Connect with Google. Describes requests, reads answers, sends them once. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'
import { answerFailure, exchangeFailure, isClientRefused } from './oauth-failure.ts'

/** The client's credentials at Google. */
export interface ClientCredentials {
  clientId: string
  clientSecret: string
}

/** Where Google's endpoints are. */
export interface OAuthAddresses {
  authorization: string
  token: string
  revocation: string
  jwks: string
}

/** What a sign-in brings. */
export interface Grant {
  /** The one stable name of a Google account; addresses change hands. */
  sub: string
  email: string
  accessToken: string
  expiresInSeconds: number
  /** Only on the first consent, and whenever consent was asked for again. */
  refreshToken: string | undefined
  scopes: string[]
}

export interface Refreshed {
  accessToken: string
  expiresInSeconds: number
  /** Google rarely gives a new one. */
  refreshToken: string | undefined
}

export interface AuthorizationRequest {
  state: string
  nonce: string
  codeVerifier: string
  /** `consent` makes Google give a refresh token again. */
  prompt?: 'consent'
}

export interface OAuth {
  /** The address of Google's consent page for one sign-in. */
  authorizationUrl(request: AuthorizationRequest): Promise<string>
  /**
   * Exchanges a code, once, and verifies who it speaks of.
   *
   * @param code of a callback whose `state` and `iss` were checked
   * @throws {GatewayError} `code_exchange_failed`, `id_token_invalid`, or one of `auth_…`
   */
  exchange(code: string, expected: { nonce: string; codeVerifier: string }): Promise<Grant>
  /**
   * @throws {DeadGrantError} when Google will never again give a token for this one
   * @throws {GatewayError} one of `auth_…`, when the refresh token is still good
   */
  refresh(refreshToken: string): Promise<Refreshed>
  /** Ends the whole grant at Google; one that is dead already is fine. */
  revoke(token: string): Promise<void>
}

/** Google has ended a grant: `invalid_grant`, and nothing else, says so. */
export class DeadGrantError extends Error {
  override name = 'DeadGrantError'
  /** Google's `error_subtype`, such as `invalid_rapt`, where it gives one. */
  readonly subtype: string | undefined

  constructor(subtype: string | undefined) {
    super('Google has ended this grant')
    this.subtype = subtype
  }
}

export interface OAuthParts {
  addresses: OAuthAddresses
  redirectUri: string
  scopes: string[]
  /** `fresh` when Google has just refused what was held. */
  credentials(fresh?: boolean): Promise<ClientCredentials>
  /** Milliseconds for one exchange, refresh or revocation, all of its requests together. */
  timeout?: number
}

export const issuer = 'https://accounts.google.com'
const answerBytes = 256 * 1024

export function createOAuth(parts: OAuthParts): OAuth {
  const { addresses, redirectUri, scopes, credentials, timeout = 8_000 } = parts
  // One object for good: the library keeps Google's keys by it.
  const server: oauth.AuthorizationServer = {
    issuer,
    authorization_endpoint: addresses.authorization,
    token_endpoint: addresses.token,
    revocation_endpoint: addresses.revocation,
    jwks_uri: addresses.jwks,
    id_token_signing_alg_values_supported: ['RS256'],
  }
  const sending = (): {
    signal: AbortSignal
    [oauth.customFetch]: typeof cappedFetch
    [oauth.allowInsecureRequests]: boolean
  } => ({
    signal: AbortSignal.timeout(timeout),
    [oauth.customFetch]: cappedFetch,
    // Plain http is for the sandbox on loopback; the configuration allows no other.
    [oauth.allowInsecureRequests]: addresses.token.startsWith('http:'),
  })

  /** Whether Google refused the client itself, whose secret may just have been rotated. */
  async function withCredentials<T>(run: (held: ClientCredentials) => Promise<T>): Promise<T> {
    const held = await credentials()
    try {
      return await run(held)
    } catch (error) {
      if (!isClientRefused(error)) throw error
      const fresh = await credentials(true)
      if (fresh.clientSecret === held.clientSecret) throw error
      return run(fresh)
    }
  }

  return {
    async authorizationUrl({ state, nonce, codeVerifier, prompt }) {
      const { clientId } = await credentials()
      const url = new URL(addresses.authorization)
      url.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: scopes.join(' '),
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        access_type: 'offline',
        include_granted_scopes: 'true',
        ...(prompt === undefined ? {} : { prompt }),
      }).toString()
      return url.href
    },

    async exchange(code, { nonce, codeVerifier }) {
      const { clientId, clientSecret } = await credentials()
      const client: oauth.Client = { client_id: clientId }
      const response = new URLSearchParams({ code })
      const options = sending()
      try {
        const answer = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          oauth.ClientSecretPost(clientSecret),
          oauth.validateAuthResponse(server, client, response, oauth.expectNoState),
          redirectUri,
          codeVerifier,
          options,
        )
        refuseUnavailable(answer)
        const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
          expectedNonce: nonce,
          requireIdToken: true,
        })
        await oauth.validateApplicationLevelSignature(server, answer, options)
        return readGrant(tokens, clientId)
      } catch (error) {
        if (!isClientRefused(error)) throw exchangeFailure(error)
        // The code is spent on this try, so even with another secret it has to be a new sign-in.
        const fresh = await credentials(true)
        if (fresh.clientSecret === clientSecret) throw exchangeFailure(error)
        throw new GatewayError('auth_unavailable', 'The client secret was rotated', {
          cause: error,
        })
      }
    },

    refresh(refreshToken) {
      return withCredentials(async ({ clientId, clientSecret }) => {
        const client: oauth.Client = { client_id: clientId }
        const auth = oauth.ClientSecretPost(clientSecret)
        const answer = await oauth.refreshTokenGrantRequest(
          server,
          client,
          auth,
          refreshToken,
          sending(),
        )
        refuseUnavailable(answer)
        const tokens = await oauth.processRefreshTokenResponse(server, client, answer)
        return {
          accessToken: tokens.access_token,
          expiresInSeconds: readExpiry(tokens),
          refreshToken: tokens.refresh_token,
        }
      }).catch((error: unknown) => {
        if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') {
          const subtype: unknown = error.cause['error_subtype']
          throw new DeadGrantError(typeof subtype === 'string' ? subtype : undefined)
        }
        throw answerFailure(error)
      })
    },

    async revoke(token) {
      try {
        const answer = await cappedFetch(addresses.revocation, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({ token }),
          redirect: 'manual',
          signal: AbortSignal.timeout(timeout),
        })
        if (answer.status !== 200 && answer.status !== 400) refuseUnavailable(answer)
      } catch (error) {
        throw answerFailure(error)
      }
    },
  }
}

/** Fetch with an end to what it reads, however well packed. */
async function cappedFetch(
  url: string,
  { body, ...init }: Omit<RequestInit, 'body'> & { body?: unknown },
): Promise<Response> {
  const response = await fetch(url, { ...init, body: (body ?? null) as BodyInit | null })
  const parts: Uint8Array[] = []
  let size = 0
  const chunks = response.body as AsyncIterable<Uint8Array> | null
  for await (const part of chunks ?? []) {
    size += part.length
    if (size > answerBytes)
      throw new GatewayError('auth_bad_response', 'Google’s answer is too long')
    parts.push(part)
  }
  const { status, headers } = response
  const hasNoBody = status === 204 || status === 205 || status === 304
  return new Response(hasNoBody ? null : Buffer.concat(parts), { status, headers })
}

function refuseUnavailable({ status }: Response): void {
  if (status === 429 || status >= 500) {
    throw new GatewayError('auth_unavailable', `Google answered ${status}`)
  }
}

function readGrant(tokens: oauth.TokenEndpointResponse, clientId: string): Grant {
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  if (!claims) throw new GatewayError('auth_bad_response', 'No ID token came')
  const { sub, azp = clientId, email } = claims
  if (azp !== clientId) {
    throw new GatewayError('id_token_invalid', 'The ID token was issued to another client')
  }
  // It names documents in the store: digits at Google, and never a path.
  if (!/^[a-z0-9][\w-]{0,254}$/i.test(sub)) {
    throw new GatewayError('id_token_invalid', 'The ID token has a subject that nobody has')
  }
  return {
    sub,
    email: typeof email === 'string' ? email : '',
    accessToken: tokens.access_token,
    expiresInSeconds: readExpiry(tokens),
    refreshToken: tokens.refresh_token,
    scopes: (tokens.scope ?? '').split(' ').filter((scope) => scope !== ''),
  }
}

function readExpiry({ expires_in }: oauth.TokenEndpointResponse): number {
  if (expires_in === undefined || !Number.isFinite(expires_in) || expires_in <= 0) {
    throw new GatewayError('auth_bad_response', 'Google did not say how long the token lives')
  }
  return expires_in
}
