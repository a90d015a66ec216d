/** The headers of tus, read strictly and written. */
import type { IncomingMessage } from 'node:http'
import type { StoredFile } from '../../drive/client/protocol.ts'
import { GatewayError } from '../../errors.ts'
import { tooLarge } from '../response.ts'

export const version = '1.0.0'
export const bodyType = 'application/offset+octet-stream'

/** Asks for the address at Drive itself, which only a page of the same origin then can use. */
export const directHeader = 'Driveway-Direct'

/** What a page of another origin may send. */
export const requestHeaders = [
  'Tus-Resumable',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Checksum',
  'X-HTTP-Method-Override',
  directHeader,
  'X-Request-ID', // which clients can be told to add
]

/** @throws {GatewayError} `tus_version`, before anything else is looked at */
export function checkVersion(req: IncomingMessage): void {
  if (header(req, 'tus-resumable') === version) return
  throw new GatewayError('tus_version', 'Tus-Resumable is not 1.0.0', {
    headers: { 'tus-version': version },
  })
}

/** A header's value; the values of one that is there twice, which no number is. */
export function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Bytes, from `Upload-Offset` or `Upload-Length`. @throws {GatewayError} `bad_request` */
export function readBytes(req: IncomingMessage, name: string): number | undefined {
  const value = header(req, name)
  if (value === undefined) return undefined
  if (/^\d{1,400}$/.test(value)) return Number(value)
  throw bad(`${name} must be a number of bytes`)
}

/** @throws {GatewayError} `too_large`, `bad_request` */
export function readLength(req: IncomingMessage, maxFileBytes: number): number | undefined {
  const length = readBytes(req, 'upload-length')
  if (length !== undefined && length > maxFileBytes) throw tooLarge(maxFileBytes)
  return length
}

/** @throws {GatewayError} `unsupported_media_type` */
export function checkBodyType(req: IncomingMessage): void {
  if (header(req, 'content-type') === bodyType) return
  throw new GatewayError('unsupported_media_type', 'Content-Type is not tus’s', {
    detail: `Send the bytes as ${bodyType}`,
  })
}

export function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}

/** How long an upload can still be continued. */
export function expiry(expiresAt: number): Record<string, string> {
  return { 'upload-expires': new Date(expiresAt).toUTCString() }
}

/** Whether the caller wants to send its bytes straight to Drive. @throws {GatewayError} `bad_request` */
export function wantsDirect(req: IncomingMessage): boolean {
  const value = header(req, directHeader.toLowerCase())
  if (value !== undefined && value !== '1') throw bad(`${directHeader} can be 1 only`)
  return value !== undefined
}

/** @param sessionUri a secret: whoever has it can send this one file, and nothing else */
export function directUrl(sessionUri: string | undefined): Record<string, string> {
  return sessionUri === undefined ? {} : { 'driveway-direct-url': sessionUri }
}

/** What became of an upload: a 204 has no body to say it in. */
export function fileHeaders({ id, sha256, webViewLink }: StoredFile): Record<string, string> {
  const isPlain = webViewLink !== undefined && /^[\x21-\x7e]{1,2048}$/.test(webViewLink)
  return {
    'driveway-file-id': id,
    ...(sha256 === undefined ? {} : { 'driveway-file-sha256': sha256 }),
    ...(isPlain ? { 'driveway-file-link': webViewLink } : {}),
  }
}
