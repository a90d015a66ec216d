/** OAuth 2.0 and OpenID Connect client for Google. Sends every request once, without retries. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'
import { limitedFetch } from '../lib/limited-fetch.ts'
import {
  isClientRejected,
  toExchangeError,
  toGrantRevokedError,
  toOAuthError,
} from './oauth-errors.ts'
import { readExpiry, readRefreshExpiry, readTokenResponse } from './token-response.ts'
import type { TokenResponse } from './token-response.ts'

/** The OAuth client's credentials. */
export interface ClientCredentials {
  clientId: string
  clientSecret: string
}

/** URLs of Google's endpoints. */
export interface OAuthEndpoints {
  authorization: string
  token: string
  revocation: string
  jwks: string
  userinfo: string
}

export interface RefreshResponse {
  accessToken: string
  expiresInSeconds: number
  /** Google rarely issues a new one. */
  refreshToken: string | undefined
  refreshExpiresInSeconds: number | undefined
}

export interface AuthorizationRequest {
  state: string
  nonce: string
  codeVerifier: string
  /** `consent` makes Google issue a refresh token again; `select_account` offers other accounts. */
  prompt?: 'consent' | 'select_account'
  /** Requested in addition to `openid` and `email`. Default: the configured scopes. */
  scopes?: readonly string[]
  /** E-mail address of the expected account. */
  loginHint?: string
}

export interface GoogleOAuth {
  /** The URL of Google's consent page for one sign-in. */
  authorizationUrl(request: AuthorizationRequest): Promise<string>
  /**
   * Exchanges an authorization code, once, and verifies the ID token.
   *
   * @param code of a callback whose `state` and `iss` are verified
   * @throws {GatewayError} `code_exchange_failed`, `id_token_invalid`, or one of `auth_…`
   */
  exchange(code: string, expected: { nonce: string; codeVerifier: string }): Promise<TokenResponse>
  /**
   * Exchanges a refresh token for an access token.
   *
   * @throws {GrantRevokedError} when Google has rejected the refresh token permanently
   * @throws {GatewayError} one of `auth_…`; the refresh token is still valid
   */
  refresh(refreshToken: string): Promise<RefreshResponse>
  /**
   * Whether Google still accepts an access token.
   *
   * @throws {GatewayError} one of `auth_…` when Google's response does not tell
   */
  isAccessTokenValid(accessToken: string): Promise<boolean>
  /**
   * Revokes the whole grant at Google, for all clients of the project. Succeeds for a token that is
   * already revoked.
   *
   * @throws {GatewayError} one of `auth_…`
   */
  revoke(token: string): Promise<void>
}

export interface GoogleOAuthOptions {
  endpoints: OAuthEndpoints
  redirectUri: string
  /** Requested in addition to `openid` and `email`. */
  scopes: readonly string[]
  /** @param forceRefresh when Google has just rejected the cached credentials */
  credentials(forceRefresh?: boolean): Promise<ClientCredentials>
  /** Milliseconds for one exchange, refresh or revocation with all of its requests. Default 8,000. */
  timeoutMs?: number
}

export const issuer = 'https://accounts.google.com'
const signInScopes = ['openid', 'email']

