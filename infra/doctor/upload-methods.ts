/** Every way in, each as one upload of given bytes. */
import { createHash } from 'node:crypto'
import { ask, jsonOf } from './http-request.ts'
import type { Answer } from './http-request.ts'
import type { Patient } from './target.ts'

export interface Trial {
  name: string
  bytes: Buffer
  sha256: string
}

export interface Way {
  name: string
  /** Whether all bytes come in one request, which front ends cap. */
  atOnce: boolean
  /**
   * @returns the file's id
   * @throws {RefusedError} when any of its requests is refused
   */
  send(patient: Patient, trial: Trial): Promise<string>
}

/** An answer that ends an upload. */
export class RefusedError extends Error {
  override name = 'RefusedError'
  readonly answer: Answer
  constructor(answer: Answer) {
    super(`Answered ${answer.status}`)
    this.answer = answer
  }
}

/** Bytes of one request of tus: whole units of 256 KiB, and below every ceiling. */
const chunkBytes = 16 * 1024 * 1024
const binary = 'application/octet-stream'

export const ways: readonly Way[] = [
  {
    name: 'form',
    atOnce: true,
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
      const answer = await patient.askAs('/upload', {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${edge}` },
        body,
      })
      const [file] = (jsonOf(expecting(answer, 201))['files'] ?? []) as unknown[]
      return idOf(answer, file)
    },
  },
  {
    name: 'raw',
    atOnce: true,
    async send(patient, { name, bytes, sha256 }) {
      const answer = await patient.askAs(`/upload/${name}?sha256=${sha256}`, {
        method: 'PUT',
        headers: { 'content-type': binary },
        body: bytes,
      })
      return idOf(answer, jsonOf(expecting(answer, 201)))
    },
  },
  {
    name: 'tus',
    atOnce: false,
    async send(patient, { name, bytes, sha256 }) {
      const tus = { 'tus-resumable': '1.0.0' }
      const words = Object.entries({ filename: name, sha256 })
      const metadata = words.map(([key, value]) => `${key} ${btoa(value)}`).join()
      const made = await patient.askAs('/upload/tus', {
        method: 'POST',
        headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': metadata },
      })
      const to = pathOf(expecting(made, 201).headers.location)
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const answer = await patient.askAs(to, {
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
      throw new RefusedError(made)
    },
  },
  {
    name: 'ticket',
    atOnce: false,
    async send(patient, { name, bytes, sha256 }) {
      const given = await patient.askAs('/upload/tickets', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, type: binary, size: bytes.length, sha256 }),
      })
      const { uploadUrl, completeUrl } = jsonOf(expecting(given, 201))
      expecting(await ask(String(uploadUrl), { method: 'PUT', body: bytes }), 200)
      const answer = await patient.askAs(pathOf(completeUrl), { method: 'POST' })
      return idOf(answer, jsonOf(expecting(answer, 201)))
    },
  },
]

export function trialOf(name: string, bytes: Buffer): Trial {
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function expecting(answer: Answer, status: number): Answer {
  if (answer.status === status) return answer
  throw new RefusedError(answer)
}

function idOf(answer: Answer, file: unknown): string {
  const { id } = Object(file) as { id?: unknown }
  if (typeof id === 'string') return id
  throw new RefusedError(answer)
}

/** Of an address of Driveway's: asked at the address that is examined, whatever it says itself. */
function pathOf(address: unknown): string {
  const text = String(address)
  return text.startsWith('/') ? text : new URL(text).pathname
}
