/** Everything that can go wrong, as a caller sees it: one class, one table (RFC 9457). */

/** `code`: status, title (what to do next), and whether the same request may succeed later. */
export const problems = {
  // The request
  bad_request: [400, 'The request cannot be read; see detail', false],
  not_found: [404, 'There is nothing at this address', false],
  method_not_allowed: [405, 'This address does not take that method; see the Allow header', false],
  unsupported_media_type: [415, 'A body of this type is not taken here; see detail', false],
  origin_not_allowed: [403, 'Pages of this origin may not upload; see ALLOWED_ORIGINS', false],
  csrf: [403, 'A cookie counts only for requests that come from an allowed page', false],

  // Signing in
  state_missing: [400, 'This sign-in was not started here; start it again', false],
  state_invalid: [400, 'This sign-in cannot be read; start it again', false],
  state_mismatch: [400, 'This sign-in was started in another browser; start it again', false],
  state_expired: [400, 'This sign-in took too long; start it again', false],
  state_used: [400, 'This sign-in was already finished; start it again', false],
  issuer_mismatch: [400, 'This answer did not come from Google; start again', false],
  access_denied: [403, 'Google was not given permission; start again when you want to', false],
  code_exchange_failed: [400, 'Google did not accept this sign-in; start it again', false],
  id_token_invalid: [400, 'Google’s answer does not say who you are; start again', false],
  scope_missing: [403, 'Driveway needs every permission it asks for; see detail', false],
  not_invited: [403, 'This Driveway is not open to that Google account; use another one', false],
  no_refresh_token: [409, 'Remove Driveway’s access at Google, then sign in again', false],
  auth_misconfigured: [502, 'This Driveway’s client at Google is set up wrongly', false],
  auth_bad_response: [502, 'Google’s sign-in gave an answer that makes no sense', true],
  auth_unavailable: [503, 'Google’s sign-in does not answer; try again shortly', true],

  // Who is asking
  login_required: [401, 'Sign in with Google first', false],
  session_expired: [401, 'The session has ended; sign in again', false],
  invalid_token: [401, 'This token is not valid here', false],
  wrong_audience: [401, 'Use a Driveway token (dw_…), not one of Google’s', false],
  reauth_required: [401, 'Google ended Driveway’s access; sign in again', false],
  scope_insufficient: [403, 'This token may not do that', false],
  outside_folder: [403, 'This token is for one folder, and that is not in it', false],
  daily_limit: [429, 'This account has uploaded as much as it may in a day', true],
  token_limit: [403, 'This token has used up what it may upload; make another one', false],
  too_many_tokens: [409, 'There are too many tokens; end one that you no longer use first', false],
  rate_limited: [429, 'Too many requests at once; slow down and try again', true],

  // Sign-in from a terminal
  authorization_pending: [400, 'Nobody has approved this code yet; ask again shortly', true],
  slow_down: [400, 'Ask less often: wait five seconds longer from now on', true],
  expired_token: [400, 'This code is too old; ask for a new one', false],
  device_denied: [400, 'The person who was asked said no', false],
  invalid_grant: [400, 'This code is not valid here; ask for a new one', false],
  device_code_unknown: [404, 'No terminal waits with this code; look at it again', false],
  device_decided: [409, 'This code was approved or denied already', false],
  account_changed: [409, 'Another account is signed in by now; look again, then decide', false],

  // CI without a secret
  policy_mismatch: [403, 'No policy lets this job in; see detail', false],
  too_many_policies: [409, 'There are as many policies as there may be; remove one first', false],
  issuer_unavailable: [503, 'The CI system’s keys cannot be had; try again shortly', true],

  // Uploads
  bad_boundary: [400, 'The Content-Type names no usable boundary', false],
  malformed_multipart: [400, 'The form is not valid multipart/form-data', false],
  truncated: [400, 'The upload ended early; send it again', true],
  ambiguous_part: [400, 'A part of the form says two different things about itself', false],
  unsupported_part: [400, 'A part of the form is encoded in a way that is not taken', false],
  bad_filename: [400, 'A file’s name cannot be used; see detail', false],
  bad_path: [400, 'The path cannot be used; see detail', false],
  no_file: [400, 'The form has no file in it', false],
  late_field: [400, 'Put the form’s fields before its files', false],
  too_many_parts: [413, 'The form has too many parts', false],
  field_too_large: [413, 'A field of the form is too long', false],
  too_large: [413, 'The file is larger than this Driveway takes', false],
  length_required: [411, 'Say how long the body is: send Content-Length', false],
  size_mismatch: [400, 'The body was not as long as it said; send it again', true],
  digest_mismatch: [400, 'What came is not what the digest says; nothing was stored', true],
  exists: [409, 'A file of this name is there already', false],
  name_busy: [409, 'Another upload of this name is under way; ask again', true],
  in_progress: [409, 'The upload with this Idempotency-Key is still under way; ask again', true],
  idempotency_mismatch: [
    422,
    'This Idempotency-Key belongs to another upload; use a new one',
    false,
  ],
  too_slow: [408, 'The upload stood still for too long; send it again', true],
  upload_incomplete: [409, 'Drive does not have the whole file yet; send the rest first', true],
  upload_gone: [410, 'The upload has expired; start it again', false],
  file_changed: [409, 'The file was changed in Drive since it came; look at it there', false],

  // Uploads by tus
  tus_version: [412, 'Speak tus 1.0.0 and say so in Tus-Resumable', false],
  offset_mismatch: [
    409,
    'Upload-Offset is not where Drive stopped; ask with HEAD, then go on from there',
    true,
  ],
  upload_busy: [
    423,
    'Another request has taken this upload over; ask with HEAD, then go on from there',
    true,
  ],
  chunk_too_small: [400, 'Nothing could be kept of so few bytes; send more at a time', false],
  chunk_too_large: [413, 'So many bytes cannot be checked at once; send fewer at a time', false],
  checksum_mismatch: [460, 'The bytes are not those of Upload-Checksum; send them again', true],

  // Downloads
  no_content: [409, 'This has no bytes of its own to download; see detail', false],
  unknown_format: [400, 'This cannot be had in that form; see detail', false],
  range_not_satisfiable: [416, 'The file ends before the range begins', false],
  changed_meanwhile: [409, 'The file was changed in Drive just now; ask again', true],
  export_too_large: [403, 'Drive exports no more than 10 MB; save it from Google’s editor', false],
  download_limit: [429, 'Drive has sent this file too often; try again in some hours', true],

  // Drive
  drive_full: [507, 'This Google Drive is full; make room and try again', false],
  drive_forbidden: [403, 'Drive does not allow this; see detail', false],
  drive_not_found: [404, 'Drive has no such file or folder, or none that Driveway may see', false],
  bad_page_token: [400, 'This page token is not valid; start from the first page', false],
  drive_rate_limited: [503, 'Drive asks to slow down; try again later', true],
  drive_unavailable: [503, 'Drive did not answer; try again', true],
  drive_timeout: [504, 'Drive took too long; try again', true],
  upload_lost: [502, 'Drive lost the upload; send it again', true],
  upstream_bad_response: [502, 'Drive gave an answer that makes no sense', true],
  integrity: [
    502,
    'Drive stored something else than was sent, so it was removed; send it again',
    true,
  ],
  integrity_replaced: [
    502,
    'Drive stored something else than was sent; send it again, or take the version before it in Drive',
    true,
  ],

  // Ourselves
  store_unavailable: [503, 'Driveway’s memory does not answer; try again shortly', true],
  misconfigured: [503, 'This Driveway is not set up correctly; tell whoever runs it', false],
  over_capacity: [503, 'Too many uploads are under way here; try again shortly', true],
  shutting_down: [503, 'This instance is stopping; try again', true],
  internal: [500, 'Something went wrong here; it has been logged', false],
} as const satisfies Record<string, readonly [status: number, title: string, retryable: boolean]>

export type ProblemCode = keyof typeof problems

export interface GatewayErrorOptions extends ErrorOptions {
  /** A sentence for the caller, beyond the title; never a secret. */
  detail?: string | undefined
  /** OAuth's own name for it (RFC 6749 section 5.2), for callers that speak OAuth. */
  error?: string | undefined
  /** When to come back; sent as `Retry-After`. */
  retryAfterSeconds?: number | undefined
  /** Where a person goes to mend it: a path here. */
  link?: string | undefined
  /** Further headers of the answer, such as `Allow`. */
  headers?: Record<string, string>
}

/** What ends a request. `code` and `detail` go to the caller, `message` and `cause` to the log. */
export class GatewayError extends Error {
  override name = 'GatewayError'
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly error: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly link: string | undefined
  readonly headers: Record<string, string>

  constructor(code: ProblemCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.detail = options.detail
    this.error = options.error
    this.retryAfterSeconds = options.retryAfterSeconds
    this.link = options.link
    this.headers = options.headers ?? {}
  }

  get status(): number {
    return problems[this.code][0]
  }

  get retryable(): boolean {
    return problems[this.code][2]
  }
}
