import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, send, speak } from '../kit/environment.ts'
import type { RawAnswer } from '../kit/environment.ts'
import { codeHeard, dial, expectNothingIn, startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading({
    env: { MAX_FILE_BYTES: '5000000' },
    gateway: {
      chunkBytes: 256 * 1024,
      idleMs: 500,
      wait: () => Promise.resolve(),
      driveTimeouts: { answer: 300 },
    },
  })
})

afterAll(() => driveway.close())

afterEach(async () => {
  driveway.google.faults.clear()
  driveway.forget()
})

function put(path: string, body: Buffer | string = 'hello', headers = {}): Promise<RawAnswer> {
  return send(driveway.origin, `/upload/${path}`, {
    method: 'PUT',
    headers: { ...driveway.bearer, ...headers },
    body,
  })
}

function putHead(path: string, headers: Record<string, string | number> = {}): string {
  const all = { Host: 'localhost', ...driveway.bearer, ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `PUT /upload/${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')
const digest = (bytes: Buffer | string, algorithm = 'sha256'): string =>
  `:${createHash(algorithm).update(bytes).digest('base64')}:`

function read(answer: RawAnswer): Record<string, unknown> {
  return JSON.parse(answer.body) as Record<string, unknown>
}

describe('a raw body', () => {
  test.each([0, 1, 256 * 1024, 256 * 1024 + 1, 1_500_000])(
    'of %d bytes is stored as it is, and answered with its digest (case 53)',
    async (size) => {
      const bytes = randomBytes(size)
      const answer = await put('a.bin', bytes, { 'content-type': 'image/png; q=1' })
      const { id, ...file } = read(answer)
      expect(answer.status).toBe(201)
      expect(file).toMatchObject({
        name: 'a.bin',
        size,
        mimeType: 'image/png',
        sha256: sha256(bytes),
      })
      expect(answer.headers['repr-digest']).toBe(`sha-256=${digest(bytes)}`)
      expect((await driveway.google.drive.bytesOf(String(id))).equals(bytes)).toBe(true)
    },
  )

  test.each([
    ['photo.JPG', {}, 'image/jpeg'],
    ['backup.tar', {}, 'application/x-tar'],
    ['a.b/photo', {}, 'application/octet-stream'],
    ['constructor.constructor', {}, 'application/octet-stream'],
    ['photo.jpg', { 'content-type': 'text/plain' }, 'text/plain'],
    ['photo.jpg', { 'content-type': 'nonsense' }, 'application/octet-stream'],
    [
      'a.gdoc',
      { 'content-type': 'application/vnd.google-apps.document' },
      'application/octet-stream',
    ],
  ])('%s with %j has the type %s', async (path, headers, mimeType) => {
    expect(read(await put(path, 'hello', headers))).toMatchObject({ mimeType })
  })

  test('of a length that nobody knows is sent to Drive as it comes (case 61)', async () => {
    const piece = 'x'.repeat(100_000)
    const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
    const head = putHead('a.tar', { 'Transfer-Encoding': 'chunked', Connection: 'close' })
    const heard = await speak(driveway.origin, [head, ...Array(9).fill(chunk), '0\r\n\r\n'])
    expect(heard).toMatch(/^HTTP\/1\.1 201 /)
    expect(driveway.uploaded().map(({ size }) => size)).toEqual([900_000])
  })

  test('that holds back until it is asked for is asked for', async () => {
    const line = await dial(driveway.origin)
    line.socket.write(putHead('e.txt', { Expect: '100-continue', 'Content-Length': 5 }))
    await line.hears((heard) => heard.includes('100 Continue'))
    line.socket.write('hello')
    await line.hears((heard) => heard.includes('}\n'))
    line.socket.destroy()
    expect(line.statuses()).toEqual([201])
  })

  test('gets a line of text where its sender wants one', async () => {
    const answer = await put('a.txt', 'hello', { accept: 'text/plain' })
    expect(answer.body).toMatch(new RegExp(`^a\\.txt\\t5\\t${sha256('hello')}\\thttps://.*\\n$`))
  })

  test('is not taken by POST (case 41)', async () => {
    const answer = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { ...driveway.bearer, 'content-type': 'application/octet-stream' },
      body: 'hello',
    })
    expect([answer.status, codeOf(answer)]).toEqual([415, 'unsupported_media_type'])
  })

  test('is not taken with a cookie that another site made the browser send (case 22)', async () => {
    for (const origin of ['https://evil.example', 'null']) {
      const answer = await send(driveway.origin, '/upload/a.txt', {
        method: 'PUT',
        headers: { ...driveway.session, origin },
        body: 'hello',
      })
      expect([answer.status, codeOf(answer)]).toEqual([403, 'csrf'])
    }
    const own = { ...driveway.session, origin: driveway.origin }
    expect((await put('a.txt', 'hello', { ...own, authorization: [] })).status).toBe(201)
  })

  test('is not taken without a credential, and Drive is not asked', async () => {
    driveway.google.calls.length = 0
    const answer = await send(driveway.origin, '/upload/a.txt', { method: 'PUT', body: 'hello' })
    expect([answer.status, codeOf(answer)]).toEqual([401, 'login_required'])
    expect(driveway.driveCalls()).toEqual([])
  })
})

