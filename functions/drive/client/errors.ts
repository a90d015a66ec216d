/** Maps Drive's error responses to `GatewayError`, by their reason and not by their status alone. */
import { GatewayError } from '../../errors.ts'
import type { DriveResponse } from './transport.ts'

/**
 * Maps an error response, or a 200 that cannot be parsed, to the error of the request.
 *
 * @see Google Drive API, "Resolve errors"
 */
export function toGatewayError(
  response: Pick<DriveResponse, 'status' | 'headers' | 'body'>,
): GatewayError {
  const { reasons, message } = readReasons(response.body)
  const reason = reasons[0] ?? 'none'
  const summary = `Drive returned ${response.status} (${reason})`
  const retryAfterSeconds = readRetryAfter(response.headers['retry-after'])
  const hasReason = (...expected: string[]): boolean =>
    reasons.some((each) => expected.includes(each))

  if (response.status === 401) return new GatewayError('reauth_required', summary)
  if (response.status === 429)
    return new GatewayError('drive_rate_limited', summary, { retryAfterSeconds })
  if (response.status >= 500)
    return new GatewayError('drive_unavailable', summary, { retryAfterSeconds })
  if (response.status === 404) return new GatewayError('drive_not_found', summary)
  if (response.status === 403) {
    if (hasReason('rateLimitExceeded', 'userRateLimitExceeded')) {
      return new GatewayError('drive_rate_limited', summary, { retryAfterSeconds })
    }
    if (hasReason('storageQuotaExceeded')) return new GatewayError('drive_full', summary)
    if (hasReason('exportSizeLimitExceeded')) return new GatewayError('export_too_large', summary)
    if (hasReason('downloadQuotaExceeded')) {
      return new GatewayError('download_quota_exceeded', summary, {
        retryAfterSeconds: downloadQuotaRetrySeconds,
      })
    }
    if (hasReason('ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'insufficientPermissions')) {
      return new GatewayError('reauth_required', summary, {
        detail:
          'Google’s permission does not cover this. Sign in again and leave every box ticked.',
      })
    }
    if (hasReason('accessNotConfigured', 'SERVICE_DISABLED'))
      return new GatewayError('misconfigured', summary)
    const detail = reasons
      .map((each) => forbiddenDetails.get(each))
      .find((text) => text !== undefined)
    if (detail !== undefined) return new GatewayError('drive_forbidden', summary, { detail })
  }
  if (response.status === 400 && /page ?token/i.test(message)) {
    return new GatewayError('invalid_page_token', summary)
  }
  return response.status === 200
    ? new UnreadableResponseError()
    : new GatewayError('upstream_bad_response', summary)
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
    (error instanceof GatewayError &&
      ['drive_rate_limited', 'drive_unavailable', 'drive_timeout'].includes(error.code))
  )
}

/** Drive sends no Retry-After here; in practice the quota recovers within hours. */
const downloadQuotaRetrySeconds = 60 * 60

/** Permanent refusals by reason, as texts for the user. */
const forbiddenDetails = new Map([
  ['insufficientFilePermissions', 'You do not have permission to write to this folder'],
  ['forbidden', 'You do not have permission for this action on this file or folder'],
  [
    'appNotAuthorizedToFile',
    'Driveway may write to My Drive itself and to items that it created, not to this one. Its operator can allow more',
  ],
  ['fileNotDownloadable', 'The owner of this file does not allow downloads'],
  ['cannotDownloadFile', 'The owner of this file does not allow downloads'],
  [
    'cannotDownloadAbusiveFile',
    'Google classifies this file as malware or spam. Only its owner can download it, in Drive itself',
  ],
  ['fileNotExportable', 'Drive cannot export this file'],
  ['cannotExportFile', 'The owner of this document does not allow exports'],
  ['domainPolicy', 'Your organisation’s administrator has disabled Drive apps'],
  [
    'dailyLimitExceeded',
    'This Driveway has used up its daily quota of Drive requests. Try again tomorrow',
  ],
  ['quotaExceeded', 'The folder contains the maximum number of items that Drive allows'],
  [
    'numChildrenInNonRootLimitExceeded',
    'The folder contains the maximum number of items that Drive allows',
  ],
  [
    'teamDriveFileLimitExceeded',
    'The shared drive contains the maximum number of items that Drive allows',
  ],
])

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
