/**
 * Drive's upload protocols as requests to send and answers to read: nothing here touches a network
 * or a clock.
 *
 * @see Google Drive API, "Upload file data"
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { readFailure } from './errors.ts'
import type { DriveAnswer, DriveRequest } from './transport.ts'

/** Every chunk but the last is a multiple of this many bytes. */
export const chunkUnit = 256 * 1024

/** What a file is to be, before its bytes. */
export interface FileMetadata {
  /** Reserved with `files.generateIds`: creating it twice cannot make two files. */
  id: string
  /** The id is that of a file which is there: it gets new content and stays where it is. */
  replaces?: boolean
  name: string
  mimeType: string
  /** The parent's id; My Drive's root where there is none. */
  folder?: string
  /** RFC 3339; the moment of its making where there is none. */
  modifiedTime?: string
}

/** What Drive says that it stored. */
export interface StoredFile {
  id: string
  name: string
  mimeType: string
  /** Bytes; absent where Drive left it out. */
  size: number | undefined
  /** Of the whole content, in hex; absent where Drive left it out. */
  sha256: string | undefined
  webViewLink: string | undefined
}

/** What became of a file that was to be made. */
export type Created =
  | { state: 'stored'; file: StoredFile }
  /** The reserved id is taken: an earlier try of ours was heard. */
  | { state: 'exists' }
  /** The answer says nothing that can be relied on. */
  | { state: 'unclear'; status: number }

/** How far an upload is, as Drive sees it. */
export type Progress =
  | Created
  /** Drive has this many bytes, maybe fewer than were sent. */
  | { state: 'incomplete'; offset: number }

const fields = 'id,name,mimeType,size,sha256Checksum,webViewLink'
const query = `supportsAllDrives=true&fields=${fields}`
const json = 'application/json; charset=UTF-8'

/** One request for a file whose bytes are all at hand. */
export function createRequest(
  root: string,
  metadata: FileMetadata,
  content: readonly Buffer[],
): DriveRequest {
  const boundary = `driveway-${randomUUID()}`
  const head =
    `--${boundary}\r\nContent-Type: ${json}\r\n\r\n${metadataJson(metadata)}\r\n` +
    `--${boundary}\r\nContent-Type: ${mediaType(metadata)}\r\n\r\n`
  return {
    ...target(root, metadata, 'multipart'),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), ...content, Buffer.from(`\r\n--${boundary}--\r\n`)],
  }
}

/** What is fixed for a whole session when it is opened. */
export interface SessionTerms {
  /** The file's size in bytes; Drive takes neither more nor less. Told with the last chunk otherwise. */
  size?: number
  /** The one origin whose pages may use the session URI; no page may otherwise. */
  origin?: string
}

/** Opens a resumable session. */
export function openRequest(
  root: string,
  metadata: FileMetadata,
  { size, origin }: SessionTerms = {},
): DriveRequest {
  return {
    ...target(root, metadata, 'resumable'),
    headers: {
      'content-type': json,
      'x-upload-content-type': mediaType(metadata),
      ...(size === undefined ? {} : { 'x-upload-content-length': String(size) }),
      ...(origin === undefined ? {} : { origin }),
    },
    body: [Buffer.from(metadataJson(metadata))],
  }
}

/**
 * @param root where Drive is: a session anywhere else is not used
 * @returns the session URI, a secret: whoever has it can write to the upload
 */
export function readOpened(answer: DriveAnswer, root: string): string {
  if (answer.status !== 200) throw readFailure(answer)
  const { location = '' } = answer.headers
  const url = location.length <= 4096 && URL.canParse(location) ? new URL(location) : undefined
  if (!url || url.origin !== new URL(root).origin || url.username || url.password) {
    throw new GatewayError('upstream_bad_response', 'Drive opened a session at no usable address')
  }
  return url.href
}

/** @param total the file's size where this chunk is its last; then it may also be empty */
export function chunkRequest(
  sessionUri: string,
  offset: number,
  content: readonly Buffer[],
  total: number | undefined,
): DriveRequest {
  const length = content.reduce((sum, piece) => sum + piece.length, 0)
  if (length === 0) return statusRequest(sessionUri, total)
  const range = `bytes ${offset}-${offset + length - 1}/${total ?? '*'}`
  return { method: 'PUT', url: sessionUri, headers: { 'content-range': range }, body: content }
}

/** Asks how much of the upload Drive has; where that is `total`, it also ends the upload. */
export function statusRequest(sessionUri: string, total: number | undefined): DriveRequest {
  return { method: 'PUT', url: sessionUri, headers: { 'content-range': `bytes */${total ?? '*'}` } }
}

/** Gives the session up. */
export function cancelRequest(sessionUri: string): DriveRequest {
  return { method: 'DELETE', url: sessionUri, headers: {} }
}

