/** An error for the user of a command: the message is printed without a stack trace. */
export class CliError extends Error {
  override name = 'CliError'
}
