/**
 * The core protocol of tus 1.0.0: every MUST for servers, and the error for each MUST that a client
 * violates.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { expectStored, pattern } from '../../faults/fixture.ts'
import { send } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import {
  chunkUnit,
  createTusClient,
  encodeMetadata,
  offsetOf,
  pathOf,
  tusContentType,
} from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: UploadGateway
let client: TusClient
const max = 8 * chunkUnit

beforeAll(async () => {
  driveway = await startUploadGateway({
    env: { MAX_FILE_BYTES: String(max) },
    gateway: { chunkBytes: chunkUnit },
  })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.calls.length = 0
  driveway.google.drive.expireSessions()
})

/** Starts an upload of three units, of which Drive stores one. */
async function startUpload(): Promise<string> {
  const path = await client.create({ 'upload-length': String(3 * chunkUnit) })
  expect((await client.patch(path, 0, pattern(chunkUnit))).status).toBe(204)
  return path
}

/** Returns the headers of a POST that overrides a method. */
function overrideHeaders(method: string): Record<string, string> {
  return {
    'x-http-method-override': method,
    'content-type': tusContentType,
    'upload-offset': String(chunkUnit),
  }
}

describe('Upload-Offset and Upload-Length', () => {
  test.each(['-1', '1.5', '0x10', '1e3', '', ' ', '0, 0', 'abc', '+0'])(
    'PATCH returns bad_request for the Upload-Offset "%s"',
    async (offset) => {
      const path = await startUpload()
      const response = await client.patch(path, 0, pattern(chunkUnit), { 'upload-offset': offset })
      expectProblem(response, 400, 'bad_request')
      expect(offsetOf(await client.head(path))).toBe(chunkUnit)
    },
  )
  test.each(['-1', '1.5', '1e20', '', '0x10', '1, 1', 'abc'])(
    'POST returns bad_request for the Upload-Length "%s"',
    async (length) => {
      const response = await client.post({ 'upload-length': length })
      expectProblem(response, 400, 'bad_request')
      expect(driveway.driveCalls()).toEqual([])
    },
  )
})

describe('Tus-Version and Tus-Resumable', () => {
  const methods = ['POST', 'HEAD', 'PATCH', 'DELETE']

  test('OPTIONS returns the preferred version first in Tus-Version', async () => {
    const { headers } = await client.request('OPTIONS', '/upload/tus')
    expect(headers['tus-version']).toBe('1.0.0')
  })
  test('every response except to OPTIONS has Tus-Resumable, errors included', async () => {
    const path = await startUpload()
    const responses = [
      await client.post({ 'upload-length': '5' }),
      await client.post({}),
      await client.head(path),
      await client.head('/upload/tus/nothing'),
      await client.patch(path, chunkUnit, pattern(chunkUnit)),
      await client.patch(path, 7, pattern(chunkUnit)),
      await send(driveway.origin, path, { method: 'HEAD' }),
      await client.remove(path),
    ]
    expect(responses.map(({ status }) => status)).toEqual([201, 400, 200, 404, 204, 409, 412, 204])
    for (const { headers } of responses) expect(headers['tus-resumable']).toBe('1.0.0')
  })
  test.each(['0.2.2', '1.0', '2.0.0', '', '1.0.0, 1.0.0'])(
    'every method returns 412 with Tus-Version for the version "%s", and does nothing',
    async (version) => {
      const path = await startUpload()
      for (const method of methods) {
        const response = await client.request(
          method,
          method === 'POST' ? '/upload/tus' : path,
          {
            'tus-resumable': version,
            'upload-length': '5',
            'upload-offset': String(chunkUnit),
            'content-type': tusContentType,
          },
          method === 'PATCH' ? pattern(chunkUnit) : undefined,
        )
        expect([response.status, response.headers['tus-version']]).toEqual([412, '1.0.0'])
      }
      expect(offsetOf(await client.head(path))).toBe(chunkUnit)
      expect(driveway.google.drive.openSessions()).toBe(1)
    },
  )
  test('POST returns tus_version without Tus-Resumable', async () => {
    const { bearer, origin } = driveway
    const headers = { ...bearer, 'upload-length': '5' }
    const response = await send(origin, '/upload/tus', { method: 'POST', headers })
    expectProblem(response, 412, 'tus_version')
  })
})

