/** The upload methods, each as a function that uploads one file. */
import { createHash } from 'node:crypto'
import { parseJson, sendRequest } from './http-request.ts'
import type { HttpResponse } from './http-request.ts'
import type { Target } from './target.ts'

export interface TestFile {
  name: string
  bytes: Buffer
  sha256: string
}

export interface UploadMethod {
  name: string
  /** Whether one request carries the whole file; front ends limit its size. */
  singleRequest: boolean
  /**
   * @returns the file id
   * @throws {UploadRefusedError} when one of the requests is refused
   */
  send(target: Target, file: TestFile): Promise<string>
}

/** A response that ends an upload. */
export class UploadRefusedError extends Error {
  override name = 'UploadRefusedError'
  readonly response: HttpResponse
  constructor(response: HttpResponse) {
    super(`The upload was refused with ${response.status}`)
    this.response = response
  }
}

/** Bytes per tus request: a multiple of 256 KiB, below the limit of every front end. */
const chunkBytes = 16 * 1024 * 1024
const binary = 'application/octet-stream'

export const uploadMethods: readonly UploadMethod[] = [
  {
    name: 'form',
    singleRequest: true,
    async send(target, { name, bytes }) {
      const boundary = 'driveway-doctor'
      const body = Buffer.concat([
        Buffer.from(
          `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n` +
            `Content-Type: ${binary}\r\n\r\n`,
        ),
        bytes,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ])
      const response = await target.requestAsOperator('/upload', {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body,
      })
      const [file] = (parseJson(expectStatus(response, 201))['files'] ?? []) as unknown[]
      return fileIdOf(response, file)
    },
  },
  {
    name: 'raw',
    singleRequest: true,
    async send(target, { name, bytes, sha256 }) {
      const response = await target.requestAsOperator(`/upload/${name}?sha256=${sha256}`, {
        method: 'PUT',
        headers: { 'content-type': binary },
        body: bytes,
      })
      return fileIdOf(response, parseJson(expectStatus(response, 201)))
    },
  },
  {
    name: 'tus',
    singleRequest: false,
    async send(target, { name, bytes, sha256 }) {
      const tus = { 'tus-resumable': '1.0.0' }
      const metadata = Object.entries({ filename: name, sha256 })
        .map(([key, value]) => `${key} ${btoa(value)}`)
        .join()
      const created = await target.requestAsOperator('/upload/tus', {
        method: 'POST',
        headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': metadata },
      })
      const uploadPath = pathOf(expectStatus(created, 201).headers.location)
      for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
        const response = await target.requestAsOperator(uploadPath, {
          method: 'PATCH',
          headers: {
            ...tus,
            'upload-offset': String(offset),
            'content-type': 'application/offset+octet-stream',
          },
          body: bytes.subarray(offset, offset + chunkBytes),
        })
        const id = expectStatus(response, 204).headers['driveway-file-id']
        if (typeof id === 'string') return id
      }
      throw new UploadRefusedError(created)
    },
  },
  {
    name: 'ticket',
    singleRequest: false,
    async send(target, { name, bytes, sha256 }) {
      const ticket = await target.requestAsOperator('/upload/tickets', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, type: binary, size: bytes.length, sha256 }),
      })
      const { uploadUrl, completeUrl } = parseJson(expectStatus(ticket, 201))
      expectStatus(await sendRequest(String(uploadUrl), { method: 'PUT', body: bytes }), 200)
      const response = await target.requestAsOperator(pathOf(completeUrl), { method: 'POST' })
      return fileIdOf(response, parseJson(expectStatus(response, 201)))
    },
  },
]

export function createTestFile(name: string, bytes: Buffer): TestFile {
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function expectStatus(response: HttpResponse, status: number): HttpResponse {
  if (response.status === status) return response
  throw new UploadRefusedError(response)
}

function fileIdOf(response: HttpResponse, file: unknown): string {
  const { id } = Object(file) as { id?: unknown }
  if (typeof id === 'string') return id
  throw new UploadRefusedError(response)
}

/** Returns the path of a URL of Driveway; requests go to the target's origin, not to the URL's. */
function pathOf(url: unknown): string {
  const text = String(url)
  return text.startsWith('/') ? text : new URL(text).pathname
}
