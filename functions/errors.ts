/** Every error that a client can see: one class and one table (RFC 9457). */

/** `code`: HTTP status, title (what happened, what to do next), whether the same request may succeed later. */
export const problems = {
  // Requests
  bad_request: [400, 'The request is malformed. See detail.', false],
  not_found: [404, 'Nothing exists at this URL. Check the path.', false],
  method_not_allowed: [405, 'This URL does not support the method. See the Allow header.', false],
  unsupported_media_type: [415, 'This URL does not accept the media type. See detail.', false],
  unsupported_transfer_coding: [
    501,
    'Only the transfer coding chunked is supported. Send the body uncompressed.',
    false,
  ],
  expectation_failed: [417, 'Only Expect: 100-continue is supported. Send it or none.', false],
  origin_not_allowed: [403, 'This origin may not upload. Add it to ALLOWED_ORIGINS.', false],
  destination_not_allowed: [
    403,
    'This URL cannot be a script, style, worker or frame of a page. Fetch it or link to it.',
    false,
  ],
  csrf: [403, 'Session cookies are accepted from allowed origins only. Use a token.', false],

  // Sign-in
  state_missing: [400, 'This browser did not start the sign-in. Start again.', false],
  state_invalid: [400, 'The sign-in state is invalid. Start again.', false],
  state_mismatch: [400, 'Another browser started this sign-in. Start again.', false],
  state_expired: [400, 'The sign-in expired. Start again.', false],
  state_used: [400, 'The sign-in is already complete. Start again.', false],
  in_app_browser: [
    403,
    'Open in your browser: Google allows no sign-in inside another app.',
    false,
  ],
  issuer_mismatch: [400, 'The response did not come from Google. Start again.', false],
  access_denied: [403, 'Google permission was denied. Start again to grant it.', false],
  code_exchange_failed: [400, 'Google rejected the authorization code. Start again.', false],
  id_token_invalid: [400, 'Google’s ID token is invalid. Start again.', false],
  scope_missing: [403, 'A required permission was not granted. See detail.', false],
  account_not_allowed: [403, 'This Google account is not allowed here. Use another one.', false],
  no_refresh_token: [
    409,
    'Google issued no refresh token. Remove Driveway’s access at Google, then sign in again.',
    false,
  ],
  auth_misconfigured: [502, 'Google rejected the OAuth client. Contact the operator.', false],
  auth_bad_response: [502, 'Google sign-in returned an unexpected response. Try again.', true],
  auth_unavailable: [503, 'Google sign-in is unavailable. Try again in a minute.', true],

  // Authentication and authorization
  login_required: [401, 'Authentication is required. Sign in with Google.', false],
  session_expired: [401, 'The session has expired. Sign in again.', false],
  invalid_token: [401, 'The token is invalid or expired. Use another one.', false],
  wrong_audience: [401, 'Google tokens are not accepted. Use a Driveway token (dw_…).', false],
  reauth_required: [401, 'Google revoked Driveway’s access. Sign in again.', false],
  scope_insufficient: [403, 'The token lacks the required scope. See detail.', false],
  outside_folder: [403, 'The item is outside the token’s folder. Use another token.', false],
  daily_quota_exceeded: [429, 'The account’s daily quota is used up. Try again tomorrow.', true],
  token_quota_exceeded: [403, 'The token’s upload quota is used up. Create another token.', false],
  too_many_tokens: [409, 'The account has too many tokens. Revoke one first.', false],
  rate_limited: [429, 'The rate limit is exceeded. Wait for Retry-After.', true],

  // Device authorization
  authorization_pending: [400, 'The code is not approved yet. Poll again.', true],
  slow_down: [400, 'The polling interval is too short. Increase it by five seconds.', true],
  expired_token: [400, 'The device code has expired. Request a new one.', false],
  device_denied: [400, 'The request was denied. Request a new code.', false],
  invalid_grant: [400, 'The code is invalid or used. Request a new one.', false],
  device_code_unknown: [404, 'The user code is unknown or expired. Check it.', false],
  device_code_decided: [409, 'The code is already approved or denied. Request a new one.', false],
  account_changed: [409, 'The signed-in account has changed. Review the request again.', false],

  // CI
  policy_mismatch: [403, 'No policy matches the job’s token. See detail.', false],
  too_many_policies: [409, 'The account has too many policies. Remove one first.', false],
  issuer_unavailable: [503, 'The CI issuer’s keys are unavailable. Try again in a minute.', true],

  // Uploads
  invalid_boundary: [400, 'The multipart boundary is missing or invalid. Fix Content-Type.', false],
  malformed_multipart: [400, 'The multipart body is malformed. Let a library write it.', false],
  truncated: [400, 'The upload ended before its last byte. Send it again.', true],
  ambiguous_part: [400, 'A part declares two values for one property. Send one.', false],
  unsupported_part: [400, 'A part uses a transfer encoding. Send it as binary.', false],
  invalid_filename: [400, 'The file name is invalid. See detail.', false],
  invalid_path: [400, 'The path is invalid. See detail.', false],
  no_file: [400, 'The form contains no file. Add a file part.', false],
  field_after_file: [400, 'A field follows a file. Send fields before files.', false],
  too_many_parts: [413, 'The form has too many parts. Send several forms.', false],
  field_too_large: [413, 'A form field is too large. Send it as a file.', false],
  too_large: [413, 'The file or request exceeds the size limit. See detail.', false],
  length_required: [411, 'Content-Length is required for this upload. Send it, or use tus.', false],
  size_mismatch: [400, 'The body’s size differs from the declared size. Send it again.', true],
  digest_mismatch: [400, 'The bytes do not match the digest. Send them again.', true],
  file_exists: [409, 'A file with this name exists. Use another name or mode.', false],
  name_locked: [409, 'Another upload of this name is in progress. Try again.', true],
  idempotency_key_in_use: [
    409,
    'An upload with this Idempotency-Key is in progress. Try again.',
    true,
  ],
  idempotency_key_reused: [
    422,
    'This Idempotency-Key belongs to another upload. Use a new one.',
    false,
  ],
  too_slow: [408, 'The transfer was too slow or stalled. Send it again.', true],
  upload_incomplete: [409, 'The upload is incomplete. Send the remaining bytes.', true],
  upload_gone: [410, 'The upload has expired or was deleted. Start a new one.', false],
  file_changed_after_upload: [
    409,
    'The file changed in Drive after the upload. Check it there.',
    false,
  ],

  // Uploads by tus
  tus_version: [
    412,
    'The tus version is missing or unsupported. Send Tus-Resumable: 1.0.0.',
    false,
  ],
  offset_mismatch: [
    409,
    'Upload-Offset does not match the stored bytes. Send HEAD, then resume at its offset.',
    true,
  ],
  upload_locked: [
    423,
    'Another request has taken over this upload. Send HEAD, then resume at its offset.',
    true,
  ],
  chunk_too_small: [400, 'The chunk is too small for Drive. Send at least 256 KiB.', false],
  chunk_too_large: [413, 'The chunk is too large for a checksum. Send smaller chunks.', false],
  checksum_mismatch: [460, 'The bytes do not match Upload-Checksum. Send them again.', true],

  // Downloads
  not_downloadable: [409, 'The item has no content to download. See detail.', false],
  unknown_export_format: [400, 'The item has no such export format. See detail.', false],
  range_not_satisfiable: [416, 'The range starts after the end of the file. Omit Range.', false],
  file_changed_during_download: [409, 'The file changed during the download. Try again.', true],
  export_too_large: [
    403,
    'Drive exports at most 10 MB. Save the file from Google’s editor.',
    false,
  ],
  abusive_file: [403, 'Google classifies this file as malware or spam. See detail.', false],
  download_quota_exceeded: [
    429,
    'Drive’s download quota for this file is used up. Try again in some hours.',
    true,
  ],

  // Drive
  drive_full: [507, 'This Google Drive is full. Free some space, then try again.', false],
  drive_forbidden: [403, 'Drive denied permission. See detail.', false],
  drive_not_found: [404, 'The file or folder does not exist or is not accessible.', false],
  folder_trashed: [
    409,
    'The folder is in the bin. Restore it in Drive, or choose another folder.',
    false,
  ],
  not_a_folder: [409, 'The destination is not a folder. See detail.', false],
  invalid_page_token: [400, 'The page token is invalid. Start from the first page.', false],
  drive_rate_limited: [503, 'Drive’s rate limit is exceeded. Wait for Retry-After.', true],
  drive_quota_exceeded: [429, 'A daily limit of Drive is used up. See detail.', true],
  drive_unavailable: [503, 'Drive is unavailable. Try again in a minute.', true],
  drive_timeout: [504, 'The request to Drive timed out. Try again.', true],
  upload_session_lost: [502, 'Drive lost the upload session. Send the file again.', true],
  upstream_bad_response: [502, 'Drive returned an unexpected response. Try again.', true],
  integrity_check_failed: [
    502,
    'Drive stored other bytes than were sent, and the file was removed. Send it again.',
    true,
  ],
  integrity_check_failed_replaced: [
    502,
    'Drive stored other bytes than were sent. Send the file again, or restore its previous version.',
    true,
  ],

  // Driveway
  store_unavailable: [503, 'The session store is unavailable. Try again in a minute.', true],
  misconfigured: [503, 'This Driveway is misconfigured. Contact the operator.', false],
  over_capacity: [503, 'This instance has no memory for another upload. Try again.', true],
  shutting_down: [503, 'This instance is shutting down. Try again.', true],
  internal: [500, 'An internal error occurred. Report the request ID to the operator.', false],
} as const satisfies Record<string, readonly [status: number, title: string, retryable: boolean]>

