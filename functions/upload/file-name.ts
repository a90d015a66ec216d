/** What a file and its folders are called in Drive, from what their sender calls them. */
import { GatewayError } from '../errors.ts'

const maxBytes = 1024
const fallback = 'Untitled'

/**
 * The last component of the path that a sender may have given, otherwise as it is, code point by
 * code point; `Untitled` where nothing visible is left of it.
 *
 * @throws {GatewayError} `invalid_filename` for control characters and for more than 1,024 bytes
 */
export function driveName(filename: string): string {
  if (/[\0-\x1f\x7f-\x9f]/.test(filename)) {
    throw new GatewayError('invalid_filename', 'A control character in a filename', {
      detail: 'A file’s name has a control character in it; rename the file',
    })
  }
  const name = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1)
  if (Buffer.byteLength(name) > maxBytes) {
    throw new GatewayError('invalid_filename', 'A filename is too long', {
      detail: `A file’s name is longer than ${maxBytes} bytes; shorten it`,
    })
  }
  return isBlank(name) || name === '.' || name === '..' ? fallback : name
}

const mostFolders = 50

/**
 * Folders on the way to a file, such as `Projects/2026`, or a file at the end of them. Each name is
 * taken as it is: one that could be read in two ways, or that means another folder, is refused.
 *
 * @param segments of the path, already decoded
 * @throws {GatewayError} `invalid_path`
 */
export function readPath(segments: readonly string[]): string[] {
  if (segments.length > mostFolders) throw badPath(`A path has at most ${mostFolders} names in it`)
  for (const segment of segments) {
    if (segment === '') throw badPath('A path has no empty names and no slash at its ends')
    if (/[/\\]/.test(segment)) throw badPath('A name in the path has a slash or backslash in it')
    if (segment === '.' || segment === '..') throw badPath('A path has no . or .. in it')
    if (/[\0-\x1f\x7f-\x9f]/.test(segment)) throw badPath('The path has a control character in it')
    if (Buffer.byteLength(segment) > maxBytes) {
      throw badPath(`A name in the path is longer than ${maxBytes} bytes`)
    }
    if (isBlank(segment)) throw badPath('A name in the path has nothing to be seen in it')
  }
  return [...segments]
}

/** The segments of a request's path, each decoded once. */
export function decodePath(path: string): string[] {
  try {
    return path.split('/').map((segment) => decodeURIComponent(segment))
  } catch (error) {
    const detail = 'The path has a percent-escape that is no UTF-8'
    throw new GatewayError('invalid_path', detail, { detail, cause: error })
  }
}

function isBlank(name: string): boolean {
  return /^[\s\p{Default_Ignorable_Code_Point}]*$/u.test(name)
}

function badPath(detail: string): GatewayError {
  return new GatewayError('invalid_path', detail, { detail })
}