describe('a path', () => {
  test.each([
    ['caf%C3%A9%20%F0%9F%98%80.txt', 'café 😀.txt'],
    ['a+b%2Bc&d=e;f.txt', 'a+b+c&d=e;f.txt'],
    ['100%25.txt', '100%.txt'],
    ['%2525.txt', '%25.txt'],
    ["it's%20%22so%22.txt", 'it\'s "so".txt'],
    ['tus.txt', 'tus.txt'],
  ])('%s is decoded once and names the file (case 50)', async (path, name) => {
    expect(read(await put(path))).toMatchObject({ name })
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
  ])('%s is refused, and Drive is not asked (cases 31, 49 and 51)', async (path) => {
    driveway.google.calls.length = 0
    const answer = await put(path)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_path'])
    expect(driveway.driveCalls()).toEqual([])
  })
})

describe('a digest that the caller gives', () => {
  const right = sha256('hello')

  test.each([
    ['in hex', `?sha256=${right}`, {}],
    ['in capitals', `?sha256=${right.toUpperCase()}`, {}],
    ['as Repr-Digest', '', { 'repr-digest': `sha-256=${digest('hello')}` }],
    [
      'beside one of another kind, which is left alone',
      '',
      { 'repr-digest': `sha-512=:AAAA:, sha-256=${digest('hello')}` },
    ],
    ['twice', `?sha256=${right}`, { 'repr-digest': `sha-256=${digest('hello')}` }],
  ])('%s lets the bytes pass that have it', async (_, query, headers) => {
    expect((await put(`a.txt${query}`, 'hello', headers)).status).toBe(201)
  })

  test.each([
    ['in hex', 10, (bytes: Buffer) => [`?sha256=${sha256(bytes)}`, {}] as const],
    ['in hex', 1_000_000, (bytes: Buffer) => [`?sha256=${sha256(bytes)}`, {}] as const],
    [
      'as Repr-Digest',
      600_000,
      (bytes: Buffer) => ['', { 'repr-digest': `sha-256=${digest(bytes)}` }] as const,
    ],
  ])('%s keeps %d other bytes out of Drive (case 82)', async (_, size, told) => {
    const bytes = randomBytes(size)
    const [query, headers] = told(bytes)
    bytes[size - 1] = (bytes[size - 1] ?? 0) ^ 1
    const answer = await put(`a.txt${query}`, bytes, headers)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'digest_mismatch'])
    expectNothingIn(driveway)
  })

  test.each([
    ['?sha256=abc', {}],
    [`?sha256=${right}0`, {}],
    ['?sha256=', {}],
    [`?sha256=${sha256('other')}`, { 'repr-digest': `sha-256=${digest('hello')}` }],
    ['', { 'repr-digest': 'sha-256=abc' }],
    ['', { 'repr-digest': 'sha-256=:AAAA:' }],
    ['', { 'repr-digest': '' }],
    ['', { 'repr-digest': `sha-256=${digest('hello')}, sha-256=${digest('hello')}` }],
    ['', { 'repr-digest': `sha-512=${digest('hello', 'sha512')}` }],
    ['', { 'repr-digest': `md5=${digest('hello', 'md5')}` }],
  ])('that cannot be checked is refused: %s %j', async (query, headers) => {
    const answer = await put(`a.txt${query}`, 'hello', headers)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    expectNothingIn(driveway)
  })
})

