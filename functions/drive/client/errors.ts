/** What Drive's refusals mean, read from their reason and not from their status alone. */
import { GatewayError } from '../../errors.ts'
import type { DriveAnswer } from './transport.ts'

/**
 * @returns the error that ends a request with this answer, whatever was asked
 * @see Google Drive API, "Resolve errors"
 */
export function readFailure(
  answer: Pick<DriveAnswer, 'status' | 'headers' | 'body'>,
): GatewayError {
  const { reasons, message } = readReasons(answer.body)
  const reason = reasons[0] ?? 'none'
  const said = `Drive answered ${answer.status} (${reason})`
  const retryAfterSeconds = readRetryAfter(answer.headers['retry-after'])
  const isOne = (...known: string[]): boolean => reasons.some((one) => known.includes(one))

  if (answer.status === 401) return new GatewayError('reauth_required', said)
  if (answer.status === 429)
    return new GatewayError('drive_rate_limited', said, { retryAfterSeconds })
  if (answer.status >= 500)
    return new GatewayError('drive_unavailable', said, { retryAfterSeconds })
  if (answer.status === 404) return new GatewayError('drive_not_found', said)
  if (answer.status === 403) {
    if (isOne('rateLimitExceeded', 'userRateLimitExceeded')) {
      return new GatewayError('drive_rate_limited', said, { retryAfterSeconds })
    }
    if (isOne('storageQuotaExceeded')) return new GatewayError('drive_full', said)
    if (isOne('exportSizeLimitExceeded')) return new GatewayError('export_too_large', said)
    if (isOne('downloadQuotaExceeded')) {
      return new GatewayError('download_quota_exceeded', said, { retryAfterSeconds: hourSeconds })
    }
    if (isOne('ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'insufficientPermissions')) {
      return new GatewayError('reauth_required', said, {
        detail: 'Google’s permission does not cover this; sign in again and leave every box ticked',
      })
    }
    if (isOne('accessNotConfigured', 'SERVICE_DISABLED'))
      return new GatewayError('misconfigured', said)
    const plain = reasons.map((one) => forbidden.get(one)).find((text) => text !== undefined)
    if (plain !== undefined) return new GatewayError('drive_forbidden', said, { detail: plain })
  }
  if (answer.status === 400 && /page ?token/i.test(message)) {
    return new GatewayError('invalid_page_token', said)
  }
  return answer.status === 200 ? new Unreadable() : new GatewayError('upstream_bad_response', said)
}

/** A 200 that does not say what it was to say: cut on its way, or from somebody in between. */
class Unreadable extends GatewayError {
  constructor() {
    super('upstream_bad_response', 'Drive answered 200, and nothing that can be read')
  }
}

/** Failures that the same request may survive a moment later. */
export function isTransient(error: unknown): error is GatewayError {
  return (
    error instanceof Unreadable ||
    (error instanceof GatewayError &&
      ['drive_rate_limited', 'drive_unavailable', 'drive_timeout'].includes(error.code))
  )
}

/** Drive does not say how long; hours is what people see. */
const hourSeconds = 60 * 60

/** Refusals that stay, in words for the person who is refused. */
const forbidden = new Map([
  ['insufficientFilePermissions', 'You may not write to this folder'],
  ['forbidden', 'You may not do this with this file or folder'],
  [
    'appNotAuthorizedToFile',
    'Driveway may write to My Drive itself and to what it made, not here; its operator can allow more',
  ],
  ['fileNotDownloadable', 'Whoever owns this file does not let it be downloaded'],
  ['cannotDownloadFile', 'Whoever owns this file does not let it be downloaded'],
  [
    'cannotDownloadAbusiveFile',
    'Google takes this file for malware or spam and gives it to nobody but its owner, in Drive itself',
  ],
  ['fileNotExportable', 'Drive cannot export this'],
  ['cannotExportFile', 'Whoever owns this document does not let it be exported'],
  ['domainPolicy', 'Your organisation’s administrator has switched Drive apps off'],
  ['dailyLimitExceeded', 'This Driveway has used up its day’s share of Drive; come back tomorrow'],
  ['quotaExceeded', 'The folder holds as many items as Drive allows'],
  ['numChildrenInNonRootLimitExceeded', 'The folder holds as many items as Drive allows'],
  ['teamDriveFileLimitExceeded', 'The shared drive holds as many items as Drive allows'],
])

/** Drive's body may be its classic JSON, HTML or nothing: reading it never throws. */
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
      ...(error?.errors ?? []).map((one) => one.reason),
      ...(error?.details ?? []).map((one) => one.reason),
      error?.status,
    ]
    return {
      reasons: all.filter((one): one is string => typeof one === 'string').map(plainWord),
      message: typeof error?.message === 'string' ? error.message : '',
    }
  } catch {
    return { reasons: [], message: '' }
  }
}

/** Only a word is taken over into our log. */
function plainWord(text: string): string {
  return /^\w{1,60}$/.test(text) ? text : 'unreadable'
}

/** Seconds, from either form of the header; nothing from any other. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,8}$/.test(value)) return Number(value)
  const at = Date.parse(value)
  if (Number.isNaN(at) || !/^[A-Z][a-z]{2}, /.test(value)) return undefined
  return Math.max(0, Math.ceil((at - Date.now()) / 1000))
}
