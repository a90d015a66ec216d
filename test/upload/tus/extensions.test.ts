/** The supported extensions of tus 1.0.0: their MUSTs and their errors. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { problemCode } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { expectNothingStored, startUploadGateway } from '../../kit/upload.ts'
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
let time = Date.parse('2026-03-01T12:00:00Z')
const dayMs = 24 * 60 * 60 * 1000

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { chunkBytes: chunkUnit, now: () => time } })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.calls.length = 0
  driveway.google.drive.expireSessions()
})

/** Returns name, size and SHA-256 of each uploaded file. */
function storedFiles(): unknown[] {
  return driveway.uploaded().map(({ name, size, sha256 }) => [name, size, sha256])
}

/** Returns the `Upload-Checksum` header of some bytes. */
function checksumOf(algorithm: string, bytes: Buffer): { 'upload-checksum': string } {
  const digest = createHash(algorithm).update(bytes).digest('base64')
  return { 'upload-checksum': `${algorithm} ${digest}` }
}

describe('creation: POST', () => {
  test('returns 201 with the Location of an upload at offset 0', async () => {
    const response = await client.post({ 'upload-length': '100' })
    expect([response.status, response.body]).toEqual([201, ''])
    expect(offsetOf(await client.head(pathOf(response.headers.location)))).toBe(0)
  })
  test.each<[string, Record<string, string>]>([
    ['no length', {}],
    ['both lengths', { 'upload-length': '5', 'upload-defer-length': '1' }],
    ['a deferral of 0', { 'upload-defer-length': '0' }],
    ['a deferral of 2', { 'upload-defer-length': '2' }],
    ['a partial upload', { 'upload-length': '5', 'upload-concat': 'partial' }],
    ['a concatenation', { 'upload-concat': 'final;/upload/tus/a' }],
  ])('returns bad_request for %s', async (_, headers) => {
    const response = await client.post(headers)
    expectProblem(response, 400, 'bad_request')
    expectNothingStored(driveway)
  })
  test('stores an empty file at its creation', async () => {
    const headers = {
      'upload-length': '0',
      'upload-metadata': encodeMetadata({ filename: 'none' }),
    }
    const response = await client.post(headers)
    expect([response.status, offsetOf(response)]).toEqual([201, 0])
    expect(storedFiles()).toEqual([['none', 0, sha256Of(Buffer.alloc(0))]])
    const head = await client.head(pathOf(response.headers.location))
    expect([offsetOf(head), head.headers['upload-length']]).toEqual([0, '0'])
  })
})

describe('Upload-Metadata', () => {
  test('sets name, type and folder of the file, and HEAD returns it unchanged', async () => {
    const folder = driveway.google.drive.rootOf(driveway.sub)
    const bytes = pattern(5)
    const metadata = `${encodeMetadata({ filename: 'a/b/каф é.txt', filetype: 'text/plain', folder, own: 'x' })},flag`
    const path = await client.create({ 'upload-length': '5', 'upload-metadata': metadata })
    expect((await client.head(path)).headers['upload-metadata']).toBe(metadata)
    expect((await client.patch(path, 0, bytes)).status).toBe(204)
    expect((await client.head(path)).headers['upload-metadata']).toBe(metadata)
    const [file] = driveway.uploaded()
    expect([file?.name, file?.mimeType, file?.parents]).toEqual([
      'a/b/каф é.txt',
      'text/plain',
      [folder],
    ])
  })
  test.each([
    ['AC/DC - x.mp3', 'AC/DC - x.mp3'],
    ['/x', '/x'],
    [String.raw`foo\n.csv`, String.raw`foo\n.csv`],
    [String.raw`C:\Music\x.mp3`, 'x.mp3'],
    [String.raw`\\server\music\x.mp3`, 'x.mp3'],
  ])('with the filename %s names the file %s', async (filename, name) => {
    const metadata = encodeMetadata({ filename })
    await client.create({ 'upload-length': '0', 'upload-metadata': metadata })
    expect(driveway.uploaded().map((file) => file.name)).toEqual([name])
  })
  test('sets the name by filename, then by name, by default to Untitled', async () => {
    await client.create({
      'upload-length': '0',
      'upload-metadata': encodeMetadata({ name: 'second', filename: 'first' }),
    })
    await client.create({
      'upload-length': '0',
      'upload-metadata': encodeMetadata({ type: 'image/png' }),
    })
    expect(driveway.uploaded().map(({ name }) => name)).toEqual(['first', 'Untitled'])
  })
  test.each([
    ['a value that is not Base64', 'filename a.txt'],
    ['Base64 without its padding', 'filename YQ'],
    ['Base64 that is not canonical', 'filename YR=='],
    ['base64url', 'filename -_-_'],
    ['a duplicate key', 'filename YQ==,filename Yg=='],
    ['an empty key', ',filename YQ=='],
    ['a key with a space', 'file name YQ=='],
    ['a name that is not UTF-8', `filename ${Buffer.from([0xff, 0xfe]).toString('base64')}`],
    ['NUL in the name', encodeMetadata({ filename: 'a\0b' })],
    ['a name of 2 KB', encodeMetadata({ filename: 'a'.repeat(2_000) })],
    ['more than 3 KB', encodeMetadata({ filename: 'a', more: 'x'.repeat(3_000) })],
    ['a malformed folder id', encodeMetadata({ folder: '../x' })],
    ['a malformed sha256', encodeMetadata({ sha256: 'abc' })],
  ])('returns bad_request for %s', async (_, metadata) => {
    const response = await client.post({ 'upload-length': '5', 'upload-metadata': metadata })
    expect(['bad_request', 'invalid_filename']).toContain(problemCode(response))
    expect(response.headers.location).toBeUndefined()
    expectNothingStored(driveway)
    expect(driveway.driveCalls()).toEqual([])
  })
  test('over the header limit of Node is rejected with 431', async () => {
    const long = await client.post({ 'upload-length': '5', 'upload-metadata': 'a'.repeat(20_000) })
    expect(long.status).toBe(431)
    // Node closes the connection before 1 MB is sent, so a client may get a socket error.
    const huge = { 'upload-length': '5', 'upload-metadata': 'a'.repeat(1e6) }
    const result = await client.post(huge).then(
      ({ status }) => status,
      ({ code }: { code?: string }) => code,
    )
    expect([431, 'ECONNRESET', 'EPIPE']).toContain(result)
    expect(driveway.driveCalls()).toEqual([])
  })
})

