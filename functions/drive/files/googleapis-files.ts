/** What is in a Drive, through Google's own client. */
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { GatewayError } from '../../errors.ts'
import type { ProblemCode } from '../../errors.ts'
import type { DriveAccount } from '../client/account.ts'
import { readFailure } from '../client/errors.ts'
import { kindOf, quoted } from './listing.ts'
import type { FileDetails, FilePage, Files, ListQuery, ListedFile } from './listing.ts'
import { createPatience } from '../client/retry.ts'
import type { Wait } from '../client/retry.ts'

const listedFields =
  'id,name,mimeType,size,modifiedTime,webViewLink,shortcutDetails(targetId,targetMimeType),isAppAuthorized,capabilities(canAddChildren,canDownload)'
const detailFields = `${listedFields},parents,createdTime,description,sha256Checksum,trashed,exportLinks,version,ownedByMe`

type Method = 'files.list' | 'files.get'

export interface GoogleFilesOptions {
  /** Whether Driveway may read and write whatever the person may, not only its own. */
  wholeDrive: boolean
  /** Waits between two tries; replaced in tests. */
  wait?: Wait
  /** Milliseconds that Drive has for an answer. */
  answerMs?: number | undefined
  /** Goes around each request, once for each try. */
  around?: <T>(method: Method, ask: () => Promise<T>) => Promise<T>
}

/** Bytes of the longest answer: a thousand files have a tenth of it. */
const answerBytes = 8 * 1024 * 1024

/** @param client made when it is first needed: loading it costs a good part of a second */
export function createGoogleFiles(
  client: () => Promise<drive_v3.Drive>,
  { wholeDrive, wait, answerMs = 20_000, around = (_method, ask) => ask() }: GoogleFilesOptions,
): Files {
  const optionsOf = (token: string, signal: AbortSignal) => ({
    headers: { authorization: `Bearer ${token}` },
    timeout: answerMs,
    size: answerBytes,
    signal,
    retry: false, // what may pass is known here better than to the client
    redirect: 'manual' as const, // a token goes to Drive and nowhere else
  })

  /** Asks until there is an answer, and with another token where Drive takes the first no more. */
  async function call<T>(
    method: Method,
    account: DriveAccount,
    signal: AbortSignal,
    ask: (files: drive_v3.Resource$Files, options: ReturnType<typeof optionsOf>) => Promise<T>,
    query?: ListQuery,
  ): Promise<T> {
    const { files } = await client()
    const send = (token: string): Promise<T> =>
      around(method, () => ask(files, optionsOf(token, signal)))
    return createPatience(signal, wait).retry(async () => {
      const token = await account.token()
      try {
        return await send(token)
      } catch (error) {
        if (statusOf(error) !== 401) throw toFailure(error, query)
      }
      const fresh = await account.token(token)
      return send(fresh).catch((error: unknown) => {
        throw toFailure(error, query)
      })
    })
  }

  return {
    list: (account, query, signal) =>
      call(
        'files.list',
        account,
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
      ),

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
    terms.unshift(`${quoted(folder ?? 'root')} in parents`)
  }
  if (search !== undefined) terms.push(`name contains ${quoted(search)}`)
  return terms.join(' and ')
}

/** @throws {GatewayError} `upstream_bad_response` for what is no page: an empty one has a list too */
function readPage(data: drive_v3.Schema$FileList, wholeDrive: boolean): FilePage {
  if (!Array.isArray(data?.files)) {
    throw new GatewayError('upstream_bad_response', 'Drive’s list is no list')
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
  const isOpen = wholeDrive || isAppAuthorized
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
        ? { canAddChildren: isOpen && canAddChildren === true }
        : { canDownload: isOpen && canDownload === true },
  }
}

/** @throws {GatewayError} `upstream_bad_response` for what is no file */
function readDetails(data: drive_v3.Schema$File, wholeDrive: boolean): FileDetails {
  if (typeof data?.id !== 'string' || typeof data.name !== 'string') {
    throw new GatewayError('upstream_bad_response', 'Drive’s file is no file')
  }
  const file = readListedFile(data, wholeDrive)
  const parents = data.parents ?? []
  // Whoever may write at all may write to My Drive itself, whether it is shown or not.
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

/** The client's errors carry the whole request: only status, headers and body are looked at. */
function toFailure(error: unknown, query?: ListQuery): GatewayError {
  if (error instanceof GatewayError) return error
  const response = responseOf(error)
  if (!response) {
    return new GatewayError(silenceCode(error), 'Drive gave no answer of use', { cause: error })
  }
  const body = typeof response.data === 'string' ? response.data : JSON.stringify(response.data)
  const retryAfter = response.headers?.get?.('retry-after') ?? undefined
  const failure = readFailure({
    status: response.status,
    headers: { 'retry-after': retryAfter },
    body,
  })
  // What else could be wrong about a query that is ours but for this token?
  if (response.status === 400 && query?.pageToken !== undefined) {
    return new GatewayError('invalid_page_token', failure.message)
  }
  return failure
}

/** Why there is no answer, in the words of the client, and of the fetch that is its cause. */
function silenceCode(error: unknown): ProblemCode {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { type?: unknown } }
  if (code === 'TimeoutError') return 'drive_timeout'
  return cause?.type === 'max-size' ? 'upstream_bad_response' : 'drive_unavailable'
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

function statusOf(error: unknown): number | undefined {
  return responseOf(error)?.status
}
