/** Parses and creates the headers of tus 1.0.0. */
import type { IncomingMessage } from 'node:http'
import type { StoredFile } from '../../drive/client/protocol.ts'
import { GatewayError } from '../../errors.ts'
import { badRequest } from '../../http/bad-request.ts'
import { fileTooLarge } from '../size-limits.ts'

export const tusVersion = '1.0.0'
export const tusContentType = 'application/offset+octet-stream'

/** Request header for the session URI of Drive, which only pages of the same origin can use. */
export const directHeader = 'Driveway-Direct'

/** Request headers that pages of other origins may send. */
export const tusRequestHeaders = [
  'Tus-Resumable',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Checksum',
  'X-HTTP-Method-Override',
  directHeader,
  'X-Request-ID', // an option of tus clients
]

/** @throws {GatewayError} `tus_version` @see tus 1.0.0, "Tus-Resumable" */
export function checkVersion(req: IncomingMessage): void {
  if (headerValue(req, 'tus-resumable') === tusVersion) return
  throw new GatewayError('tus_version', `Tus-Resumable is not ${tusVersion}`, {
    headers: { 'tus-version': tusVersion },
  })
}

/** Returns a header's value; repeated values are joined, so that they parse as no number. */
export function headerValue(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Reads a number of bytes from a header. @throws {GatewayError} `bad_request` */
export function readByteCount(req: IncomingMessage, name: string): number | undefined {
  const value = headerValue(req, name)
  if (value === undefined) return undefined
  if (/^\d{1,400}$/.test(value)) return Number(value)
  throw badRequest(`${name} must be a number of bytes`)
}

/** @throws {GatewayError} `too_large`, `bad_request` @see tus 1.0.0, "Upload-Length" */
export function readUploadLength(req: IncomingMessage, maxFileBytes: number): number | undefined {
  const length = readByteCount(req, 'upload-length')
  if (length !== undefined && length > maxFileBytes) throw fileTooLarge(maxFileBytes)
  return length
}

/** @throws {GatewayError} `unsupported_media_type` @see tus 1.0.0, "PATCH" */
export function checkContentType(req: IncomingMessage): void {
  if (headerValue(req, 'content-type') === tusContentType) return
  throw new GatewayError('unsupported_media_type', `Content-Type is not ${tusContentType}`, {
    detail: `Send the bytes with Content-Type ${tusContentType}.`,
  })
}

export function exceedsLength(): GatewayError {
  return badRequest('The body exceeds the length of the upload')
}

/** @see tus 1.0.0, "Upload-Expires" */
export function expiryHeaders(expiresAt: number): Record<string, string> {
  return { 'upload-expires': new Date(expiresAt).toUTCString() }
}

/** Whether the client requests a direct upload to Drive. @throws {GatewayError} `bad_request` */
export function requestsDirectUpload(req: IncomingMessage): boolean {
  const value = headerValue(req, directHeader.toLowerCase())
  if (value !== undefined && value !== '1') throw badRequest(`${directHeader} must be 1`)
  return value !== undefined
}

/** @param sessionUri a secret: its holder can send the bytes of this one file, and nothing else */
export function directUrlHeaders(sessionUri: string | undefined): Record<string, string> {
  return sessionUri === undefined ? {} : { 'driveway-direct-url': sessionUri }
}

/** Describes the stored file in headers: a 204 response has no body. */
export function fileHeaders({ id, sha256, webViewLink }: StoredFile): Record<string, string> {
  const isHeaderSafe = webViewLink !== undefined && /^[\x21-\x7e]{1,2048}$/.test(webViewLink)
  return {
    'driveway-file-id': id,
    ...(sha256 === undefined ? {} : { 'driveway-file-sha256': sha256 }),
    ...(isHeaderSafe ? { 'driveway-file-link': webViewLink } : {}),
  }
}
