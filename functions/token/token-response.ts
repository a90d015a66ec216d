/** Reads what the token endpoint gives for a code. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'

/** What a sign-in brings. */
export interface Grant {
  /** The one stable name of a Google account; addresses change hands. */
  sub: string
  email: string
  /** Whether Google has made sure that the address is theirs. */
  emailVerified: boolean
  /** The Workspace domain that the account belongs to. */
  hd: string | undefined
  accessToken: string
  expiresInSeconds: number
  /** Only on the first consent, and whenever consent was asked for again. */
  refreshToken: string | undefined
  /** How long the refresh token will live, where Google says so. */
  refreshExpiresInSeconds: number | undefined
  scopes: string[]
}

/** @throws {GatewayError} `id_token_invalid`, `auth_bad_response` */
export function readGrant(tokens: oauth.TokenEndpointResponse, clientId: string): Grant {
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  if (!claims) throw new GatewayError('auth_bad_response', 'No ID token came')
  const { sub, azp = clientId, email, email_verified: verified, hd } = claims
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
    emailVerified: verified === true || verified === 'true', // Google writes it either way
    hd: typeof hd === 'string' ? hd : undefined,
    accessToken: tokens.access_token,
    expiresInSeconds: readExpiry(tokens),
    refreshToken: tokens.refresh_token,
    refreshExpiresInSeconds: readRefreshExpiry(tokens),
    scopes: (tokens.scope ?? '').split(' ').filter((scope) => scope !== ''),
  }
}

export function readExpiry({ expires_in }: oauth.TokenEndpointResponse): number {
  if (expires_in === undefined || !Number.isFinite(expires_in) || expires_in <= 0) {
    throw new GatewayError('auth_bad_response', 'Google did not say how long the token lives')
  }
  return expires_in
}

/** Google says it of a permission that was given for a limited time, and while an app is in testing. */
export function readRefreshExpiry(tokens: oauth.TokenEndpointResponse): number | undefined {
  const seconds = tokens['refresh_token_expires_in']
  const isUsable = typeof seconds === 'number' && seconds > 0 && seconds < 1e9
  return isUsable ? seconds : undefined
}
