/** Speaking tus by hand: each request as the protocol writes it, nothing added. */
import { randomUUID } from 'node:crypto'
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

export const unit = 256 * 1024
export const bodyType = 'application/offset+octet-stream'

type Headers = Record<string, string | string[]>

/** The value of `Upload-Metadata`. */
export function metadata(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

export interface Tus {
  ask(method: string, path: string, headers?: Headers, body?: Buffer): Promise<RawAnswer>
  /** Creates an upload. @returns its path */
  create(headers: Headers, body?: Buffer): Promise<string>
  post(headers: Headers, body?: Buffer): Promise<RawAnswer>
  head(path: string): Promise<RawAnswer>
  patch(path: string, offset: number, body: Buffer, headers?: Headers): Promise<RawAnswer>
  remove(path: string): Promise<RawAnswer>
}

/** @param bearer another person's, where it is given */
export function tus({ origin, bearer }: Pick<Driveway, 'origin' | 'bearer'>): Tus {
  const spoken = { ...bearer, 'tus-resumable': '1.0.0' }
  const ask: Tus['ask'] = (method, path, headers = {}, body) =>
    send(origin, path, {
      method,
      headers: { ...spoken, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const post: Tus['post'] = (headers, body) =>
    ask('POST', '/upload/tus', { ...(body ? { 'content-type': bodyType } : {}), ...headers }, body)
  return {
    ask,
    post,
    async create(headers, body) {
      const named = { 'upload-metadata': metadata({ filename: `${randomUUID()}.bin` }) }
      const { status, headers: answer, body: text } = await post({ ...named, ...headers }, body)
      if (status !== 201) throw new Error(`Not created: ${status} ${text}`)
      return pathOf(answer.location)
    },
    head: (path) => ask('HEAD', path),
    patch: (path, offset, body, headers) =>
      ask(
        'PATCH',
        path,
        { 'content-type': bodyType, 'upload-offset': String(offset), ...headers },
        body,
      ),
    remove: (path) => ask('DELETE', path),
  }
}

export function pathOf(location: string | undefined): string {
  return new URL(location ?? '').pathname
}

/** Where an upload stands, as HEAD tells it. */
export function offsetOf({ headers }: RawAnswer): number {
  return Number(headers['upload-offset'] ?? NaN)
}
