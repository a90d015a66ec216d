/** What a request to `/files` asks for. */
import type { ListQuery } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import { readPath } from '../upload/file-name.ts'

const largestPage = 1000
const orderKeys = new Set([
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

/**
 * @param otherwise what holds where the request does not say
 * @throws {GatewayError} `bad_request`, `drive_not_found`: what Drive would refuse is not sent there
 */
export function readListQuery(query: URLSearchParams, otherwise = { pageSize: 100 }): ListQuery {
  const folder = query.get('folder')
  const search = query.get('q')
  const pageToken = query.get('pageToken')
  if (pageToken !== null && !/^[\x21-\x7e]{1,2048}$/.test(pageToken)) {
    throw new GatewayError('invalid_page_token', 'The page token has a shape that none has')
  }
  if (search !== null && (search.length > 200 || /[\0-\x1f\x7f]/.test(search) || !search.trim())) {
    throw bad('q must be 1 to 200 characters of plain text')
  }
  return {
    ...(folder === null ? {} : { folder: readFileId(folder) }),
    ...(search === null ? {} : { search }),
    ...(pageToken === null ? {} : { pageToken }),
    pageSize: readPageSize(query.get('pageSize'), otherwise.pageSize),
    orderBy: readOrder(query.get('orderBy')),
  }
}

/**
 * A file's or folder's id, `root` among them.
 *
 * @throws {GatewayError} `drive_not_found` for what cannot be one, as for one that is not there
 */
export function readFileId(value: string): string {
  if (/^[\w-]{1,200}$/.test(value)) return value
  throw new GatewayError('drive_not_found', 'An id has a shape that none has')
}

function readPageSize(value: string | null, otherwise: number): number {
  const size = value === null ? otherwise : /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (size < 1) throw bad(`pageSize must be 1 to ${largestPage}`)
  return Math.min(size, largestPage)
}

/** Folders come first unless the caller says otherwise. */
function readOrder(value: string | null): string {
  if (value === null) return 'folder,name_natural'
  const isKnown = value.split(',').every((entry) => {
    const [key = '', direction, ...rest] = entry.trim().split(' ')
    return orderKeys.has(key) && (direction ?? 'desc') === 'desc' && rest.length === 0
  })
  if (!isKnown)
    throw bad(`orderBy takes ${[...orderKeys].join(', ')}, each with " desc" or without`)
  return value
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}

/** @throws {GatewayError} `bad_request`, `invalid_path`, `drive_not_found` */
export function readNewFolder(body: Record<string, unknown>): {
  name: string
  folder: string | undefined
} {
  const { name, folder } = body
  if (typeof name !== 'string') throw bad('name must be the folder’s name')
  if (folder !== undefined && typeof folder !== 'string') throw bad('folder must be a folder’s id')
  readPath([name])
  return { name, folder: folder === undefined ? undefined : readFileId(folder) }
}
