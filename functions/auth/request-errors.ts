/** Errors of request parameters. */
import { GatewayError } from '../errors.ts'

export function badRequest(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}

/**
 * Creates a token endpoint error with its OAuth error code.
 *
 * @see RFC 6749 §5.2
 */
export function oauthError(
  error: 'invalid_request' | 'unsupported_grant_type' | 'invalid_scope',
  detail: string,
): GatewayError {
  return new GatewayError('bad_request', detail, { detail, error })
}
