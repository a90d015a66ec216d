/** The ids of files and folders, and the links of Drive that people copy instead. */
import type { FileReference } from '../drive/client/account.ts'
import type { GatewayError } from '../errors.ts'
import { badRequest } from './bad-request.ts'

const hosts = new Set(['docs.google.com', 'drive.google.com', 'drive.usercontent.google.com'])

/** `/folders/{id}`, on phones with the folders above it, or `/d/{id}`. `/d/e/…` is no file. */
const idInPath = /\/folders\/(?:[\w-]+\/)*([\w-]+)\/?$|\/d\/([\w-]{10,})(?:\/|$)/

/** Longer than any link of Drive. */
const maxLength = 2048

/**
 * Reads the id of a file or folder, or takes it out of a link of Drive; `root` is one.
 *
 * @throws {GatewayError} `bad_request`, which says what an id looks like
 */
export function readFileReference(value: string): FileReference {
  if (isFileId(value)) return { id: value }
  const reference = value.length > maxLength ? undefined : readLink(value.trim())
  if (reference) return reference
  throw invalidId()
}

/**
 * Reads a segment of a path: an id as it is, so that it has one spelling, or a percent-encoded link.
 *
 * @throws {GatewayError} `bad_request`
 */
export function readPathReference(segment: string): FileReference {
  if (isFileId(segment)) return { id: segment }
  const reference = readLink(decodeSegment(segment))
  if (reference) return reference
  throw invalidId()
}

function readLink(text: string): FileReference | undefined {
  const href = /^https?:\/\//i.test(text) ? text : `https://${text}`
  if (!URL.canParse(href)) return undefined
  const { hostname, pathname, searchParams, hash } = new URL(href)
  if (!hosts.has(hostname)) return undefined
  if (/\/my-drive\/?$/.test(pathname)) return { id: 'root' }
  const [, folder, file] = idInPath.exec(pathname) ?? []
  const id = folder ?? file ?? searchParams.get('id') ?? /^#folders\/(.*)$/.exec(hash)?.[1] ?? ''
  if (!isFileId(id)) return undefined
  const resourceKey = searchParams.get('resourcekey')
  return isResourceKey(resourceKey) ? { id, resourceKey } : { id }
}

export function isResourceKey(value: unknown): value is string {
  return typeof value === 'string' && isFileId(value) // both have the same characters
}

function isFileId(value: string): boolean {
  return /^[\w-]{1,200}$/.test(value)
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return ''
  }
}

function invalidId(): GatewayError {
  return badRequest(
    'This is no id of a file or folder. An id consists of letters, digits, - and _, such as 1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs. A link to the file or folder in Drive is accepted too.',
  )
}
