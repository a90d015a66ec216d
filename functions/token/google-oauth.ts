/** OAuth 2.0 and OpenID Connect with Google. Describes requests, reads answers, sends them once. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'
import { cappedFetch } from './limited-fetch.ts'
import { readExpiry, readGrant, readRefreshExpiry } from './token-response.ts'
import type { Grant } from './token-response.ts'
import { answerFailure, endOfGrant, exchangeFailure, isClientRefused } from './oauth-errors.ts'

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
  userinfo: string
}

export interface Refreshed {
  accessToken: string
  expiresInSeconds: number
  /** Google rarely gives a new one. */
  refreshToken: string | undefined
  refreshExpiresInSeconds: number | undefined
}

export interface AuthorizationRequest {
  state: string
  nonce: string
  codeVerifier: string
  /** `consent` makes Google give a refresh token again; `select_account` offers another account. */
  prompt?: 'consent' | 'select_account'
  /** What to ask for besides who it is; everything that is configured unless said. */
  scopes?: readonly string[]
  /** The address of the account that is meant. */
  loginHint?: string
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
  /**
   * Whether Google still takes an access token.
   *
   * @throws {GatewayError} one of `auth_…` when it does not say
   */
  accepts(accessToken: string): Promise<boolean>
  /**
   * Ends the whole grant at Google, which is all of the project's clients; one that is dead already
   * is fine.
   *
   * @throws {GatewayError} one of `auth_…`
   */
  revoke(token: string): Promise<void>
}

export interface OAuthParts {
  addresses: OAuthAddresses
  redirectUri: string
  /** Asked for besides `openid` and `email`. */
  scopes: readonly string[]
  /** `fresh` when Google has just refused what was held. */
  credentials(fresh?: boolean): Promise<ClientCredentials>
  /** Milliseconds for one exchange, refresh or revocation, all of its requests together. */
  timeout?: number
}

export type { Grant } from './token-response.ts'
export { DeadGrantError } from './oauth-errors.ts'

export const issuer = 'https://accounts.google.com'
const signInScopes = ['openid', 'email']

export function createOAuth(parts: OAuthParts): OAuth {
  const { addresses, redirectUri, scopes: allScopes, credentials, timeout = 8_000 } = parts
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
    async authorizationUrl({ state, nonce, codeVerifier, prompt, loginHint, scopes = allScopes }) {
      const { clientId } = await credentials()
      const url = new URL(addresses.authorization)
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
          refreshExpiresInSeconds: readRefreshExpiry(tokens),
        }
      }).catch((error: unknown) => {
        throw endOfGrant(error) ?? answerFailure(error)
      })
    },

    async accepts(accessToken) {
      try {
        const answer = await cappedFetch(addresses.userinfo, {
          headers: { authorization: `Bearer ${accessToken}` },
          redirect: 'manual',
          signal: AbortSignal.timeout(timeout),
        })
        if (answer.status === 200 || answer.status === 401) return answer.status === 200
        throw new GatewayError('auth_unavailable', `Google answered ${answer.status}`)
      } catch (error) {
        throw answerFailure(error)
      }
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

function refuseUnavailable({ status }: Response): void {
  if (status === 429 || status >= 500) {
    throw new GatewayError('auth_unavailable', `Google answered ${status}`)
  }
}
