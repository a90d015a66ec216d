/**
 * Drive's upload protocols: request builders and response parsers. They use no network and no clock.
 *
 * @see Google Drive API, "Upload file data"
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { toGatewayError } from './errors.ts'
import { decideStatus } from './status-decisions.ts'
import type { DriveResponse, DriveRequest } from './transport.ts'

/** The size of every chunk but the last is a multiple of this, in bytes. */
export const chunkUnit = 256 * 1024

/** Rounds a number of bytes down to a multiple of `chunkUnit`. */
export function wholeUnits(bytes: number): number {
  return Math.floor(bytes / chunkUnit) * chunkUnit
}

/** Metadata of a file to upload. */
export interface FileMetadata {
  /** Reserved with `files.generateIds`: creating the file twice cannot make two files. */
  id: string
  /** Whether the id is that of an existing file, which gets new content and keeps its folder. */
  replaces?: boolean
  name: string
  mimeType: string
  /** The parent's id. Default: the root of My Drive. */
  folder?: string
  /** RFC 3339. Default: the time of creation. */
  modifiedTime?: string
}

/** A file as Drive describes it. */
export interface StoredFile {
  id: string
  name: string
  mimeType: string
  /** Bytes; `undefined` when the response omits it. */
  size: number | undefined
  /** SHA-256 of the whole content, in hex; `undefined` when the response omits it. */
  sha256: string | undefined
  webViewLink: string | undefined
}

/** Result of a request that creates or replaces a file. */
export type CreateResult =
  | { state: 'stored'; file: StoredFile }
  /** The reserved id is in use: an earlier attempt has succeeded. */
  | { state: 'exists' }
  /** The response does not tell whether the file exists. */
  | { state: 'unclear'; status: number }

/** Progress of an upload session at Drive. */
export type Progress =
  | CreateResult
  /** Drive has stored this many bytes, possibly fewer than were sent. */
  | { state: 'incomplete'; offset: number }

const fields = 'id,name,mimeType,size,sha256Checksum,webViewLink'
const query = `supportsAllDrives=true&fields=${fields}`
const json = 'application/json; charset=UTF-8'

/** Describes a multipart upload: one request with the metadata and the whole content. */
export function multipartRequest(
  root: string,
  metadata: FileMetadata,
  content: readonly Buffer[],
): DriveRequest {
  const boundary = `driveway-${randomUUID()}`
  const head =
    `--${boundary}\r\nContent-Type: ${json}\r\n\r\n${metadataJson(metadata)}\r\n` +
    `--${boundary}\r\nContent-Type: ${mediaType(metadata)}\r\n\r\n`
  return {
    ...uploadTarget(root, metadata, 'multipart'),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), ...content, Buffer.from(`\r\n--${boundary}--\r\n`)],
  }
}

/** Properties that are fixed when a session is opened. */
export interface SessionOptions {
  /** The file's size in bytes, which Drive enforces. By default the last chunk declares it. */
  size?: number
  /** The only origin whose pages may use the session URI. By default no page may. */
  origin?: string
}

