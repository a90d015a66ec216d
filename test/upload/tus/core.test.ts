/**
 * The core of tus 1.0: every sentence of it with a MUST in it that is a server's to keep, and a
 * refusal for each client that does not keep its own.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { expectStored, pattern } from '../../faults/fixture.ts'
import { codeOf, send } from '../../kit/environment.ts'
import type { Uploading } from '../../kit/upload.ts'
import { startUploading } from '../../kit/upload.ts'
import { bodyType, metadata, offsetOf, pathOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

let driveway: Uploading
let client: Tus
const max = 8 * unit

beforeAll(async () => {
  driveway = await startUploading({
    env: { MAX_FILE_BYTES: String(max) },
    gateway: { chunkBytes: unit },
  })
  client = tus(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.calls.length = 0
  driveway.google.drive.forgetSessions()
})

/** An upload of three units, of which Drive has one. */
async function begun(): Promise<string> {
  const path = await client.create({ 'upload-length': String(3 * unit) })
  expect((await client.patch(path, 0, pattern(unit))).status).toBe(204)
  return path
}

/** A POST that stands for another method. */
function override(method: string): Record<string, string> {
  return {
    'x-http-method-override': method,
    'content-type': bodyType,
    'upload-offset': String(unit),
  }
}

describe('Upload-Offset and Upload-Length', () => {
  test.each(['-1', '1.5', '0x10', '1e3', '', ' ', '0, 0', 'abc', '+0'])(
    '1: an Upload-Offset of "%s" is no offset',
    async (offset) => {
      const path = await begun()
      const answer = await client.patch(path, 0, pattern(unit), { 'upload-offset': offset })
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
      expect(offsetOf(await client.head(path))).toBe(unit)
    },
  )
  test.each(['-1', '1.5', '1e20', '', '0x10', '1, 1', 'abc'])(
    '2: an Upload-Length of "%s" is no length (case 66)',
    async (length) => {
      const answer = await client.post({ 'upload-length': length })
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
      expect(driveway.driveCalls()).toEqual([])
    },
  )
})

describe('Tus-Version and Tus-Resumable', () => {
  const methods = ['POST', 'HEAD', 'PATCH', 'DELETE']

  test('3: Tus-Version is a list that begins with the version preferred', async () => {
    const { headers } = await client.ask('OPTIONS', '/upload/tus')
    expect(headers['tus-version']).toBe('1.0.0')
  })
  test('4: every answer but that to OPTIONS has Tus-Resumable, refusals too', async () => {
    const path = await begun()
    const answers = [
      await client.post({ 'upload-length': '5' }),
      await client.post({}),
      await client.head(path),
      await client.head('/upload/tus/nothing'),
      await client.patch(path, unit, pattern(unit)),
      await client.patch(path, 7, pattern(unit)),
      await send(driveway.origin, path, { method: 'HEAD' }),
      await client.remove(path),
    ]
    expect(answers.map(({ status }) => status)).toEqual([201, 400, 200, 404, 204, 409, 412, 204])
    for (const { headers } of answers) expect(headers['tus-resumable']).toBe('1.0.0')
  })
  test.each(['0.2.2', '1.0', '2.0.0', '', '1.0.0, 1.0.0'])(
    '5–7: version "%s" gets 412 with Tus-Version, and nothing is done (case 66)',
    async (version) => {
      const path = await begun()
      for (const method of methods) {
        const answer = await client.ask(
          method,
          method === 'POST' ? '/upload/tus' : path,
          {
            'tus-resumable': version,
            'upload-length': '5',
            'upload-offset': String(unit),
            'content-type': bodyType,
          },
          method === 'PATCH' ? pattern(unit) : undefined,
        )
        expect([answer.status, answer.headers['tus-version']]).toEqual([412, '1.0.0'])
      }
      expect(offsetOf(await client.head(path))).toBe(unit)
      expect(driveway.google.drive.openSessions()).toBe(1)
    },
  )
  test('8: a client that says no version is refused too', async () => {
    const { bearer, origin } = driveway
    const headers = { ...bearer, 'upload-length': '5' }
    const answer = await send(origin, '/upload/tus', { method: 'POST', headers })
    expect([answer.status, codeOf(answer)]).toEqual([412, 'tus_version'])
  })
})