describe('creation-with-upload: POST', () => {
  test('stores a complete file in one request to Drive', async () => {
    const bytes = pattern(1000)
    const metadata = encodeMetadata({ filename: 'whole.bin' })
    const length = { 'upload-length': '1000', 'upload-metadata': metadata }
    await client.post({ 'upload-length': '0' }) // generates file ids for the next upload
    driveway.resetUploads()
    driveway.google.calls.length = 0
    const response = await client.post(length, bytes)
    expect([response.status, offsetOf(response)]).toEqual([201, 1000])
    expect(driveway.driveCalls()).toEqual(['drive.upload.multipart'])
    expect(storedFiles()).toEqual([['whole.bin', 1000, sha256Of(bytes)]])
    expect(response.headers['driveway-file-id']).toBe(driveway.uploaded()[0]?.id)
    const head = await client.head(pathOf(response.headers.location))
    expect([offsetOf(head), head.headers['upload-length']]).toEqual([1000, '1000'])
  })
  test('stores complete units of an incomplete file, and PATCH appends the rest', async () => {
    const bytes = pattern(3 * chunkUnit + 7)
    const length = { 'upload-length': String(bytes.length) }
    const response = await client.post(length, bytes.subarray(0, 2 * chunkUnit + 99))
    expect([response.status, offsetOf(response)]).toEqual([201, 2 * chunkUnit])
    const path = pathOf(response.headers.location)
    expect((await client.patch(path, 2 * chunkUnit, bytes.subarray(2 * chunkUnit))).status).toBe(
      204,
    )
    expect(storedFiles()).toEqual([['Untitled', bytes.length, sha256Of(bytes)]])
  })
  test('stores nothing of an incomplete file under 256 KiB', async () => {
    const response = await client.post({ 'upload-length': String(chunkUnit) }, pattern(100))
    expect([response.status, offsetOf(response)]).toEqual([201, 0])
  })
  test('returns bad_request and stores nothing for a body beyond the length', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const response = await client.post({ 'upload-length': '99', ...headers }, pattern(100))
      expectProblem(response, 400, 'bad_request')
    }
    expectNothingStored(driveway)
  })
  test('returns unsupported_media_type for another Content-Type', async () => {
    const headers = { 'upload-length': '9', 'content-type': 'text/plain' }
    const response = await client.post(headers, pattern(9))
    expectProblem(response, 415, 'unsupported_media_type')
  })
})

