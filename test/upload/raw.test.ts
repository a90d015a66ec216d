import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { sha256Of } from '../faults/fixture.ts'
import { send, sendRaw } from '../kit/environment.ts'
import type { RawResponse } from '../kit/environment.ts'
import { expectProblem, parseJson, uploadFile } from '../kit/requests.ts'
import {
  expectNothingStored,
  openConnection,
  problemCodeIn,
  requestHead,
  startUploadGateway,
} from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({
    env: { MAX_FILE_BYTES: '5000000' },
    gateway: {
      chunkBytes: 256 * 1024,
      idleTimeoutMs: 500,
      sleep: () => Promise.resolve(),
      driveTimeouts: { response: 300 },
    },
  })
})

afterAll(() => driveway.close())

afterEach(async () => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

function put(path: string, body: Buffer | string = 'hello', headers = {}): Promise<RawResponse> {
  return uploadFile(driveway, path, body, headers)
}

function putHead(path: string, headers: Record<string, string | number> = {}): string {
  return requestHead(driveway, 'PUT', `/upload/${path}`, headers)
}

const sha256 = (bytes: Buffer | string): string => sha256Of(Buffer.from(bytes))
const digest = (bytes: Buffer | string, algorithm = 'sha256'): string =>
  `:${createHash(algorithm).update(bytes).digest('base64')}:`

describe('PUT /upload/{path}', () => {
  test.each([0, 1, 256 * 1024, 256 * 1024 + 1, 1_500_000])(
    'stores a body of %d bytes unchanged, and returns its digest',
    async (size) => {
      const bytes = randomBytes(size)
      const response = await put('a.bin', bytes, { 'content-type': 'image/png; q=1' })
      const { id, ...file } = parseJson(response)
      expect(response.status).toBe(201)
      expect(file).toMatchObject({
        name: 'a.bin',
        size,
        mimeType: 'image/png',
        sha256: sha256(bytes),
      })
      expect(response.headers['repr-digest']).toBe(`sha-256=${digest(bytes)}`)
      expect((await driveway.google.drive.contentOf(String(id))).equals(bytes)).toBe(true)
    },
  )

  test.each([
    ['photo.JPG', {}, 'image/jpeg'],
    ['backup.tar', {}, 'application/x-tar'],
    ['a.b/photo', {}, 'application/octet-stream'],
    ['constructor.constructor', {}, 'application/octet-stream'],
    ['photo.jpg', { 'content-type': 'text/plain' }, 'text/plain'],
    ['photo.jpg', { 'content-type': 'nonsense' }, 'image/jpeg'],
    ['photo', { 'content-type': 'nonsense' }, 'application/octet-stream'],
    [
      'a.gdoc',
      { 'content-type': 'application/vnd.google-apps.document' },
      'application/octet-stream',
    ],
  ])('stores %s with the headers %j under the type %s', async (path, headers, mimeType) => {
    expect(parseJson(await put(path, 'hello', headers))).toMatchObject({ mimeType })
  })

  test('streams a chunked body to Drive', async () => {
    const piece = 'x'.repeat(100_000)
    const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
    const head = putHead('a.tar', { 'Transfer-Encoding': 'chunked', Connection: 'close' })
    const received = await sendRaw(driveway.origin, [head, ...Array(9).fill(chunk), '0\r\n\r\n'])
    expect(received).toMatch(/^HTTP\/1\.1 201 /)
    expect(driveway.uploaded().map(({ size }) => size)).toEqual([900_000])
  })

  test('sends 100 Continue to a client that waits for it', async () => {
    const connection = await openConnection(driveway.origin)
    connection.socket.write(putHead('e.txt', { Expect: '100-continue', 'Content-Length': 5 }))
    await connection.waitFor((received) => received.includes('100 Continue'))
    connection.socket.write('hello')
    await connection.waitFor((received) => received.includes('}\n'))
    connection.socket.destroy()
    expect(connection.statuses()).toEqual([201])
  })

  test('returns a line of text for Accept: text/plain', async () => {
    const response = await put('a.txt', 'hello', { accept: 'text/plain' })
    expect(response.body).toMatch(new RegExp(`^a\\.txt\\t5\\t${sha256('hello')}\\thttps://.*\\n$`))
  })

  test('is required for a raw body: POST /upload returns unsupported_media_type', async () => {
    const response = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { ...driveway.bearer, 'content-type': 'application/octet-stream' },
      body: 'hello',
    })
    expectProblem(response, 415, 'unsupported_media_type')
  })

  test('returns csrf for a cookie with the origin of another site', async () => {
    for (const origin of ['https://evil.example', 'null']) {
      const response = await send(driveway.origin, '/upload/a.txt', {
        method: 'PUT',
        headers: { ...driveway.session, origin },
        body: 'hello',
      })
      expectProblem(response, 403, 'csrf')
    }
    const own = { ...driveway.session, origin: driveway.origin }
    expect((await put('a.txt', 'hello', { ...own, authorization: [] })).status).toBe(201)
  })

  test('returns login_required without a credential, and sends Drive no request', async () => {
    driveway.google.calls.length = 0
    const response = await send(driveway.origin, '/upload/a.txt', { method: 'PUT', body: 'hello' })
    expectProblem(response, 401, 'login_required')
    expect(driveway.driveCalls()).toEqual([])
  })
})