export function createGoogleOAuth(options: GoogleOAuthOptions): GoogleOAuth {
  const { endpoints, redirectUri, scopes: defaultScopes, credentials, timeoutMs = 8_000 } = options
  // One object for all calls: the library caches Google's keys by its identity.
  const server: oauth.AuthorizationServer = {
    issuer,
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
    revocation_endpoint: endpoints.revocation,
    jwks_uri: endpoints.jwks,
    id_token_signing_alg_values_supported: ['RS256'],
  }
  const requestOptions = (): {
    signal: AbortSignal
    [oauth.customFetch]: typeof limitedFetch
    [oauth.allowInsecureRequests]: boolean
  } => ({
    signal: AbortSignal.timeout(timeoutMs),
    [oauth.customFetch]: limitedFetch,
    // Plain http is for the sandbox on loopback; the configuration allows no other host.
    [oauth.allowInsecureRequests]: endpoints.token.startsWith('http:'),
  })

  /** Repeats `run` once with new credentials when Google rejects the client: its secret may be rotated. */
  async function withCredentials<T>(
    run: (clientCredentials: ClientCredentials) => Promise<T>,
  ): Promise<T> {
    const cached = await credentials()
    try {
      return await run(cached)
    } catch (error) {
      if (!isClientRejected(error)) throw error
      const current = await credentials(true)
      if (current.clientSecret === cached.clientSecret) throw error
      return run(current)
    }
  }

  return {
    async authorizationUrl(request) {
      const { state, nonce, codeVerifier, prompt, loginHint, scopes = defaultScopes } = request
      const { clientId } = await credentials()
      const url = new URL(endpoints.authorization)
      url.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: [...signInScopes, ...scopes].join(' '),
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        access_type: 'offline',
        include_granted_scopes: 'true',
        ...(prompt === undefined ? {} : { prompt }),
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
      }).toString()
      return url.href
    },

    async exchange(code, { nonce, codeVerifier }) {
      const { clientId, clientSecret } = await credentials()
      const client: oauth.Client = { client_id: clientId }
      const callbackParams = new URLSearchParams({ code })
      const fetchOptions = requestOptions()
      try {
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          oauth.ClientSecretPost(clientSecret),
          oauth.validateAuthResponse(server, client, callbackParams, oauth.expectNoState),
          redirectUri,
          codeVerifier,
          fetchOptions,
        )
        throwIfUnavailable(response)
        const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
          expectedNonce: nonce,
          requireIdToken: true,
        })
        await oauth.validateApplicationLevelSignature(server, response, fetchOptions)
        return readTokenResponse(tokens, clientId)
      } catch (error) {
        if (!isClientRejected(error)) throw toExchangeError(error)
        // The code is used up, so even with a new secret the user must sign in again.
        const current = await credentials(true)
        if (current.clientSecret === clientSecret) throw toExchangeError(error)
        throw new GatewayError('auth_unavailable', 'The client secret was rotated', {
          cause: error,
        })
      }
    },

    refresh(refreshToken) {
      return withCredentials(async ({ clientId, clientSecret }) => {
        const client: oauth.Client = { client_id: clientId }
        const response = await oauth.refreshTokenGrantRequest(
          server,
          client,
          oauth.ClientSecretPost(clientSecret),
          refreshToken,
          requestOptions(),
        )
        throwIfUnavailable(response)
        const tokens = await oauth.processRefreshTokenResponse(server, client, response)
        return {
          accessToken: tokens.access_token,
          expiresInSeconds: readExpiry(tokens),
          refreshToken: tokens.refresh_token,
          refreshExpiresInSeconds: readRefreshExpiry(tokens),
        }
      }).catch((error: unknown) => {
        throw toGrantRevokedError(error) ?? toOAuthError(error)
      })
    },

    async isAccessTokenValid(accessToken) {
      try {
        const { status } = await limitedFetch(endpoints.userinfo, {
          headers: { authorization: `Bearer ${accessToken}` },
          redirect: 'manual',
          signal: AbortSignal.timeout(timeoutMs),
        })
        if (status === 200 || status === 401) return status === 200
        throw new GatewayError('auth_unavailable', `Google returned ${status}`)
      } catch (error) {
        throw toOAuthError(error)
      }
    },

    async revoke(token) {
      try {
        const response = await limitedFetch(endpoints.revocation, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({ token }),
          redirect: 'manual',
          signal: AbortSignal.timeout(timeoutMs),
        })
        if (response.status !== 200 && response.status !== 400) throwIfUnavailable(response)
      } catch (error) {
        throw toOAuthError(error)
      }
    },
  }
}

function throwIfUnavailable({ status }: Response): void {
  if (status === 408 || status === 429 || status >= 500) {
    throw new GatewayError('auth_unavailable', `Google returned ${status}`)
  }
}