describe('Tus-Extension and Tus-Max-Size', () => {
  test('OPTIONS lists the extensions in Tus-Extension', async () => {
    const { headers } = await client.request('OPTIONS', '/upload/tus')
    expect(headers['tus-extension']).toBe(
      'creation,creation-with-upload,creation-defer-length,checksum,checksum-trailer,expiration,termination',
    )
  })
  test('OPTIONS returns the maximum in Tus-Max-Size, and POST returns 413 for a longer upload', async () => {
    const { headers } = await client.request('OPTIONS', '/upload/tus')
    expect(headers['tus-max-size']).toBe(String(max))
    expect((await client.post({ 'upload-length': String(max) })).status).toBe(201)
    for (const length of [String(max + 1), '9'.repeat(30)]) {
      const response = await client.post({ 'upload-length': length })
      expectProblem(response, 413, 'too_large')
    }
  })
})

describe('X-HTTP-Method-Override', () => {
  test('a POST to an upload runs as the method in X-HTTP-Method-Override', async () => {
    const path = await startUpload()
    const patched = await client.request('POST', path, overrideHeaders('PATCH'), pattern(chunkUnit))
    expect([patched.status, offsetOf(patched)]).toEqual([204, 2 * chunkUnit])
    expect((await client.request('POST', path, overrideHeaders('DELETE'))).status).toBe(204)
    expect((await client.head(path)).status).toBe(410)
  })
  test('any other method with X-HTTP-Method-Override is rejected', async () => {
    const path = await startUpload()
    const headers = { 'x-http-method-override': 'DELETE' }
    expect((await client.patch(path, chunkUnit, pattern(chunkUnit), headers)).status).toBe(400)
    expect((await client.request('HEAD', path, headers)).status).toBe(400)
    expect((await client.request('GET', path, headers)).status).toBe(405)
    expect((await client.request('POST', path, { 'x-http-method-override': 'GET' })).status).toBe(
      405,
    )
    expect((await client.request('POST', path)).status).toBe(405)
    expect(offsetOf(await client.head(path))).toBe(chunkUnit)
  })
})

describe('HEAD', () => {
  test('HEAD returns Upload-Offset at the start, in the middle and at the end', async () => {
    const bytes = pattern(chunkUnit + 5)
    const path = await client.create({ 'upload-length': String(bytes.length) })
    expect(offsetOf(await client.head(path))).toBe(0)
    await client.patch(path, 0, bytes.subarray(0, chunkUnit))
    expect(offsetOf(await client.head(path))).toBe(chunkUnit)
    await client.patch(path, chunkUnit, bytes.subarray(chunkUnit))
    expect(offsetOf(await client.head(path))).toBe(chunkUnit + 5)
  })
  test('HEAD returns Upload-Length when it is known', async () => {
    const { headers } = await client.head(await startUpload())
    expect(headers['upload-length']).toBe(String(3 * chunkUnit))
    expect(headers['upload-defer-length']).toBeUndefined()
  })
  test('HEAD returns 404 without Upload-Offset for an unknown upload', async () => {
    const response = await client.head('/upload/tus/eyJhbGciOiJkaXIifQ..a.b.c')
    expect([response.status, response.headers['upload-offset']]).toEqual([404, undefined])
  })
  test('HEAD returns Cache-Control: no-store', async () => {
    const path = await startUpload()
    expect((await client.head(path)).headers['cache-control']).toBe('no-store')
    expect((await client.head('/upload/tus/nothing')).headers['cache-control']).toBe('no-store')
  })
})

