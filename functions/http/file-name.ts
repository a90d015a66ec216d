/** What a file is called in Drive, from what its sender calls it. */
import { GatewayError } from '../errors.ts'

const maxBytes = 1024
const fallback = 'Untitled'

/**
 * The last component of the path that a sender may have given, otherwise as it is, code point by
 * code point; `Untitled` where nothing visible is left of it.
 *
 * @throws {GatewayError} `bad_filename` for control characters and for more than 1,024 bytes
 */
export function driveName(filename: string): string {
  if (/[\0-\x1f\x7f-\x9f]/.test(filename)) {
    throw new GatewayError('bad_filename', 'A control character in a filename', {
      detail: 'A file’s name has a control character in it; rename the file',
    })
  }
  const name = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1)
  if (Buffer.byteLength(name) > maxBytes) {
    throw new GatewayError('bad_filename', 'A filename is too long', {
      detail: `A file’s name is longer than ${maxBytes} bytes; shorten it`,
    })
  }
  const isBlank = /^[\s\p{Default_Ignorable_Code_Point}]*$/u.test(name)
  return isBlank || name === '.' || name === '..' ? fallback : name
}
