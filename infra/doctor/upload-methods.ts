/** Every way in, each as one upload of given bytes. */
import { createHash } from 'node:crypto'
import { sendRequest, parseJson } from './http-request.ts'
import type { HttpResponse } from './http-request.ts'
import type { Target } from './target.ts'

export interface TestFile {
  name: string
  bytes: Buffer
  sha256: string
}

export interface UploadMethod {
  name: string
  /** Whether all bytes come in one request, which front ends cap. */
  singleRequest: boolean
  /**
   * @returns the file's id
   * @throws {UploadRefusedError} when any of its requests is refused
   */
  send(patient: Target, trial: TestFile): Promise<string>
}

/** An answer that ends an upload. */
export class UploadRefusedError extends Error {
  override name = 'RefusedError'
  readonly answer: HttpResponse
  constructor(answer: HttpResponse) {
    super(`Answered ${answer.status}`)
    this.answer = answer
  }
}

/** Bytes of one request of tus: whole units of 256 KiB, and below every ceiling. */
const chunkBytes = 16 * 1024 * 1024
const binary = 'application/octet-stream'

export const uploadMethods: readonly UploadMethod[] = [
  {
    name: 'form',
    singleRequest: true,
    async send(patient, { name, bytes }) {
      const edge = 'driveway-doctor'
      const body = Buffer.concat([
        Buffer.from(
          `--${edge}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n` +
            `Content-Type: ${binary}\r\n\r\n`,
        ),
        bytes,
        Buffer.from(`\r\n--${edge}--\r\n`),
      ])
      const answer = await patient.requestAsOperator('/upload', {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${edge}` },
        body,
      })
      const [file] = (parseJson(expecting(answer, 201))['files'] ?? []) as unknown[]
      return idOf(answer, file)
    },
  },
  {
    name: 'raw',
    singleRequest: true,
    async send(patient, { name, bytes, sha256 }) {
      const answer = await patient.requestAsOperator(`/upload/${name}?sha256=${sha256}`, {
        method: 'PUT',
        headers: { 'content-type': binary },
        body: bytes,
      })
      return idOf(answer, parseJson(expecting(answer, 201)))
    },
  },
  {
    name: 'tus',
    singleRequest: false,
    async send(patient, { name, bytes, sha256 }) {
      const tus = { 'tus-resumable': '1.0.0' }
      const words = Object.entries({ filename: name, sha256 })
      const metadata = words.map(([key, value]) => `${key} ${btoa(value)}`).join()
      const made = await patient.requestAsOperator('/upload/tus', {
        method: 'POST',
        headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': metadata },
      })
      const to = pathOf(expecting(made, 201).headers.location)
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const answer = await patient.requestAsOperator(to, {
          method: 'PATCH',
          headers: {
            ...tus,
            'upload-offset': String(at),
            'content-type': 'application/offset+octet-stream',
          },
          body: bytes.subarray(at, at + chunkBytes),
        })
        const id = expecting(answer, 204).headers['driveway-file-id']
        if (typeof id === 'string') return id
      }
      throw new UploadRefusedError(made)
    },
  },
  {
    name: 'ticket',
    singleRequest: false,
    async send(patient, { name, bytes, sha256 }) {
      const given = await patient.requestAsOperator('/upload/tickets', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, type: binary, size: bytes.length, sha256 }),
      })
      const { uploadUrl, completeUrl } = parseJson(expecting(given, 201))
      expecting(await sendRequest(String(uploadUrl), { method: 'PUT', body: bytes }), 200)
      const answer = await patient.requestAsOperator(pathOf(completeUrl), { method: 'POST' })
      return idOf(answer, parseJson(expecting(answer, 201)))
    },
  },
]

export function createTestFile(name: string, bytes: Buffer): TestFile {
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function expecting(answer: HttpResponse, status: number): HttpResponse {
  if (answer.status === status) return answer
  throw new UploadRefusedError(answer)
}

function idOf(answer: HttpResponse, file: unknown): string {
  const { id } = Object(file) as { id?: unknown }
  if (typeof id === 'string') return id
  throw new UploadRefusedError(answer)
}

/** Of an address of Driveway's: asked at the address that is examined, whatever it says itself. */
function pathOf(address: unknown): string {
  const text = String(address)
  return text.startsWith('/') ? text : new URL(text).pathname
}
