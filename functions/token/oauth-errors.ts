/** What goes wrong between us and Google's sign-in, in our own words. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'

/** Google has ended a grant: what it said, for whoever finds out why. */
export class DeadGrantError extends Error {
  override name = 'DeadGrantError'
  readonly error: string
  /** Google's `error_subtype`, such as `invalid_rapt`, where it gives one. */
  readonly subtype: string | undefined
  /** Google's `error_description`: words that change, never to decide by what is to be done. */
  readonly description: string | undefined

  constructor(error: string, subtype?: string, description?: string) {
    super('Google has ended this grant')
    this.error = error
    this.subtype = subtype
    this.description = description
  }
}

/**
 * Whether a refresh token was refused for good: `invalid_grant` says so, and `admin_policy_enforced`
 * where an administrator has restricted what the grant is for.
 *
 * @see Using OAuth 2.0 to Access Google APIs, "Refresh token expiration"
 */
export function endOfGrant(error: unknown): DeadGrantError | undefined {
  if (!(error instanceof oauth.ResponseBodyError)) return undefined
  if (error.error !== 'invalid_grant' && error.error !== 'admin_policy_enforced') return undefined
  const { error_subtype: subtype, error_description: description } = error.cause
  return new DeadGrantError(error.error, textOf(subtype), textOf(description))
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Our client itself was refused: wrong or rotated secret, deleted, or not registered this way. */
export function isClientRefused(error: unknown): boolean {
  return (
    error instanceof oauth.ResponseBodyError &&
    ['invalid_client', 'unauthorized_client', 'deleted_client'].includes(error.error)
  )
}

/** What ended the exchange of a code. */
export function exchangeFailure(error: unknown): GatewayError {
  if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') {
    return new GatewayError('code_exchange_failed', 'Google refused the code', { cause: error })
  }
  // The library names the claim or the token wherever it is the ID token that is wrong.
  if (
    (error instanceof oauth.OperationProcessingError ||
      error instanceof oauth.UnsupportedOperationError) &&
    /ID Token|JWT|JWS/.test(error.message)
  ) {
    return new GatewayError('id_token_invalid', error.message, { cause: error })
  }
  return answerFailure(error)
}

/** What ended any other request to Google’s sign-in. */
export function answerFailure(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (error instanceof oauth.ResponseBodyError) {
    return new GatewayError('auth_misconfigured', `Google refused: ${plainWord(error.error)}`, {
      cause: error,
    })
  }
  if (
    error instanceof oauth.OperationProcessingError ||
    error instanceof oauth.UnsupportedOperationError ||
    error instanceof oauth.WWWAuthenticateChallengeError
  ) {
    return new GatewayError('auth_bad_response', error.message, { cause: error })
  }
  return new GatewayError('auth_unavailable', 'Google did not answer', { cause: error })
}

function plainWord(text: string): string {
  return /^\w{1,60}$/.test(text) ? text : 'unreadable'
}
