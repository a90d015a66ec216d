/** Maps errors of Google's OAuth endpoints to errors of the gateway. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'

/** Google has revoked a grant; has the details of its response. */
export class GrantRevokedError extends Error {
  override name = 'GrantRevokedError'
  readonly error: string
  /** Google's `error_subtype`, such as `invalid_rapt`, if present. */
  readonly subtype: string | undefined
  /** Google's `error_description`. Its wording changes: use it as a hint only. */
  readonly description: string | undefined

  constructor(error: string, subtype?: string, description?: string) {
    super('Google has revoked this grant')
    this.error = error
    this.subtype = subtype
    this.description = description
  }
}

/**
 * Recognizes a permanently rejected refresh token: `invalid_grant`, or `admin_policy_enforced` when
 * an administrator has restricted the scopes of the grant.
 *
 * @see Using OAuth 2.0 to Access Google APIs, "Refresh token expiration"
 */
export function toGrantRevokedError(error: unknown): GrantRevokedError | undefined {
  if (!(error instanceof oauth.ResponseBodyError)) return undefined
  if (error.error !== 'invalid_grant' && error.error !== 'admin_policy_enforced') return undefined
  const { error_subtype: subtype, error_description: description } = error.cause
  return new GrantRevokedError(error.error, asString(subtype), asString(description))
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Whether Google rejected the client: wrong or rotated secret, deleted, or another client type. */
export function isClientRejected(error: unknown): boolean {
  return (
    error instanceof oauth.ResponseBodyError &&
    ['invalid_client', 'unauthorized_client', 'deleted_client'].includes(error.error)
  )
}

/** Maps an error of a code exchange. */
export function toExchangeError(error: unknown): GatewayError {
  if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') {
    return new GatewayError('code_exchange_failed', 'Google rejected the code', { cause: error })
  }
  // For an invalid ID token, the library's message names the claim or the token.
  if (
    (error instanceof oauth.OperationProcessingError ||
      error instanceof oauth.UnsupportedOperationError) &&
    /ID Token|JWT|JWS/.test(error.message)
  ) {
    return new GatewayError('id_token_invalid', error.message, { cause: error })
  }
  return toOAuthError(error)
}

/** Maps an error of any other request to Google's OAuth endpoints. */
export function toOAuthError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (error instanceof oauth.ResponseBodyError) {
    const message = `Google rejected the request: ${safeErrorCode(error.error)}`
    return new GatewayError('auth_misconfigured', message, { cause: error })
  }
  if (
    error instanceof oauth.OperationProcessingError ||
    error instanceof oauth.UnsupportedOperationError ||
    error instanceof oauth.WWWAuthenticateChallengeError
  ) {
    return new GatewayError('auth_bad_response', error.message, { cause: error })
  }
  return new GatewayError('auth_unavailable', 'Google did not respond', { cause: error })
}

function safeErrorCode(text: string): string {
  return /^\w{1,60}$/.test(text) ? text : 'unreadable'
}
