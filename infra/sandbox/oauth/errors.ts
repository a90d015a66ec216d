/** The two ways in which Google refuses: JSON to the client, a page to the user. */

/** A refusal in the shape of RFC 6749, section 5.2. */
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

/** A refusal that stays with the user: the redirect URI is never called. */
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
