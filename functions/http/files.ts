/** `/files`: what is in the Drive. */
import type { DriveAccount } from '../drive/account.ts'
import type { Files, ListQuery } from '../drive/files.ts'
import { GatewayError } from '../errors.ts'
import type { Route } from './handler.ts'
import type { Identify } from './identify.ts'
import { sendJson } from './problem.ts'

export interface FilesParts {
  identify: Identify
  files: Files
  accountOf(sub: string): DriveAccount
}

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

export function filesRoutes({ identify, files, accountOf }: FilesParts): Route[] {
  return [
    {
      method: 'GET',
      path: /^$/,
      async run({ req, res, query, signal }) {
        const { sub } = await identify(req, 'files:read')
        const page = await files.list(accountOf(sub), readListQuery(query), signal)
        sendJson(res, 200, page)
      },
    },
  ]
}

/** @throws {GatewayError} `bad_request`, `drive_not_found`: what Drive would refuse is not sent there */
function readListQuery(query: URLSearchParams): ListQuery {
  const folder = query.get('folder')
  const search = query.get('q')
  const pageToken = query.get('pageToken')
  if (pageToken !== null && !/^[\x21-\x7e]{1,2048}$/.test(pageToken)) {
    throw new GatewayError('bad_page_token', 'The page token has a shape that none has')
  }
  if (search !== null && (search.length > 200 || /[\0-\x1f\x7f]/.test(search) || !search.trim())) {
    throw bad('q must be 1 to 200 characters of plain text')
  }
  return {
    ...(folder === null ? {} : { folder: readFileId(folder) }),
    ...(search === null ? {} : { search }),
    ...(pageToken === null ? {} : { pageToken }),
    pageSize: readPageSize(query.get('pageSize')),
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

function readPageSize(value: string | null): number {
  const size = value === null ? 100 : /^\d{1,9}$/.test(value) ? Number(value) : 0
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
