/** A minimal tus client: sends each request exactly as a test describes it. */
import { randomUUID } from 'node:crypto'
import { send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'
import { openConnection, requestHead } from './upload.ts'
import type { RawConnection } from './upload.ts'

/** Drive's chunk unit, in bytes. */
export const chunkUnit = 256 * 1024
export const tusContentType = 'application/offset+octet-stream'

type Headers = Record<string, string | string[]>

/** Encodes the value of `Upload-Metadata`. */
export function encodeMetadata(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

export interface TusClient {
  request(method: string, path: string, headers?: Headers, body?: Buffer): Promise<RawResponse>
  /** Creates an upload. @returns its path */
  create(headers: Headers, body?: Buffer): Promise<string>
  post(headers: Headers, body?: Buffer): Promise<RawResponse>
  head(path: string): Promise<RawResponse>
  patch(path: string, offset: number, body: Buffer, headers?: Headers): Promise<RawResponse>
  remove(path: string): Promise<RawResponse>
}

export function createTusClient({
  origin,
  bearer,
}: Pick<Driveway, 'origin' | 'bearer'>): TusClient {
  const commonHeaders = { ...bearer, 'tus-resumable': '1.0.0' }
  const request: TusClient['request'] = (method, path, headers = {}, body) =>
    send(origin, path, {
      method,
      headers: { ...commonHeaders, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const post: TusClient['post'] = (headers, body) => {
    const type: Headers = body ? { 'content-type': tusContentType } : {}
    return request('POST', '/upload/tus', { ...type, ...headers }, body)
  }
  return {
    request,
    post,
    async create(headers, body) {
      const named = { 'upload-metadata': encodeMetadata({ filename: `${randomUUID()}.bin` }) }
      const response = await post({ ...named, ...headers }, body)
      if (response.status !== 201) {
        throw new Error(`Creation returned ${response.status}: ${response.body}`)
      }
      return pathOf(response.headers.location)
    },
    head: (path) => request('HEAD', path),
    patch(path, offset, body, headers) {
      const common = { 'content-type': tusContentType, 'upload-offset': String(offset) }
      return request('PATCH', path, { ...common, ...headers }, body)
    },
    remove: (path) => request('DELETE', path),
  }
}

/**
 * Sends the head of a PATCH, and leaves its body to the caller.
 *
 * @param options.awaitsContinue waits until the gateway reads the body: it holds the upload's lock
 */
export async function openPatch(
  at: Pick<Driveway, 'origin' | 'bearer'>,
  path: string,
  offset: number,
  length: number,
  options: { awaitsContinue?: boolean } = {},
): Promise<RawConnection> {
  const connection = await openConnection(at.origin)
  const headers = {
    ...(options.awaitsContinue ? { Expect: '100-continue' } : {}),
    'Tus-Resumable': '1.0.0',
    'Content-Type': tusContentType,
    'Upload-Offset': offset,
    'Content-Length': length,
  }
  connection.socket.write(requestHead(at, 'PATCH', path, headers))
  if (options.awaitsContinue) await connection.waitFor((text) => text.includes('100 Continue'))
  return connection
}

/** Returns the path of a Location. */
export function pathOf(location: string | undefined): string {
  return new URL(location ?? '').pathname
}

/** Returns the `Upload-Offset` of a response, `NaN` without one. */
export function offsetOf({ headers }: RawResponse): number {
  return Number(headers['upload-offset'] ?? NaN)
}
