/** The services that a local gateway uses: a sandbox Google, or the real one. */
export interface LocalBackend {
  /** The environment of the gateway. */
  env: Record<string, string>
  /**
   * Returns the text that is printed once the gateway responds.
   *
   * @param demoOrigin the origin of the demo page
   */
  banner(demoOrigin: string): Promise<string>
  close(): Promise<void>
}
