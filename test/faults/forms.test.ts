/** Truncated and mutated forms over sockets, compared with the files in Drive. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { StoredFile } from '../../infra/sandbox/drive/index.ts'
import { fieldPart, parseForm } from '../kit/multipart-fixtures.ts'
import { splitInThree, mutateForm } from '../kit/mutate-multipart.ts'
import { problemCode, filePart, form, send, sendRaw } from '../kit/environment.ts'
import { startEnvironment } from './environment.ts'
import type { FaultEnvironment } from './environment.ts'
import { sha256Of } from './fixture.ts'
import { createRandomInt, pseudoRandomBytes, seed } from '../kit/random.ts'

const cutForms = Number(process.env['CUT_FORMS'] ?? 1)
const mutations = Number(process.env['FORM_RUNS'] ?? 400)

let environment: FaultEnvironment
let known = new Set<string>()

beforeAll(async () => {
  environment = await startEnvironment()
  environment.reset([], () => {})
  const { google, sub } = environment.fixedChunks
  known = new Set(google.drive.filesOf(sub).map(({ id }) => id))
})

afterAll(() => environment.close())

/** The files that were stored since the last call. Lists Drive only after an upload request. */
function newFiles(): StoredFile[] {
  const { google, sub } = environment.fixedChunks
  const hasUploads = google.calls.some((call) => call.startsWith('drive.upload.'))
  google.calls.length = 0
  if (!hasUploads) return []
  const all = google.drive.filesOf(sub)
  const added = all.filter(({ id }) => !known.has(id))
  known = new Set(all.map(({ id }) => id))
  return added
}

test(
  `${cutForms} truncated forms, cut at every byte, are rejected and store no file (SEED=${seed})`,
  async () => {
    const random = createRandomInt(seed)
    let cuts = 0
    for (let count = 0; count < cutForms; count++) {
      const boundary = `b${random(1e9)}`
      const parts = Array.from({ length: random(3) }, (_, at) => fieldPart(`f${at}`, 'some text'))
      const files = Array.from({ length: 1 + random(3) }, (_, at) =>
        filePart(`${at}.bin`, pseudoRandomBytes(random(200), random(1e9))),
      )
      const body = form(boundary, ...parts, ...files)
      // Only the line break after the close delimiter may be missing.
      for (let at = 0; at < body.length - 2; at += 20) {
        const batch = Array.from({ length: Math.min(20, body.length - 2 - at) }, (_, next) =>
          errorOf(boundary, body.subarray(0, at + next)),
        )
        for (const code of await Promise.all(batch)) {
          expect(['truncated', 'malformed_multipart']).toContain(code)
        }
        cuts += batch.length
      }
    }
    expect(newFiles()).toEqual([])
    expect(environment.openSessions()).toBe(0)
    if (cutForms > 1) process.stderr.write(`${cuts} cuts\n`)
  },
  60_000 + cutForms * 10_000,
)

async function errorOf(boundary: string, body: Buffer): Promise<string> {
  const { origin, bearer } = environment.fixedChunks
  const headers = { ...bearer, 'content-type': `multipart/form-data; boundary=${boundary}` }
  const response = await send(origin, '/upload', { method: 'POST', headers, body })
  return `${response.status === 400 ? '' : response.status}${problemCode(response)}`
}

test(
  `${mutations} mutated forms, whole and in pieces, have the same result, and Drive has exactly its files (SEED=${seed})`,
  async () => {
    const random = createRandomInt(seed)
    let accepted = 0
    for (let count = 0; count < mutations; count++) {
      const { boundary, body } = mutateForm(random)
      const parsed = await parseForm([body], boundary)
      const responseText = await sendRaw(environment.fixedChunks.origin, [
        requestHead(boundary, body),
        ...splitInThree(body, random),
      ])
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(responseText)?.[1])
      const details = [JSON.stringify(body.toString('latin1')), boundary, responseText]
      const storedHashes = newFiles().map(({ sha256 }) => String(sha256))
      if ('code' in parsed || status !== 201) {
        // Invalid names and fields are rejected by other code than the form parser.
        expect([details, status >= 400 && status < 500, storedHashes]).toEqual([details, true, []])
        continue
      }
      accepted++
      const expectedHashes = parsed.files.map(([, content]) =>
        sha256Of(Buffer.from(content, 'latin1')),
      )
      expect([details, storedHashes.toSorted(byText)]).toEqual([
        details,
        expectedHashes.toSorted(byText),
      ])
    }
    expect(environment.openSessions()).toBe(0)
    expect(accepted).toBeGreaterThan(mutations / 50)
  },
  60_000 + mutations * 100,
)

function requestHead(boundary: string, body: Buffer): string {
  const lines = [
    'POST /upload HTTP/1.1',
    'Host: localhost',
    `Authorization: ${environment.fixedChunks.bearer['authorization']}`,
    `Content-Type: multipart/form-data; boundary="${boundary}"`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