describe('Tus-Extension and Tus-Max-Size', () => {
  test('9: Tus-Extension lists what there is', async () => {
    const { headers } = await client.ask('OPTIONS', '/upload/tus')
    expect(headers['tus-extension']).toBe(
      'creation,creation-with-upload,creation-defer-length,checksum,expiration,termination',
    )
  })
  test('10: Tus-Max-Size is the largest upload, and one byte more gets 413', async () => {
    const { headers } = await client.ask('OPTIONS', '/upload/tus')
    expect(headers['tus-max-size']).toBe(String(max))
    expect((await client.post({ 'upload-length': String(max) })).status).toBe(201)
    for (const length of [String(max + 1), '9'.repeat(30)]) {
      const answer = await client.post({ 'upload-length': length })
      expect([answer.status, codeOf(answer)]).toEqual([413, 'too_large'])
    }
  })
})

describe('X-HTTP-Method-Override', () => {
  test('11: a POST to an upload is what the header says, whatever POST means', async () => {
    const path = await begun()
    const patched = await client.ask('POST', path, override('PATCH'), pattern(unit))
    expect([patched.status, offsetOf(patched)]).toEqual([204, 2 * unit])
    expect((await client.ask('POST', path, override('DELETE'))).status).toBe(204)
    expect((await client.head(path)).status).toBe(410)
  })
  test('12: any other method that hides another is refused (case 67)', async () => {
    const path = await begun()
    const headers = { 'x-http-method-override': 'DELETE' }
    expect((await client.patch(path, unit, pattern(unit), headers)).status).toBe(400)
    expect((await client.ask('HEAD', path, headers)).status).toBe(400)
    expect((await client.ask('GET', path, headers)).status).toBe(405)
    expect((await client.ask('POST', path, { 'x-http-method-override': 'GET' })).status).toBe(405)
    expect((await client.ask('POST', path)).status).toBe(405)
    expect(offsetOf(await client.head(path))).toBe(unit)
  })
})

describe('HEAD', () => {
  test('13: Upload-Offset is there at nothing, at something and at the end', async () => {
    const bytes = pattern(unit + 5)
    const path = await client.create({ 'upload-length': String(bytes.length) })
    expect(offsetOf(await client.head(path))).toBe(0)
    await client.patch(path, 0, bytes.subarray(0, unit))
    expect(offsetOf(await client.head(path))).toBe(unit)
    await client.patch(path, unit, bytes.subarray(unit))
    expect(offsetOf(await client.head(path))).toBe(unit + 5)
  })
  test('14: Upload-Length is there where it is known', async () => {
    const { headers } = await client.head(await begun())
    expect(headers['upload-length']).toBe(String(3 * unit))
    expect(headers['upload-defer-length']).toBeUndefined()
  })
  test('15: what is not there has no Upload-Offset', async () => {
    const answer = await client.head('/upload/tus/eyJhbGciOiJkaXIifQ..a.b.c')
    expect([answer.status, answer.headers['upload-offset']]).toEqual([404, undefined])
  })
  test('16: no answer may be kept by anybody', async () => {
    const path = await begun()
    expect((await client.head(path)).headers['cache-control']).toBe('no-store')
    expect((await client.head('/upload/tus/nothing')).headers['cache-control']).toBe('no-store')
  })
})