describe('checksum', () => {
  test('OPTIONS lists the algorithms', async () => {
    const { headers } = await client.request('OPTIONS', '/upload/tus')
    expect(headers['tus-checksum-algorithm']).toBe('sha1,sha256,md5')
  })
  test.each(['sha1', 'sha256', 'md5'])(
    'PATCH with %s stores matching bytes, and returns 460 without storing others',
    async (algorithm) => {
      const bytes = pattern(3 * chunkUnit)
      const path = await client.create({ 'upload-length': String(bytes.length) })
      const first = bytes.subarray(0, chunkUnit)
      expect((await client.patch(path, 0, first, checksumOf(algorithm, first))).status).toBe(204)
      const rest = bytes.subarray(chunkUnit)
      const response = await client.patch(path, chunkUnit, rest, checksumOf(algorithm, first))
      expectProblem(response, 460, 'checksum_mismatch')
      expect(offsetOf(await client.head(path))).toBe(chunkUnit)
      expect((await client.patch(path, chunkUnit, rest, checksumOf(algorithm, rest))).status).toBe(
        204,
      )
    },
  )
  test.each(['sha1', 'sha1 ', 'sha1 AAAA', 'crc32 AAAAAA==', 'SHA1 x', 'sha1  x', 'sha1 %%%'])(
    'PATCH returns bad_request for the checksum "%s" and stores nothing',
    async (checksum) => {
      const path = await client.create({ 'upload-length': String(chunkUnit) })
      const response = await client.patch(path, 0, pattern(chunkUnit), {
        'upload-checksum': checksum,
      })
      expectProblem(response, 400, 'bad_request')
      expect(offsetOf(await client.head(path))).toBe(0)
    },
  )
  test('PATCH returns chunk_too_large over 16 MiB', async () => {
    const bytes = Buffer.alloc(16 * 1024 * 1024 + 1)
    const path = await client.create({ 'upload-length': String(bytes.length) })
    const response = await client.patch(path, 0, bytes, checksumOf('sha1', bytes))
    expectProblem(response, 413, 'chunk_too_large')
    expect(response.body).toContain('16777216')
  })
  test('POST verifies the checksum of a complete and of an incomplete file', async () => {
    const bytes = pattern(chunkUnit)
    for (const length of [chunkUnit, 2 * chunkUnit]) {
      const headers = { 'upload-length': String(length) }
      const wrong = await client.post({ ...headers, ...checksumOf('sha1', pattern(9)) }, bytes)
      expectProblem(wrong, 460, 'checksum_mismatch')
      expectNothingStored(driveway)
    }
    const right = await client.post(
      { 'upload-length': String(chunkUnit), ...checksumOf('sha1', bytes) },
      bytes,
    )
    expect(right.status).toBe(201)
  })
})

describe('expiration', () => {
  test('POST, PATCH and HEAD return Upload-Expires in six days for an incomplete upload', async () => {
    const expires = new Date(time + 6 * dayMs).toUTCString()
    const bytes = pattern(2 * chunkUnit)
    const response = await client.post({ 'upload-length': String(2 * chunkUnit) })
    const path = pathOf(response.headers.location)
    const patch = await client.patch(path, 0, bytes.subarray(0, chunkUnit))
    const head = await client.head(path)
    const expiries = [response, patch, head].map(({ headers }) => headers['upload-expires'])
    expect(expiries).toEqual([expires, expires, expires])
    const last = await client.patch(path, chunkUnit, bytes.subarray(chunkUnit))
    expect(last.headers['upload-expires']).toBeUndefined()
  })
  test('HEAD and PATCH return 410 after the expiration, and when Drive has dropped the session', async () => {
    const path = await client.create({ 'upload-length': String(2 * chunkUnit) })
    const dropped = await client.create({ 'upload-length': String(2 * chunkUnit) })
    driveway.google.drive.expireSessions()
    time += 6 * dayMs
    const responses = [await client.head(path), await client.patch(path, 0, pattern(chunkUnit))]
    time -= 6 * dayMs
    responses.push(await client.head(dropped), await client.patch(dropped, 0, pattern(chunkUnit)))
    expect(responses.map(({ status }) => status)).toEqual([410, 410, 410, 410])
    expect(problemCode(responses[3] as { body: string })).toBe('upload_gone')
  })
})

describe('termination', () => {
  test('DELETE cancels the session in Drive, and later requests return 410', async () => {
    const path = await client.create({ 'upload-length': String(2 * chunkUnit) })
    await client.patch(path, 0, pattern(chunkUnit))
    const response = await client.remove(path)
    expect([response.status, response.body]).toEqual([204, ''])
    expectNothingStored(driveway)
    for (const method of ['HEAD', 'DELETE', 'PATCH']) {
      const headers = { 'upload-offset': String(chunkUnit), 'content-type': tusContentType }
      expect((await client.request(method, path, headers)).status).toBe(410)
    }
  })
  test('DELETE removes a complete file from Drive', async () => {
    const path = await client.create({ 'upload-length': '5' })
    await client.patch(path, 0, pattern(5))
    expect(storedFiles()).toHaveLength(1)
    expect((await client.remove(path)).status).toBe(204)
    expectNothingStored(driveway)
    expect((await client.head(path)).status).toBe(410)
  })
})
