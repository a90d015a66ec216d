/** Parses the requests of `/files`. */
import type { FileReference } from '../drive/client/account.ts'
import type { ListQuery } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import { badRequest } from '../http/bad-request.ts'
import { readFileReference } from '../http/file-id.ts'
import { readPath } from '../http/file-name.ts'

const maxPageSize = 1000
const sortKeys = new Set([
  'createdTime',
  'folder',
  'modifiedByMeTime',
  'modifiedTime',
  'name',
  'name_natural',
  'quotaBytesUsed',
  'recency',
  'sharedWithMeTime',
  'starred',
  'viewedByMeTime',
])

const sortDirections = new Set(['asc', 'desc'])

/**
 * Parses the query of a list, and rejects what Drive would reject.
 *
 * @throws {GatewayError} `bad_request`, `invalid_page_token`
 */
export function readListQuery(query: URLSearchParams, defaultPageSize: number): ListQuery {
  const folder = query.get('folder')
  const search = query.get('q')
  const pageToken = query.get('pageToken')
  if (pageToken !== null && !/^[\x21-\x7e]{1,2048}$/.test(pageToken)) {
    throw new GatewayError('invalid_page_token', 'The page token is malformed')
  }
  if (search !== null && (search.length > 200 || /[\0-\x1f\x7f]/.test(search) || !search.trim())) {
    throw badRequest('q must be 1 to 200 characters of plain text')
  }
  return {
    ...(folder === null ? {} : { folder: readFileReference(folder) }),
    ...(search === null ? {} : { search }),
    ...(pageToken === null ? {} : { pageToken }),
    pageSize: readPageSize(query.get('pageSize'), defaultPageSize),
    orderBy: readOrderBy(query.get('orderBy')),
  }
}

function readPageSize(value: string | null, defaultPageSize: number): number {
  const size = value === null ? defaultPageSize : /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (size < 1) throw badRequest(`pageSize must be 1 to ${maxPageSize}`)
  return Math.min(size, maxPageSize)
}

/** By default, folders come first. */
function readOrderBy(value: string | null): string {
  if (value === null) return 'folder,name_natural'
  const isValid = value.split(',').every((entry) => {
    const [key = '', direction = 'asc', ...rest] = entry.trim().split(' ')
    return sortKeys.has(key) && sortDirections.has(direction) && rest.length === 0
  })
  if (isValid) return value
  const keys = [...sortKeys].join(', ')
  throw badRequest(`orderBy must list ${keys}, each optionally with " asc" or " desc"`)
}

/** @throws {GatewayError} `bad_request`, `invalid_path` */
export function readNewFolder(body: Record<string, unknown>): {
  name: string
  folder: FileReference | undefined
} {
  const { name, folder } = body
  if (typeof name !== 'string') throw badRequest('name must be the folder name')
  if (folder !== undefined && typeof folder !== 'string') {
    throw badRequest('folder must be a folder id')
  }
  readPath([name])
  return { name, folder: folder === undefined ? undefined : readFileReference(folder) }
}
