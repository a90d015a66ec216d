/** Why Driveway cannot start, in words for the person who started it; needs no stack. */
export class CliError extends Error {
  override name = 'CliError'
}
