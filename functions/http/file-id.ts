import { GatewayError } from '../errors.ts'

/**
 * Validates the id of a file or folder; `root` is one.
 *
 * @throws {GatewayError} `drive_not_found` for a malformed id, as for an unknown one
 */
export function readFileId(value: string): string {
  if (/^[\w-]{1,200}$/.test(value)) return value
  throw new GatewayError('drive_not_found', 'The id is malformed')
}