/** 499 is the answer to a cancelled session, 404 or 410 to one that was gone already. */
export function isCancelled({ status }: DriveAnswer): boolean {
  return status < 300 || status === 404 || status === 410 || status === 499
}

export function lookUpRequest(root: string, id: string): DriveRequest {
  return { method: 'GET', url: `${fileUrl(root, id)}?${query},modifiedTime`, headers: {} }
}

export function removeRequest(root: string, id: string): DriveRequest {
  return { method: 'DELETE', url: `${fileUrl(root, id)}?supportsAllDrives=true`, headers: {} }
}

export function idsRequest(root: string, count: number): DriveRequest {
  const url = `${root}drive/v3/files/generateIds?count=${count}&space=drive&type=files`
  return { method: 'GET', url, headers: {} }
}

export function readIds(answer: DriveAnswer): string[] {
  const ids: unknown = answer.status === 200 ? readObject(answer.body)?.['ids'] : undefined
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string')) {
    throw readFailure(answer)
  }
  return ids
}

/** @throws {GatewayError} what Drive refuses with */
export function readCreated(answer: DriveAnswer): Created {
  const { status } = answer
  if (status === 409) return { state: 'exists' }
  if (status >= 400) throw readFailure(answer)
  const file = status === 200 || status === 201 ? readFile(answer.body) : undefined
  return file ? { state: 'stored', file } : { state: 'unclear', status }
}

/**
 * Reads the answer to a chunk or to a status request.
 *
 * @throws {GatewayError} `upload_session_lost` when the session is of no more use (it lives one week),
 *   `upstream_bad_response` for a Range that makes no sense, or what Drive refuses with
 */
export function readProgress(answer: DriveAnswer): Progress {
  const { status } = answer
  if (status === 308) return { state: 'incomplete', offset: readOffset(answer.headers['range']) }
  if (status === 400 || status === 404 || status === 410 || status === 499) {
    throw new GatewayError('upload_session_lost', `The session is gone (${status})`)
  }
  return readCreated(answer)
}

/** @returns how many bytes are stored: none where the header is missing, whatever was sent */
function readOffset(range: string | undefined): number {
  if (range === undefined) return 0
  const stored = /^(?:bytes=)?0-(\d{1,15})$/.exec(range)
  if (!stored) throw new GatewayError('upstream_bad_response', 'Drive’s Range makes no sense')
  return Number(stored[1]) + 1
}

/** The file that an answer describes; nothing where it describes none. */
export function readFile(body: string): StoredFile | undefined {
  return readFileFields(readObject(body) ?? {})
}

export function readFileFields(file: Record<string, unknown>): StoredFile | undefined {
  const { id, name, mimeType, size, sha256Checksum, webViewLink } = file
  if (typeof id !== 'string' || typeof name !== 'string') return undefined
  return {
    id,
    name,
    mimeType: String(mimeType),
    size: typeof size === 'string' && /^\d{1,15}$/.test(size) ? Number(size) : undefined,
    sha256: typeof sha256Checksum === 'string' ? sha256Checksum : undefined,
    webViewLink: typeof webViewLink === 'string' ? webViewLink : undefined,
  }
}

/** When a file that was looked up was last changed, in milliseconds since 1970. */
export function readModifiedTime(body: string): number {
  return Date.parse(String(readObject(body)?.['modifiedTime']))
}

/** The object that an answer's JSON is, if it is one. */
export function readObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Where bytes go: a new file is posted, a file that is there is patched. */
function target(
  root: string,
  { id, replaces }: FileMetadata,
  uploadType: 'multipart' | 'resumable',
): Pick<DriveRequest, 'method' | 'url'> {
  const files = `${root}upload/drive/v3/files`
  const end = `?uploadType=${uploadType}&${query}`
  if (replaces) return { method: 'PATCH', url: `${files}/${encodeURIComponent(id)}${end}` }
  return { method: 'POST', url: `${files}${end}` }
}

function metadataJson(metadata: FileMetadata): string {
  const { id, name, folder, modifiedTime, replaces } = metadata
  if (replaces) return JSON.stringify({ name, mimeType: mediaType(metadata), modifiedTime })
  const parents = folder === undefined ? undefined : [folder]
  return JSON.stringify({ id, name, mimeType: mediaType(metadata), parents, modifiedTime })
}

/** A Google type would make Drive convert the file: bytes stay the bytes that they are. */
function mediaType({ mimeType }: FileMetadata): string {
  return mimeType.startsWith('application/vnd.google-apps.') ? 'application/octet-stream' : mimeType
}

function fileUrl(root: string, id: string): string {
  return `${root}drive/v3/files/${encodeURIComponent(id)}`
}
