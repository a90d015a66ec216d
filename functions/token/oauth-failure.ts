/** What goes wrong between us and Google's sign-in, in our own words. */
import * as oauth from 'oauth4webapi'
import { GatewayError } from '../errors.ts'

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