describe('a length', () => {
  test('over the limit is refused before the body (case 62)', async () => {
    driveway.google.calls.length = 0
    const head = putHead('a', { 'Content-Length': 5_000_001, Expect: '100-continue' })
    const line = await dial(driveway.origin)
    line.socket.write(head)
    expect(codeHeard(await line.hears((heard) => heard.includes('}\n')))).toBe('too_large')
    expect(line.heard()).not.toContain('100 Continue')
    line.socket.destroy()
    expect(driveway.driveCalls()).toEqual([])
  })

  test('that grows over the limit ends the upload (case 62)', async () => {
    const piece = 'x'.repeat(1_000_000)
    const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
    const head = putHead('a', { 'Transfer-Encoding': 'chunked', Connection: 'close' })
    const heard = await speak(driveway.origin, [head, ...Array(6).fill(chunk), '0\r\n\r\n'])
    expect(codeHeard(heard)).toBe('too_large')
    await driveway.settled()
  })

  test.each([
    ['is longer than what comes', { 'Content-Length': 600_000 }, 'x'.repeat(500_000)],
    ['is cut off between chunks', { 'Transfer-Encoding': 'chunked' }, `5\r\nhello\r\n`],
    ['is cut off in a chunk', { 'Transfer-Encoding': 'chunked' }, 'ffff\r\nhello'],
  ])('that %s leaves nothing (cases 60 and 63)', async (_, framing, body) => {
    const heard = await speak(driveway.origin, [putHead('a', framing), body], 'end')
    expect(heard).not.toMatch(/^HTTP\/1\.1 2/)
    await driveway.settled()
  })

  test('that is longer than what comes from a caller who waits is given up (case 60)', async () => {
    const line = await dial(driveway.origin)
    line.socket.write(`${putHead('a', { 'Content-Length': 600 })}hello`)
    expect(codeHeard(await line.hears((heard) => heard.includes('}\n')))).toBe('too_slow')
    line.socket.destroy()
    await driveway.settled()
  })

  test('that nobody tells is asked for', async () => {
    const head = putHead('a', { Connection: 'close' })
    expect(codeHeard(await speak(driveway.origin, [head]))).toBe('length_required')
    expectNothingIn(driveway)
  })
})

test.each(['gzip', 'identity'])('Content-Encoding: %s is not taken (case 59)', async (encoding) => {
  const answer = await put('a', 'hello', { 'content-encoding': encoding })
  expect([answer.status, codeOf(answer)]).toEqual([415, 'unsupported_media_type'])
})

test.each([
  ['a final answer that is lost', { operation: 'drive.upload.multipart', hang: 'answer' as const }],
  ['a busy Drive', { operation: 'drive.upload.*', status: 503, times: 2 }],
])('%s is survived, and there is one file (case 83)', async (_, fault) => {
  driveway.google.faults.add(fault)
  const answer = await put('a.txt')
  expect(answer.status).toBe(201)
  expect(driveway.uploaded()).toHaveLength(1)
})