/** Describes the request that opens a resumable upload session. */
export function openSessionRequest(
  root: string,
  metadata: FileMetadata,
  { size, origin }: SessionOptions = {},
): DriveRequest {
  return {
    ...uploadTarget(root, metadata, 'resumable'),
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
 * Reads the session URI of an opened session.
 *
 * @param root base URL of Drive; a session URI of another origin is rejected
 * @returns the session URI, a secret: it suffices to write to the upload
 * @throws {GatewayError} `upstream_bad_response` for an unusable URI, or Drive's error
 */
export function readSessionUri(response: DriveResponse, root: string): string {
  if (response.status !== 200) throw toGatewayError(response)
  const { location = '' } = response.headers
  const url = location.length <= 4096 && URL.canParse(location) ? new URL(location) : undefined
  if (!url || url.origin !== new URL(root).origin || url.username || url.password) {
    throw new GatewayError('upstream_bad_response', 'Drive returned an unusable session URI')
  }
  return url.href
}

/**
 * Describes the upload of one chunk.
 *
 * @param total the file's size with the last chunk, which may be empty; else `undefined`
 */
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

/** Describes a status query. When Drive has stored `total` bytes, the query also completes the upload. */
export function statusRequest(sessionUri: string, total: number | undefined): DriveRequest {
  return { method: 'PUT', url: sessionUri, headers: { 'content-range': `bytes */${total ?? '*'}` } }
}

/** Describes the cancellation of a session. */
export function cancelSessionRequest(sessionUri: string): DriveRequest {
  return { method: 'DELETE', url: sessionUri, headers: {} }
}

/** Drive returns 499 for a cancelled session, and 404 or 410 for one that no longer exists. */
export function isCancelled({ status }: DriveResponse): boolean {
  return status < 300 || status === 404 || status === 410 || status === 499
}

export function getFileRequest(root: string, id: string): DriveRequest {
  return { method: 'GET', url: `${fileUrl(root, id)}?${query},modifiedTime`, headers: {} }
}

export function deleteFileRequest(root: string, id: string): DriveRequest {
  return { method: 'DELETE', url: `${fileUrl(root, id)}?supportsAllDrives=true`, headers: {} }
}

export function generateIdsRequest(root: string, count: number): DriveRequest {
  const url = `${root}drive/v3/files/generateIds?count=${count}&space=drive&type=files`
  return { method: 'GET', url, headers: {} }
}

export function readIds(response: DriveResponse): string[] {
  const ids: unknown = response.status === 200 ? readObject(response.body)?.['ids'] : undefined
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string')) {
    throw toGatewayError(response)
  }
  return ids
}

/**
 * Reads the response to a request that creates or replaces a file.
 *
 * @throws {GatewayError} Drive's error
 */
export function readCreateResult(response: DriveResponse): CreateResult {
  const { status } = response
  if (status === 409) return { state: 'exists' }
  if (status >= 400) throw toGatewayError(response)
  const file = status === 200 || status === 201 ? readFile(response.body) : undefined
  return file ? { state: 'stored', file } : { state: 'unclear', status }
}

/**
 * Reads the response to a chunk or to a status query.
 *
 * @throws {GatewayError} `upload_session_lost` when the session no longer exists (its lifetime is one
 *   week), `upstream_bad_response` for an invalid Range, or Drive's error
 */
export function readProgress(response: DriveResponse): Progress {
  const { status } = response
  if (status === 308) return { state: 'incomplete', offset: readOffset(response.headers['range']) }
  if (decideStatus(status).endsSession) {
    throw new GatewayError('upload_session_lost', `The upload session no longer exists (${status})`)
  }
  return readCreateResult(response)
}

/** @returns the number of stored bytes: 0 when the header is missing, no matter what was sent */
function readOffset(range: string | undefined): number {
  if (range === undefined) return 0
  const stored = /^(?:bytes=)?0-(\d{1,15})$/.exec(range)
  if (!stored) throw new GatewayError('upstream_bad_response', 'Drive returned an invalid Range')
  return Number(stored[1]) + 1
}

/** Parses a file resource; `undefined` when the body is none. */
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

/** Reads `modifiedTime` of a file resource, in milliseconds since 1970. */
export function readModifiedTime(body: string): number {
  return Date.parse(String(readObject(body)?.['modifiedTime']))
}

/** Parses a JSON object; `undefined` for any other body. */
export function readObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Method and URL of an upload: POST creates a file, PATCH replaces an existing one. */
function uploadTarget(
  root: string,
  { id, replaces }: FileMetadata,
  uploadType: 'multipart' | 'resumable',
): Pick<DriveRequest, 'method' | 'url'> {
  const files = `${root}upload/drive/v3/files`
  const search = `?uploadType=${uploadType}&${query}`
  if (replaces) return { method: 'PATCH', url: `${files}/${encodeURIComponent(id)}${search}` }
  return { method: 'POST', url: `${files}${search}` }
}

function metadataJson(metadata: FileMetadata): string {
  const { id, name, folder, modifiedTime, replaces } = metadata
  if (replaces) return JSON.stringify({ name, mimeType: mediaType(metadata), modifiedTime })
  const parents = folder === undefined ? undefined : [folder]
  return JSON.stringify({ id, name, mimeType: mediaType(metadata), parents, modifiedTime })
}

/** Replaces Google's own types, which would make Drive convert the file. */
function mediaType({ mimeType }: FileMetadata): string {
  return mimeType.startsWith('application/vnd.google-apps.') ? 'application/octet-stream' : mimeType
}

function fileUrl(root: string, id: string): string {
  return `${root}drive/v3/files/${encodeURIComponent(id)}`
}
