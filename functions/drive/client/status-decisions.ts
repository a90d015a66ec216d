/**
 * What the gateway makes of each HTTP status of Drive.
 *
 * For 400 and 403, a known reason in the body decides first: see `reason-decisions.ts`. Connection errors
 * and timeouts have no status and are transient.
 */
import type { ProblemCode } from '../../errors.ts'

export interface StatusDecision {
  code: ProblemCode
  /** A sentence for the client. */
  detail?: string
  /** Whether a session URI with this response is no longer usable. */
  endsSession?: true
  /** Whether Drive may have handled the request nevertheless, like a request without a response. */
  isUnclear?: true
  why: string
}

export const statusDecisions: Record<number, StatusDecision> = {
  400: {
    code: 'upstream_bad_response',
    endsSession: true,
    why: 'The request is wrong. A session that rejects a correct chunk is broken',
  },
  401: {
    code: 'reauth_required',
    why: 'The access token is refreshed and the request repeated once before',
  },
  403: { code: 'upstream_bad_response', why: 'Without a known reason, waiting does not help' },
  404: {
    code: 'drive_not_found',
    endsSession: true,
    why: 'The item or the session does not exist',
  },
  408: {
    code: 'drive_timeout',
    isUnclear: true,
    why: 'The connection of the upload broke on the way to Drive, whose front end sends an HTML page. Google’s storage clients retry it',
  },
  409: {
    code: 'upstream_bad_response',
    why: 'A reserved id is in use: an earlier attempt has created the file, which is looked up first',
  },
  410: { code: 'drive_not_found', endsSession: true, why: 'The session has ended' },
  413: {
    code: 'too_large',
    detail: 'Drive does not accept a file of this size.',
    why: 'The same bytes are refused again',
  },
  423: { code: 'drive_unavailable', why: 'Another request has locked the item. Locks end' },
  425: { code: 'drive_unavailable', why: 'Too early (RFC 8470): the request may be repeated' },
  429: {
    code: 'drive_rate_limited',
    why: 'Waiting helps. Google’s storage clients retry it',
  },
  499: {
    code: 'drive_unavailable',
    endsSession: true,
    isUnclear: true,
    why: 'The session was cancelled. Elsewhere, Google’s front end lost the connection',
  },
}

/** Any status from 500 to 599. */
export const serverErrorDecision: StatusDecision = {
  code: 'drive_unavailable',
  isUnclear: true,
  why: 'Google’s storage clients retry 500, 502, 503 and 504; google-api-python-client and rclone retry every 5xx, among them 521 of a proxy',
}

/** Any other status that the caller does not expect. */
export const otherStatusDecision: StatusDecision = {
  code: 'upstream_bad_response',
  why: 'Redirects are not followed, and an unknown status is not repeated',
}

export function decideStatus(status: number): StatusDecision {
  if (status >= 500 && status < 600) return serverErrorDecision
  return statusDecisions[status] ?? otherStatusDecision
}
