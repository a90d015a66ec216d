/** Validates file names and paths that become names in Drive. */
import { GatewayError } from '../errors.ts'

const maxNameBytes = 1024
const maxPathSegments = 50
const defaultName = 'Untitled'

/** The start of a path of Windows: a drive (`C:\`) or a server (`\\server\`). */
const windowsPath = /^(?:[A-Za-z]:[\\/]|\\\\[^\\/]+\\)/

/**
 * Returns the name that a file gets in Drive: the name that a client sent, slashes and backslashes
 * included, or the last component of a Windows path; `Untitled` when it has no visible character.
 *
 * @throws {GatewayError} `invalid_filename` for a control character or more than 1,024 bytes
 */
export function driveName(filename: string): string {
  if (hasControlCharacter(filename)) {
    throw new GatewayError('invalid_filename', 'The file name contains a control character', {
      detail: 'The file name contains a control character. Rename the file.',
    })
  }
  const name = windowsPath.test(filename) ? filename.replace(/^.*[\\/]/s, '') : filename
  if (Buffer.byteLength(name) > maxNameBytes) {
    throw new GatewayError('invalid_filename', 'The file name is too long', {
      detail: `The file name is longer than ${maxNameBytes} bytes. Shorten it.`,
    })
  }
  return isBlank(name) || name === '.' || name === '..' ? defaultName : name
}

/**
 * Returns a form's file name without the path before it. Browsers send a path for the files of a chosen
 * folder; other clients send the name alone, so a slash is part of it, except in an absolute path or
 * one with dots.
 */
export function withoutDirectory(filename: string, isBrowser: boolean): string {
  const isPath = isBrowser || /^\/|\/$|(?:^|\/)\.\.?(?:\/|$)/.test(filename)
  return isPath ? filename.slice(filename.lastIndexOf('/') + 1) : filename
}

/**
 * Validates the segments of a path such as `Projects/2026`. Ambiguous segments are rejected, never
 * normalized.
 *
 * @param segments decoded
 * @throws {GatewayError} `invalid_path`
 */
export function readPath(segments: readonly string[]): string[] {
  if (segments.length > maxPathSegments) {
    throw invalidPath(`The path has more than ${maxPathSegments} segments`)
  }
  for (const segment of segments) {
    if (segment === '') throw invalidPath('The path has an empty segment or an outer slash')
    if (/[/\\]/.test(segment)) throw invalidPath('A path segment contains a slash or a backslash')
    if (segment === '.' || segment === '..') throw invalidPath('A path segment is . or ..')
    if (hasControlCharacter(segment)) throw invalidPath('The path contains a control character')
    if (Buffer.byteLength(segment) > maxNameBytes) {
      throw invalidPath(`A path segment is longer than ${maxNameBytes} bytes`)
    }
    if (isBlank(segment)) throw invalidPath('A path segment has no visible character')
  }
  return [...segments]
}

/**
 * Splits the path of a URL and percent-decodes each segment once.
 *
 * @throws {GatewayError} `invalid_path` when a segment is not UTF-8
 */
export function decodePath(path: string): string[] {
  try {
    return path.split('/').map((segment) => decodeURIComponent(segment))
  } catch (error) {
    throw invalidPath('The path has a percent-escape that is not UTF-8', error)
  }
}

function hasControlCharacter(text: string): boolean {
  return /[\0-\x1f\x7f-\x9f]/.test(text)
}

function isBlank(name: string): boolean {
  return /^[\s\p{Default_Ignorable_Code_Point}]*$/u.test(name)
}

function invalidPath(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid_path', detail, { detail, cause })
}
