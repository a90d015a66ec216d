/** Checks of Google's OAuth endpoints. */
import { GrantRevokedError } from '../../token/oauth-errors.ts'
import type { GoogleOAuth } from '../../token/google-oauth.ts'
import { limitedFetch } from '../../lib/limited-fetch.ts'

/**
 * Verifies the OAuth client with a refresh that must fail: Google answers `invalid_grant` to a valid
 * client and `invalid_client` to any other.
 *
 * @throws {GatewayError} `auth_misconfigured`, `auth_unavailable`
 */
export async function checkOAuthClient(oauth: Pick<GoogleOAuth, 'refresh'>): Promise<void> {
  try {
    await oauth.refresh('driveway-doctor')
  } catch (error) {
    if (!(error instanceof GrantRevokedError)) throw error
  }
}

/** @returns the `Date` header of Google's JWKS endpoint in milliseconds since 1970, else NaN */
export async function fetchGoogleTime(jwksUri: string, timeoutMs = 8_000): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs)
  const { headers } = await limitedFetch(jwksUri, { redirect: 'manual', signal })
  return Date.parse(headers.get('date') ?? '')
}