describe('PATCH', () => {
  test('17: bytes are taken at the offset where Drive stopped', async () => {
    const path = await begun()
    const answer = await client.patch(path, unit, pattern(unit))
    expect([answer.status, offsetOf(answer)]).toEqual([204, 2 * unit])
  })
  test.each([undefined, 'application/octet-stream', 'text/plain', `${bodyType}; charset=utf-8`])(
    '18: a body of type %s gets 415 (case 67)',
    async (type) => {
      const path = await begun()
      const headers = { 'upload-offset': String(unit), ...(type ? { 'content-type': type } : {}) }
      const answer = await client.ask('PATCH', path, headers, pattern(unit))
      expect([answer.status, codeOf(answer)]).toEqual([415, 'unsupported_media_type'])
      expect(offsetOf(await client.head(path))).toBe(unit)
    },
  )
  test('19: Upload-Offset has to be there (case 67)', async () => {
    const path = await begun()
    const answer = await client.ask('PATCH', path, { 'content-type': bodyType }, pattern(unit))
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
  })
  test.each([0, 1, unit - 1, unit + 1, 2 * unit, 4 * unit])(
    '20–21: offset %i is not where it stopped: 409, the true offset, and nothing changed (case 67)',
    async (offset) => {
      const path = await begun()
      const answer = await client.patch(path, offset, pattern(unit))
      expect([answer.status, codeOf(answer)]).toEqual([409, 'offset_mismatch'])
      expect(offsetOf(answer)).toBe(unit)
      expect(offsetOf(await client.head(path))).toBe(unit)
    },
  )
  test('22–24: success is 204 without a body, and the offset is the sum', async () => {
    const bytes = pattern(2 * unit + 9)
    const length = { 'upload-length': String(bytes.length) }
    const name = 'sum.bin'
    const path = await client.create({ ...length, 'upload-metadata': metadata({ name }) })
    const first = await client.patch(path, 0, bytes.subarray(0, unit))
    const last = await client.patch(path, unit, bytes.subarray(unit))
    expect([first.status, first.body, offsetOf(first)]).toEqual([204, '', unit])
    expect([last.status, last.body, offsetOf(last)]).toEqual([204, '', bytes.length])
    expectStored(driveway, { answer: { ...last, status: 201 }, name, bytes })
    expect(last.headers['driveway-file-id']).toBe(driveway.uploaded().at(-1)?.id)
    expect(last.headers['driveway-file-sha256']).toMatch(/^[0-9a-f]{64}$/)
  })
  test('25: what is not there gets 404', async () => {
    const answer = await client.patch('/upload/tus/nothing', 0, pattern(unit))
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found'])
  })
  test('a body that goes beyond the end is refused, declared or not (case 67)', async () => {
    const path = await begun()
    const answer = await client.patch(path, unit, pattern(2 * unit + 1))
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    const chunked = { 'transfer-encoding': 'chunked' }
    const unsaid = await client.patch(path, unit, pattern(2 * unit + 1), chunked)
    expect([unsaid.status, codeOf(unsaid)]).toEqual([400, 'bad_request'])
    expect(driveway.uploaded().filter(({ size }) => size === 3 * unit)).toEqual([])
  })
})

describe('OPTIONS', () => {
  test('26: it succeeds with Tus-Version, whoever asks, at every address', async () => {
    for (const path of ['/upload/tus', '/upload/tus/', '/upload/tus/abc']) {
      const answer = await send(driveway.origin, path, { method: 'OPTIONS' })
      expect([path, answer.status, answer.headers['tus-version']]).toEqual([path, 204, '1.0.0'])
      expect(answer.headers['allow']?.split(', ')).toContain(
        path.endsWith('abc') ? 'PATCH' : 'POST',
      )
    }
    expect(driveway.google.calls).toEqual([])
  })
  test('27: Tus-Resumable in the request makes no difference', async () => {
    const headers = { 'tus-resumable': '0.2.2' }
    const answer = await send(driveway.origin, '/upload/tus', { method: 'OPTIONS', headers })
    expect([answer.status, answer.headers['tus-version']]).toEqual([204, '1.0.0'])
  })
})

test('an upload’s address is under the public one, whatever Host says', async () => {
  for (const host of ['evil.example', 'evil.example:8080']) {
    const { headers } = await client.post({ 'upload-length': '9', host, 'x-forwarded-host': host })
    expect(headers.location).toMatch(new RegExp(`^${driveway.origin}/upload/tus/[\\w.-]+$`))
    expect((await client.head(pathOf(headers.location))).status).toBe(200)
  }
})
