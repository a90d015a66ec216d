/** Maps Drive's error responses to `GatewayError`, by their reason and their status. */
import { GatewayError } from '../../errors.ts'
import type { ProblemCode } from '../../errors.ts'
import { decideReason } from './reason-decisions.ts'
import { decideStatus } from './status-decisions.ts'
import type { DriveResponse } from './transport.ts'

const transientCodes: ProblemCode[] = ['drive_rate_limited', 'drive_unavailable', 'drive_timeout']

/** Whether the gateway retries a request that fails with this code. */
export function isTransientCode(code: ProblemCode): boolean {
  return transientCodes.includes(code)
}

/**
 * Maps an error response, or a 200 that cannot be parsed, to the error of the request.
 *
 * @see Google Drive API, "Resolve errors"
 */
export function toGatewayError(
  response: Pick<DriveResponse, 'status' | 'headers' | 'body'>,
): GatewayError {
  const { status, headers, body } = response
  if (status === 200) return new UnreadableResponseError()
  const { reasons, message } = readReasons(body)
  const summary = `Drive returned ${status} (${reasons[0] ?? 'none'})`
  if (status === 400 && /page ?token/i.test(message)) {
    return new GatewayError('invalid_page_token', summary)
  }
  const byReason = status === 400 || status === 403 ? decideReason(reasons) : undefined
  const { code, detail } = byReason ?? decideStatus(status)
  const retryAfterSeconds = isTransientCode(code)
    ? readRetryAfter(headers['retry-after'])
    : byReason?.retryAfterSeconds
  return new GatewayError(code, summary, { detail, retryAfterSeconds })
}

/** A 200 without the expected body: truncated in transit, or sent by a proxy. */
class UnreadableResponseError extends GatewayError {
  constructor() {
    super('upstream_bad_response', 'Drive returned 200 with an unreadable body')
  }
}

/** Whether the same request may succeed a moment later. */
export function isTransient(error: unknown): error is GatewayError {
  return (
    error instanceof UnreadableResponseError ||
    (error instanceof GatewayError && isTransientCode(error.code))
  )
}

/** Reads the reasons of an error body. The body may be JSON, HTML or empty; this never throws. */
function readReasons(body: string): { reasons: string[]; message: string } {
  try {
    const { error } = JSON.parse(body) as {
      error?: {
        message?: unknown
        status?: unknown
        errors?: { reason?: unknown }[]
        details?: { reason?: unknown }[]
      }
    }
    const all = [
      ...(error?.errors ?? []).map((each) => each.reason),
      ...(error?.details ?? []).map((each) => each.reason),
      error?.status,
    ]
    return {
      reasons: all.filter((each): each is string => typeof each === 'string').map(safeReason),
      message: typeof error?.message === 'string' ? error.message : '',
    }
  } catch {
    return { reasons: [], message: '' }
  }
}

/** Only a single word of Drive's response reaches the log. */
function safeReason(text: string): string {
  return /^\w{1,60}$/.test(text) ? text : 'unreadable'
}

/** Reads seconds from either form of Retry-After; `undefined` for any other value. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,8}$/.test(value)) return Number(value)
  const at = Date.parse(value)
  if (Number.isNaN(at) || !/^[A-Z][a-z]{2}, /.test(value)) return undefined
  return Math.max(0, Math.ceil((at - Date.now()) / 1000))
}
