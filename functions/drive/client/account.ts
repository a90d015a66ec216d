/** In whose Drive, and with what: all that this room knows of a person. */
export interface DriveAccount {
  /** The person's subject identifier at Google; names caches, is never sent. */
  sub: string
  /**
   * An access token that is good for a while.
   *
   * @param rejected a token that Drive has just refused, so that another one is fetched
   * @throws {GatewayError} `reauth_required` when Google gives none any more
   */
  token(rejected?: string): Promise<string>
}