describe('the path of PUT /upload/{path}', () => {
  test.each([
    ['caf%C3%A9%20%F0%9F%98%80.txt', 'café 😀.txt'],
    ['a+b%2Bc&d=e;f.txt', 'a+b+c&d=e;f.txt'],
    ['100%25.txt', '100%.txt'],
    ['%2525.txt', '%25.txt'],
    ["it's%20%22so%22.txt", 'it\'s "so".txt'],
    ['tus.txt', 'tus.txt'],
  ])('%s is decoded once to the file name %s', async (path, name) => {
    expect(parseJson(await put(path))).toMatchObject({ name })
  })

  test.each([
    '..',
    '%2e%2e',
    'a/../b',
    'a/%2E%2e/b',
    './a',
    'a//b',
    '/a',
    'a/',
    'a/?mode=new',
    'a%2Fb',
    'a%5Cb',
    'a%00b',
    'a%0Ab',
    '%C2%85',
    '%20',
    'a/%E2%80%8B/b',
    '%',
    'a%ff',
    '%ED%A0%80',
    'x'.repeat(1025),
    'a/'.repeat(50) + 'b',
  ])('%s is rejected with invalid_path, and Drive gets no request', async (path) => {
    driveway.google.calls.length = 0
    const response = await put(path)
    expectProblem(response, 400, 'invalid_path')
    expect(driveway.driveCalls()).toEqual([])
  })
})

describe('a request digest', () => {
  const helloDigest = sha256('hello')

  test.each([
    ['as the parameter sha256', `?sha256=${helloDigest}`, {}],
    ['in upper case', `?sha256=${helloDigest.toUpperCase()}`, {}],
    ['as Repr-Digest', '', { 'repr-digest': `sha-256=${digest('hello')}` }],
    [
      'with a sha-512, which is ignored',
      '',
      { 'repr-digest': `sha-512=:AAAA:, sha-256=${digest('hello')}` },
    ],
    [
      'as Repr-Digest and sha256',
      `?sha256=${helloDigest}`,
      { 'repr-digest': `sha-256=${digest('hello')}` },
    ],
  ])('%s is accepted when the bytes match', async (_, query, headers) => {
    expect((await put(`a.txt${query}`, 'hello', headers)).status).toBe(201)
  })

  test.each([
    ['as the parameter sha256', 10, (bytes: Buffer) => [`?sha256=${sha256(bytes)}`, {}] as const],
    [
      'as the parameter sha256',
      1_000_000,
      (bytes: Buffer) => [`?sha256=${sha256(bytes)}`, {}] as const,
    ],
    [
      'as Repr-Digest',
      600_000,
      (bytes: Buffer) => ['', { 'repr-digest': `sha-256=${digest(bytes)}` }] as const,
    ],
  ])(
    '%s is rejected with digest_mismatch when one of %d bytes differs, and nothing is stored',
    async (_, size, digestOf) => {
      const bytes = randomBytes(size)
      const [query, headers] = digestOf(bytes)
      bytes[size - 1] = (bytes[size - 1] ?? 0) ^ 1
      const response = await put(`a.txt${query}`, bytes, headers)
      expectProblem(response, 400, 'digest_mismatch')
      expectNothingStored(driveway)
    },
  )

  test.each([
    ['?sha256=abc', {}],
    [`?sha256=${helloDigest}0`, {}],
    ['?sha256=', {}],
    [`?sha256=${sha256('other')}`, { 'repr-digest': `sha-256=${digest('hello')}` }],
    ['', { 'repr-digest': 'sha-256=abc' }],
    ['', { 'repr-digest': 'sha-256=:AAAA:' }],
    ['', { 'repr-digest': '' }],
    ['', { 'repr-digest': `sha-256=${digest('hello')}, sha-256=${digest('hello')}` }],
    ['', { 'repr-digest': `sha-512=${digest('hello', 'sha512')}` }],
    ['', { 'repr-digest': `md5=${digest('hello', 'md5')}` }],
  ])(
    'that is malformed or unsupported is rejected with bad_request: %s %j',
    async (query, headers) => {
      const response = await put(`a.txt${query}`, 'hello', headers)
      expectProblem(response, 400, 'bad_request')
      expectNothingStored(driveway)
    },
  )
})