describe('PATCH', () => {
  test('PATCH appends bytes at the stored offset', async () => {
    const path = await startUpload()
    const response = await client.patch(path, chunkUnit, pattern(chunkUnit))
    expect([response.status, offsetOf(response)]).toEqual([204, 2 * chunkUnit])
  })
  test.each([
    undefined,
    'application/octet-stream',
    'text/plain',
    `${tusContentType}; charset=utf-8`,
  ])('PATCH returns 415 for the Content-Type %s', async (type) => {
    const path = await startUpload()
    const headers = {
      'upload-offset': String(chunkUnit),
      ...(type ? { 'content-type': type } : {}),
    }
    const response = await client.request('PATCH', path, headers, pattern(chunkUnit))
    expectProblem(response, 415, 'unsupported_media_type')
    expect(offsetOf(await client.head(path))).toBe(chunkUnit)
  })
  test('PATCH returns bad_request without Upload-Offset', async () => {
    const path = await startUpload()
    const response = await client.request(
      'PATCH',
      path,
      { 'content-type': tusContentType },
      pattern(chunkUnit),
    )
    expectProblem(response, 400, 'bad_request')
  })
  test.each([0, 1, chunkUnit - 1, chunkUnit + 1, 2 * chunkUnit, 4 * chunkUnit])(
    'PATCH returns 409 with the stored offset for the offset %i, and stores nothing',
    async (offset) => {
      const path = await startUpload()
      const response = await client.patch(path, offset, pattern(chunkUnit))
      expectProblem(response, 409, 'offset_mismatch')
      expect(offsetOf(response)).toBe(chunkUnit)
      expect(offsetOf(await client.head(path))).toBe(chunkUnit)
    },
  )
  test('PATCH returns 204 without a body, and the new offset', async () => {
    const bytes = pattern(2 * chunkUnit + 9)
    const length = { 'upload-length': String(bytes.length) }
    const name = 'sum.bin'
    const path = await client.create({ ...length, 'upload-metadata': encodeMetadata({ name }) })
    const first = await client.patch(path, 0, bytes.subarray(0, chunkUnit))
    const last = await client.patch(path, chunkUnit, bytes.subarray(chunkUnit))
    expect([first.status, first.body, offsetOf(first)]).toEqual([204, '', chunkUnit])
    expect([last.status, last.body, offsetOf(last)]).toEqual([204, '', bytes.length])
    expectStored(driveway, { response: { ...last, status: 201 }, name, bytes })
    expect(last.headers['driveway-file-id']).toBe(driveway.uploaded().at(-1)?.id)
    expect(last.headers['driveway-file-sha256']).toMatch(/^[0-9a-f]{64}$/)
  })
  test('PATCH returns 404 for an unknown upload', async () => {
    const response = await client.patch('/upload/tus/nothing', 0, pattern(chunkUnit))
    expectProblem(response, 404, 'not_found')
  })
  test('PATCH returns bad_request for a body beyond the length, with and without Content-Length', async () => {
    const path = await startUpload()
    const response = await client.patch(path, chunkUnit, pattern(2 * chunkUnit + 1))
    expectProblem(response, 400, 'bad_request')
    const chunked = { 'transfer-encoding': 'chunked' }
    const withoutLength = await client.patch(path, chunkUnit, pattern(2 * chunkUnit + 1), chunked)
    expectProblem(withoutLength, 400, 'bad_request')
    expect(driveway.uploaded().filter(({ size }) => size === 3 * chunkUnit)).toEqual([])
  })
})

describe('OPTIONS', () => {
  test('OPTIONS returns Tus-Version without a credential, at every URL', async () => {
    for (const path of ['/upload/tus', '/upload/tus/', '/upload/tus/abc']) {
      const response = await send(driveway.origin, path, { method: 'OPTIONS' })
      expect([path, response.status, response.headers['tus-version']]).toEqual([path, 204, '1.0.0'])
      expect(response.headers['allow']?.split(', ')).toContain(
        path.endsWith('abc') ? 'PATCH' : 'POST',
      )
    }
    expect(driveway.google.calls).toEqual([])
  })
  test('OPTIONS ignores Tus-Resumable', async () => {
    const headers = { 'tus-resumable': '0.2.2' }
    const response = await send(driveway.origin, '/upload/tus', { method: 'OPTIONS', headers })
    expect([response.status, response.headers['tus-version']]).toEqual([204, '1.0.0'])
  })
})

test('POST returns a Location under the public URL for any Host', async () => {
  for (const host of ['evil.example', 'evil.example:8080']) {
    const { headers } = await client.post({ 'upload-length': '9', host, 'x-forwarded-host': host })
    expect(headers.location).toMatch(new RegExp(`^${driveway.origin}/upload/tus/[\\w.-]+$`))
    expect((await client.head(pathOf(headers.location))).status).toBe(200)
  }
})
