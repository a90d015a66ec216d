/** What a gateway on this machine lives in, and what a person is told about it. */
export interface Surroundings {
  /** The environment by which the gateway finds them. */
  env: Record<string, string>
  /** Printed once the gateway answers. */
  welcome(): Promise<string>
  close(): Promise<void>
}
