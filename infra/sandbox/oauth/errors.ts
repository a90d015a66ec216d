/** Google's two kinds of OAuth errors: JSON for the client, and a page for the user. */

/** An error response of RFC 6749, section 5.2. */
export class OAuthError extends Error {
  override name = 'OAuthError'
  readonly status: number
  readonly error: string
  /** Google's `error_subtype`, such as `invalid_rapt`. */
  readonly subtype: string | undefined
  constructor(status: number, error: string, description: string, subtype?: string) {
    super(description)
    this.status = status
    this.error = error
    this.subtype = subtype
  }
  body(): Record<string, string> {
    return {
      error: this.error,
      ...(this.message ? { error_description: this.message } : {}),
      ...(this.subtype ? { error_subtype: this.subtype } : {}),
    }
  }
}

/** An authorization error that is shown to the user; the client's redirect URI is not called. */
export class AccessBlocked extends Error {
  override name = 'AccessBlocked'
  readonly status: number
  readonly error: string
  constructor(status: number, error: string, message: string) {
    super(message)
    this.status = status
    this.error = error
  }
}
