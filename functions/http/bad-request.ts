import { GatewayError } from '../errors.ts'
import type { GatewayErrorOptions } from '../errors.ts'

/** Creates a `bad_request` error whose detail is also the log message. */
export function badRequest(detail: string, options: GatewayErrorOptions = {}): GatewayError {
  return new GatewayError('bad_request', detail, { ...options, detail })
}