export type ProblemCode = keyof typeof problems

export interface GatewayErrorOptions extends ErrorOptions {
  /** A sentence for the client in addition to the title; never a secret. */
  detail?: string | undefined
  /** The OAuth error code (RFC 6749 section 5.2), for OAuth clients. */
  error?: string | undefined
  /** Sent as `Retry-After`. */
  retryAfterSeconds?: number | undefined
  /** Path of the page where the user can resolve the problem. */
  link?: string | undefined
  /** A URL that the user has to open in another browser; the problem page shows it. */
  externalUrl?: string | undefined
  /** Further response headers, such as `Allow`. */
  headers?: Record<string, string>
}

/** An error that ends a request: the client gets `code` and `detail`, the log `message` and `cause`. */
export class GatewayError extends Error {
  override name = 'GatewayError'
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly error: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly link: string | undefined
  readonly externalUrl: string | undefined
  readonly headers: Record<string, string>

  constructor(code: ProblemCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.detail = options.detail
    this.error = options.error
    this.retryAfterSeconds = options.retryAfterSeconds
    this.link = options.link
    this.externalUrl = options.externalUrl
    this.headers = options.headers ?? {}
  }

  get status(): number {
    return problems[this.code][0]
  }

  get retryable(): boolean {
    return problems[this.code][2]
  }
}
