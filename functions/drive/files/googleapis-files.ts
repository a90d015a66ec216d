/** files.list and files.get through the googleapis client. */
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { GatewayError } from '../../errors.ts'
import type { ProblemCode } from '../../errors.ts'
import { accountHeaders, createTokenRetry, withResourceKeys } from '../client/account.ts'
import type { DriveAccount } from '../client/account.ts'
import { toGatewayError } from '../client/errors.ts'
import { createNameFilter, indexedWords } from './name-search.ts'
import { kindOf, quoteLiteral } from './listing.ts'
import type { FileDetails, FilePage, Files, ListQuery, ListedFile } from './listing.ts'
import { createRetryPolicy } from '../client/retry.ts'
import type { Sleep } from '../client/retry.ts'

const listedFields =
  'id,name,mimeType,size,modifiedTime,webViewLink,shortcutDetails(targetId,targetMimeType),isAppAuthorized,capabilities(canAddChildren,canDownload)'
const detailFields = `${listedFields},parents,createdTime,description,sha256Checksum,trashed,exportLinks,version,ownedByMe`

type Method = 'files.list' | 'files.get'

export interface GoogleapisFilesOptions {
  /** Whether Driveway may read and write every file that the account may, not only its own. */
  wholeDrive: boolean
  /** Waits between two attempts; replaced in tests. */
  sleep?: Sleep
  /** Timeout of one request. */
  timeoutMs?: number | undefined
  /** Wraps each attempt of a request. */
  instrument?: <T>(method: Method, send: () => Promise<T>) => Promise<T>
}

/** Pages of Drive that one page of a search reads while none of their names match. */
const maxFilteredPages = 10

/** Bytes. A list of a thousand files has a tenth of it. */
const maxResponseBytes = 8 * 1024 * 1024

/** @param client created on first use: loading it takes a good part of a second */
export function createGoogleapisFiles(
  client: () => Promise<drive_v3.Drive>,
  {
    wholeDrive,
    sleep,
    timeoutMs = 20_000,
    instrument = (_method, send) => send(),
  }: GoogleapisFilesOptions,
): Files {
  const optionsOf = (account: DriveAccount, token: string, signal: AbortSignal) => ({
    headers: accountHeaders(account, token),
    timeout: timeoutMs,
    size: maxResponseBytes,
    signal,
    retry: false, // the retry policy of this module applies
    redirect: 'manual' as const, // a redirect must not carry the token to another host
  })

  /** Sends with retries, and with a fresh token after a 401. */
  async function call<T>(
    method: Method,
    account: DriveAccount,
    signal: AbortSignal,
    send: (files: drive_v3.Resource$Files, options: ReturnType<typeof optionsOf>) => Promise<T>,
    query?: ListQuery,
  ): Promise<T> {
    const { files } = await client()
    const tokens = createTokenRetry(account, signal)
    const attempt = (token: string): Promise<{ status: number; value: T } | Failure> =>
      instrument(method, () => send(files, optionsOf(account, token, signal))).then(
        (value) => ({ status: 200, value }),
        (error: unknown) => ({ status: responseOf(error)?.status ?? 0, error }),
      )
    return createRetryPolicy(signal, sleep).retry(async () => {
      const result = await tokens.sendAndRetry(attempt)
      if ('error' in result) throw toError(result.error, query)
      return result.value
    })
  }

  const listPage = (
    account: DriveAccount,
    query: ListQuery,
    signal: AbortSignal,
  ): Promise<FilePage> =>
    call(
      'files.list',
      withResourceKeys(account, query.folder),
      signal,
      async (files, options) => {
        const params = {
          q: searchQuery(query),
          fields: `nextPageToken,files(${listedFields})`,
          pageSize: query.pageSize,
          orderBy: query.orderBy,
          spaces: 'drive',
          supportsAllDrives: true,
          includeItemsFromAllDrives: true,
          ...(query.pageToken === undefined ? {} : { pageToken: query.pageToken }),
        }
        return readPage((await files.list(params, options)).data, wholeDrive)
      },
      query,
    )

  return {
    async list(account, query, signal) {
      if (query.search === undefined) return listPage(account, query, signal)
      const matches = createNameFilter(query.search)
      let page = await listPage(account, query, signal)
      for (let count = 1; ; count++) {
        const { nextPageToken: pageToken } = page
        const files = page.files.filter(({ name }) => matches(name))
        const isLast = pageToken === undefined || count === maxFilteredPages
        if (isLast || files.length > 0) return { ...page, files }
        page = await listPage(account, { ...query, pageToken }, signal)
      }
    },

    get: (account, id, signal) =>
      call('files.get', account, signal, async (files, options) => {
        const params = { fileId: id, fields: detailFields, supportsAllDrives: true }
        return readDetails((await files.get(params, options)).data, wholeDrive)
      }),
  }
}

