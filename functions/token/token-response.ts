/** Reads the response of Google's token endpoint. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'

/** The tokens and ID token claims of a sign-in. */
export interface TokenResponse {
  /** The stable identifier of a Google account; e-mail addresses change owners. */
  sub: string
  email: string
  /** Whether Google has verified the address. */
  emailVerified: boolean
  /** The account's Workspace domain. */
  hd: string | undefined
  accessToken: string
  expiresInSeconds: number
  /** Only present after consent. */
  refreshToken: string | undefined
  /** Lifetime of the refresh token, if Google returns it. */
  refreshExpiresInSeconds: number | undefined
  scopes: string[]
}

/** @throws {GatewayError} `id_token_invalid`, `auth_bad_response` */
export function readTokenResponse(
  tokens: oauth.TokenEndpointResponse,
  clientId: string,
): TokenResponse {
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  if (!claims) throw new GatewayError('auth_bad_response', 'The response has no ID token')
  const { sub, azp = clientId, email, email_verified: verified, hd } = claims
  if (azp !== clientId) {
    throw new GatewayError('id_token_invalid', 'The ID token was issued to another client')
  }
  // `sub` is used as a document id: at Google it has digits only, and it must not be a path.
  if (!/^[a-z0-9][\w-]{0,254}$/i.test(sub)) {
    throw new GatewayError('id_token_invalid', 'The ID token has a malformed subject')
  }
  return {
    sub,
    email: typeof email === 'string' ? email : '',
    emailVerified: verified === true || verified === 'true', // Google sends both types
    hd: typeof hd === 'string' ? hd : undefined,
    accessToken: tokens.access_token,
    expiresInSeconds: readExpiry(tokens),
    refreshToken: tokens.refresh_token,
    refreshExpiresInSeconds: readRefreshExpiry(tokens),
    scopes: (tokens.scope ?? '').split(' ').filter((scope) => scope !== ''),
  }
}

/**
 * Reads the lifetime of the access token in seconds.
 *
 * @throws {GatewayError} `auth_bad_response`
 */
export function readExpiry({ expires_in }: oauth.TokenEndpointResponse): number {
  if (expires_in === undefined || !Number.isFinite(expires_in) || expires_in <= 0) {
    throw new GatewayError('auth_bad_response', 'The response has no valid expires_in')
  }
  return expires_in
}

/** Reads the lifetime of the refresh token in seconds: for time-limited grants and apps in testing. */
export function readRefreshExpiry(tokens: oauth.TokenEndpointResponse): number | undefined {
  const seconds = tokens['refresh_token_expires_in']
  const isUsable = typeof seconds === 'number' && seconds > 0 && seconds < 1e9
  return isUsable ? seconds : undefined
}
