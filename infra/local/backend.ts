/** What a gateway on this machine lives in, and what a person is told about it. */
export interface LocalBackend {
  /** The environment by which the gateway finds them. */
  env: Record<string, string>
  /**
   * Printed once the gateway answers.
   *
   * @param demo the origin of the page that has the uploader in it
   */
  banner(demo: string): Promise<string>
  close(): Promise<void>
}
