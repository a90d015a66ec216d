/** Listing a Drive through Google's own client. */
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { GatewayError } from '../errors.ts'
import type { ProblemCode } from '../errors.ts'
import { readFailure } from './failure.ts'
import { kindOf, quoted } from './files.ts'
import type { FilePage, Files, ListQuery, ListedFile } from './files.ts'
import { createPatience } from './patience.ts'
import type { Wait } from './patience.ts'

const fields =
  'nextPageToken,files(id,name,mimeType,size,modifiedTime,webViewLink,shortcutDetails(targetId,targetMimeType))'

export interface GoogleFilesOptions {
  /** Waits between two tries; replaced in tests. */
  wait?: Wait
  /** Milliseconds that Drive has for an answer. */
  answerMs?: number | undefined
}

/** Bytes of the longest answer: a thousand files have a tenth of it. */
const answerBytes = 8 * 1024 * 1024

/** @param client made when it is first needed: loading it costs a good part of a second */
export function createGoogleFiles(
  client: () => Promise<drive_v3.Drive>,
  { wait, answerMs = 20_000 }: GoogleFilesOptions = {},
): Files {
  return {
    async list(account, query, signal) {
      const drive = await client()
      const ask = async (token: string): Promise<FilePage> => {
        const { data } = await drive.files.list(
          {
            q: searchQuery(query),
            fields,
            pageSize: query.pageSize,
            orderBy: query.orderBy,
            spaces: 'drive',
            supportsAllDrives: true,
            includeItemsFromAllDrives: true,
            ...(query.pageToken === undefined ? {} : { pageToken: query.pageToken }),
          },
          {
            headers: { authorization: `Bearer ${token}` },
            timeout: answerMs,
            size: answerBytes,
            signal,
            retry: false, // what may pass is known here better than to the client
            redirect: 'manual', // a token goes to Drive and nowhere else
          },
        )
        return readPage(data)
      }
      return createPatience(signal, wait).retry(async () => {
        const token = await account.token()
        try {
          return await ask(token)
        } catch (error) {
          if (statusOf(error) !== 401) throw toFailure(error, query)
        }
        const fresh = await account.token(token)
        return ask(fresh).catch((error: unknown) => {
          throw toFailure(error, query)
        })
      })
    },
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
function readPage(data: drive_v3.Schema$FileList): FilePage {
  if (!Array.isArray(data?.files)) {
    throw new GatewayError('upstream_bad_response', 'Drive’s list is no list')
  }
  return {
    files: data.files.map(readListedFile),
    ...(data.nextPageToken ? { nextPageToken: data.nextPageToken } : {}),
  }
}

function readListedFile(file: drive_v3.Schema$File): ListedFile {
  const mimeType = file.mimeType ?? 'application/octet-stream'
  const kind = kindOf(mimeType)
  const { targetId, targetMimeType } = file.shortcutDetails ?? {}
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
  }
}

/** The client's errors carry the whole request: only status, headers and body are looked at. */
function toFailure(error: unknown, query: ListQuery): GatewayError {
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
  if (response.status === 400 && query.pageToken !== undefined) {
    return new GatewayError('bad_page_token', failure.message)
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