describe('the length of a raw body', () => {
  test('is rejected with too_large before the body is read when it is over the limit', async () => {
    driveway.google.calls.length = 0
    const head = putHead('a', { 'Content-Length': 5_000_001, Expect: '100-continue' })
    const connection = await openConnection(driveway.origin)
    connection.socket.write(head)
    expect(problemCodeIn(await connection.waitFor((received) => received.includes('}\n')))).toBe(
      'too_large',
    )
    expect(connection.received()).not.toContain('100 Continue')
    connection.socket.destroy()
    expect(driveway.driveCalls()).toEqual([])
  })

  test('is rejected with too_large when a chunked body grows over the limit', async () => {
    const piece = 'x'.repeat(1_000_000)
    const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
    const head = putHead('a', { 'Transfer-Encoding': 'chunked', Connection: 'close' })
    const received = await sendRaw(driveway.origin, [head, ...Array(6).fill(chunk), '0\r\n\r\n'])
    expect(problemCodeIn(received)).toBe('too_large')
    await driveway.settled()
  })

  test.each([
    ['is shorter than its Content-Length', { 'Content-Length': 600_000 }, 'x'.repeat(500_000)],
    ['ends between chunks', { 'Transfer-Encoding': 'chunked' }, `5\r\nhello\r\n`],
    ['ends within a chunk', { 'Transfer-Encoding': 'chunked' }, 'ffff\r\nhello'],
  ])('is checked: nothing is stored when a body %s', async (_, framing, body) => {
    const received = await sendRaw(driveway.origin, [putHead('a', framing), body], 'end')
    expect(received).not.toMatch(/^HTTP\/1\.1 2/)
    await driveway.settled()
  })

  test('is rejected with too_slow when the client stops sending', async () => {
    const connection = await openConnection(driveway.origin)
    connection.socket.write(`${putHead('a', { 'Content-Length': 600 })}hello`)
    expect(problemCodeIn(await connection.waitFor((received) => received.includes('}\n')))).toBe(
      'too_slow',
    )
    connection.socket.destroy()
    await driveway.settled()
  })

  test('is required: a body without framing is rejected with length_required', async () => {
    const head = putHead('a', { Connection: 'close' })
    expect(problemCodeIn(await sendRaw(driveway.origin, [head]))).toBe('length_required')
    expectNothingStored(driveway)
  })
})

test.each(['gzip', 'identity'])(
  'PUT /upload returns unsupported_media_type for Content-Encoding: %s',
  async (encoding) => {
    const response = await put('a', 'hello', { 'content-encoding': encoding })
    expectProblem(response, 415, 'unsupported_media_type')
  },
)

test.each([
  ['Drive’s response is lost', { operation: 'drive.upload.multipart', hang: 'response' as const }],
  ['Drive fails temporarily', { operation: 'drive.upload.*', status: 503, times: 2 }],
])('PUT /upload stores one file when %s', async (_, fault) => {
  driveway.google.faults.add(fault)
  const response = await put('a.txt')
  expect(response.status).toBe(201)
  expect(driveway.uploaded()).toHaveLength(1)
})