/** @see Google Drive API, "Search query terms and operators" */
export function searchQuery({ folder, search }: Pick<ListQuery, 'folder' | 'search'>): string {
  const terms = ['trashed = false']
  if (folder !== undefined || search === undefined) {
    terms.unshift(`${quoteLiteral(folder?.id ?? 'root')} in parents`)
  }
  const words = indexedWords(search ?? '')
  if (words !== '') terms.push(`name contains ${quoteLiteral(words)}`)
  return terms.join(' and ')
}

/** @throws {GatewayError} `upstream_bad_response` when there is no list; an empty page has one too */
function readPage(data: drive_v3.Schema$FileList, wholeDrive: boolean): FilePage {
  if (!Array.isArray(data?.files)) {
    throw new GatewayError('upstream_bad_response', 'Drive’s response has no list of files')
  }
  return {
    files: data.files.map((file) => readListedFile(file, wholeDrive)),
    ...(data.nextPageToken ? { nextPageToken: data.nextPageToken } : {}),
  }
}

function readListedFile(file: drive_v3.Schema$File, wholeDrive: boolean): ListedFile {
  const mimeType = file.mimeType ?? 'application/octet-stream'
  const kind = kindOf(mimeType)
  const { targetId, targetMimeType } = file.shortcutDetails ?? {}
  const isAppAuthorized = file.isAppAuthorized === true
  const { canAddChildren, canDownload } = file.capabilities ?? {}
  const isAccessible = wholeDrive || isAppAuthorized
  return {
    id: file.id ?? '',
    name: file.name ?? '',
    mimeType,
    kind,
    ...(kind === 'file' && file.size ? { size: Number(file.size) } : {}),
    ...(file.modifiedTime ? { modifiedTime: file.modifiedTime } : {}),
    ...(file.webViewLink ? { webViewLink: file.webViewLink } : {}),
    ...(targetId && targetMimeType
      ? { shortcut: { targetId, targetMimeType, kind: kindOf(targetMimeType) } }
      : {}),
    isAppAuthorized,
    capabilities:
      kind === 'folder'
        ? { canAddChildren: isAccessible && canAddChildren === true }
        : { canDownload: isAccessible && canDownload === true },
  }
}

/** @throws {GatewayError} `upstream_bad_response` when the response is no file */
function readDetails(data: drive_v3.Schema$File, wholeDrive: boolean): FileDetails {
  if (typeof data?.id !== 'string' || typeof data.name !== 'string') {
    throw new GatewayError('upstream_bad_response', 'Drive’s response is no file')
  }
  const file = readListedFile(data, wholeDrive)
  const parents = data.parents ?? []
  // With any write scope, Driveway may write to My Drive itself, also when the response denies it.
  const isMyDrive = file.kind === 'folder' && parents.length === 0 && data.ownedByMe === true
  return {
    ...file,
    ...(isMyDrive ? { capabilities: { canAddChildren: true } } : {}),
    parents,
    ...(data.createdTime ? { createdTime: data.createdTime } : {}),
    ...(data.description ? { description: data.description } : {}),
    ...(data.sha256Checksum ? { sha256: data.sha256Checksum } : {}),
    trashed: data.trashed === true,
    exportTypes: Object.keys(data.exportLinks ?? {}),
    version: data.version ?? '',
  }
}

/** Maps a client error. It contains the whole request, so only status, headers and body are read. */
function toError(error: unknown, query?: ListQuery): GatewayError {
  if (error instanceof GatewayError) return error
  const response = responseOf(error)
  if (!response) {
    return new GatewayError(networkErrorCode(error), 'Drive returned no usable response', {
      cause: error,
    })
  }
  const body = typeof response.data === 'string' ? response.data : JSON.stringify(response.data)
  const retryAfter = response.headers?.get?.('retry-after') ?? undefined
  const gatewayError = toGatewayError({
    status: response.status,
    headers: { 'retry-after': retryAfter },
    body,
  })
  // The page token is the only part of the query that comes from the client.
  if (response.status === 400 && query?.pageToken !== undefined) {
    return new GatewayError('invalid_page_token', gatewayError.message)
  }
  return gatewayError
}

/** Derives the problem code of a network error from the client's error and its cause. */
function networkErrorCode(error: unknown): ProblemCode {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { type?: unknown } }
  if (code === 'TimeoutError') return 'drive_timeout'
  return cause?.type === 'max-size' ? 'upstream_bad_response' : 'drive_unavailable'
}

interface Failure {
  status: number
  error: unknown
}

interface ClientResponse {
  status: number
  data: unknown
  headers?: { get?(name: string): string | null }
}

function responseOf(error: unknown): ClientResponse | undefined {
  const response = (error as { response?: ClientResponse } | null)?.response
  return typeof response?.status === 'number' ? response : undefined
}
