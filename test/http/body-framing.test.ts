import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, filePart, form, send, sendRaw } from '../kit/environment.ts'
import {
  problemCodeIn,
  openConnection,
  expectNothingStored,
  formRequestHead,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway
const idleMs = 200

beforeAll(async () => {
  driveway = await startUploadGateway({
    env: { MAX_FILE_BYTES: '1000000' },
    gateway: { idleTimeoutMs: idleMs, graceMs: 60_000 },
  })
})

afterAll(() => driveway.close())

afterEach(() => driveway.resetUploads())

const body = form('b', filePart('a.txt', 'content'))
const text = body.toString()

function chunkedBody(...pieces: string[]): string {
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
  return `${chunks.join('')}0\r\n\r\n`
}

const secondRequest = 'GET /upload HTTP/1.1\r\nHost: localhost\r\n\r\n'

describe('POST /upload with invalid body framing', () => {
  test.each<[what: string, headers: Record<string, string | number>, body: string]>([
    ['a negative Content-Length', { 'Content-Length': -1 }, text],
    ['a signed Content-Length', { 'Content-Length': `+${text.length}` }, text],
    ['a Content-Length in hex', { 'Content-Length': '0x10' }, text],
    ['a Content-Length of 20 digits', { 'Content-Length': '9'.repeat(20) }, text],
    ['two Content-Lengths', { 'Content-Length': text.length, 'content-length': 5 }, text],
    [
      'Content-Length and Transfer-Encoding',
      { 'Content-Length': 5, 'Transfer-Encoding': 'chunked' },
      chunkedBody(text),
    ],
    ['an unknown Transfer-Encoding', { 'Transfer-Encoding': 'gzip' }, text],
    [
      'chunked that is not the last encoding',
      { 'Transfer-Encoding': 'chunked, gzip' },
      chunkedBody(text),
    ],
    ['a bad chunk size', { 'Transfer-Encoding': 'chunked' }, `zz\r\n${text}\r\n0\r\n\r\n`],
    [
      'a chunk longer than its declared size',
      { 'Transfer-Encoding': 'chunked' },
      `5\r\n${text}\r\n0\r\n\r\n`,
    ],
    [
      'chunks with bare LF',
      { 'Transfer-Encoding': 'chunked' },
      chunkedBody(text).replaceAll('\r\n', '\n'),
    ],
    ['a folded header', { 'Content-Length': text.length, 'X-Folded': 'a\r\n b' }, text],
    ['a space before a colon', { 'Content-Length ': text.length }, text],
  ])('a request with %s gets one 400 and stores nothing', async (_, headers, sent) => {
    const received = await sendRaw(driveway.origin, [
      formRequestHead(driveway, headers) + sent,
      secondRequest,
    ])
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
    expect(statuses).toEqual(['400']) // the second request was not read
    expectNothingStored(driveway)
  })

  test('a Content-Length shorter than the form gets 400 and stores nothing', async () => {
    const short = formRequestHead(driveway, { 'Content-Length': text.length - 3 })
    const received = await sendRaw(driveway.origin, [short + text])
    expect(received).toMatch(/^HTTP\/1\.1 400 /)
    expect(received).not.toContain('HTTP/1.1 2')
    expectNothingStored(driveway)
  })

  test('a Content-Length longer than the sent body gets 408 too_slow and stores nothing', async () => {
    const long = formRequestHead(driveway, { 'Content-Length': text.length + 100 })
    const received = await exchange(long + text, hasResponses(1))
    expect(received).toMatch(/^HTTP\/1\.1 408 /)
    expect(problemCodeIn(received)).toBe('too_slow')
    expectNothingStored(driveway)
  })
})

/** Sends bytes in one write, reads until the condition holds, then disconnects. */
async function exchange(
  sent: string | Buffer,
  condition: (received: string) => boolean,
): Promise<string> {
  const connection = await openConnection(driveway.origin)
  connection.socket.write(sent)
  const received = await connection.waitFor(condition)
  connection.socket.destroy()
  return received
}

/** Whether this many responses with their bodies were received. */
function hasResponses(count: number): (received: string) => boolean {
  return (received) => [...received.matchAll(/\r\n\r\n(?:[\da-f]+\r\n)?\{.*\}\n/g)].length === count
}

test('a chunked upload with one-byte chunks stores the same file', async () => {
  const received = await exchange(
    formRequestHead(driveway, { 'Transfer-Encoding': 'chunked' }) +
      chunkedBody(...Array.from(text)),
    hasResponses(1),
  )
  expect(received).toMatch(/^HTTP\/1\.1 201 /)
  const [file] = driveway.uploaded()
  expect((await driveway.google.drive.contentOf(file?.id ?? '')).toString()).toBe('content')
})

test('pipelined uploads are answered in order', async () => {
  const names = ['1', '2', '3']
  const requests = names.map((name) => {
    const sent = form('b', filePart(name, name)).toString()
    return formRequestHead(driveway, { 'Content-Length': sent.length }) + sent
  })
  const received = await exchange(requests.join(''), hasResponses(3))
  expect([...received.matchAll(/"name":"(\d)"/g)].map(([, name]) => name)).toEqual(names)
  expect(driveway.uploaded().map(({ name }) => name)).toEqual(expect.arrayContaining(names))
})

test('a rejected upload does not affect the next request on its connection', async () => {
  const bad = '--b\r\n\r\nx\r\n--b--\r\n'
  const good = formRequestHead(driveway, { 'Content-Length': text.length }) + text
  const received = await exchange(
    formRequestHead(driveway, { 'Content-Length': bad.length }) + bad + good,
    hasResponses(2),
  )
  expect([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
    '400',
    '201',
  ])
})

describe('a client that sends Expect: 100-continue', () => {
  const expecting = { Expect: '100-continue', 'Content-Length': text.length }

  test.each([
    ['an invalid token', { ...expecting, authorization: 'Bearer dw_nobody' }, 401, 'invalid_token'],
    [
      'a wrong media type',
      { ...expecting, 'Content-Type': 'text/plain' },
      415,
      'unsupported_media_type',
    ],
    [
      'a body above every limit',
      { ...expecting, 'Content-Length': 2_000_000_000 },
      413,
      'too_large',
    ],
  ])('is rejected for %s without 100 Continue', async (_, headers, status, code) => {
    const received = await sendRaw(driveway.origin, [formRequestHead(driveway, headers)])
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(problemCodeIn(received)).toBe(code)
    expect(received).toContain('connection: close')
  })

  test('gets 100 Continue after the headers are accepted, and not before', async () => {
    const connection = await openConnection(driveway.origin)
    connection.socket.write(formRequestHead(driveway, expecting))
    expect(await connection.waitFor((received) => received.includes('\r\n\r\n'))).toBe(
      'HTTP/1.1 100 Continue\r\n\r\n',
    )
    connection.socket.write(text)
    expect(await connection.waitFor(hasResponses(1))).toContain('HTTP/1.1 201 ')
    connection.socket.destroy()
  })
})

describe('a client that is rejected while it still sends', () => {
  const large = form('b', filePart('large.bin', Buffer.alloc(20_000_000)))
  const type = 'multipart/form-data; boundary=b'

  test.each([
    [
      'invalid token',
      { authorization: 'Bearer dw_nobody', 'content-type': type },
      401,
      'invalid_token',
    ],
    ['wrong media type', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['too large file', { 'content-type': type }, 413, 'too_large'],
  ])('gets the response for its %s and no reset', async (_, headers, status, code) => {
    for (const length of [{ 'content-length': String(large.length) }, {}]) {
      const response = await send(driveway.origin, '/upload', {
        method: 'POST',
        headers: { ...driveway.bearer, ...headers, ...length },
        body: large,
      })
      expect([response.status, problemCode(response), response.headers.connection]).toEqual([
        status,
        code,
        'close',
      ])
    }
    expectNothingStored(driveway)
  })

  test('gets the response even if it reads only after the last byte', async () => {
    const connection = await openConnection(driveway.origin)
    connection.socket.pause()
    connection.socket.write(
      formRequestHead(driveway, { authorization: 'Bearer x', 'Content-Length': large.length }),
    )
    await new Promise((resolve) => connection.socket.write(large, resolve))
    connection.socket.resume()
    await connection.closed
    expect(problemCodeIn(connection.received())).toBe('invalid_token')
  })
})

test.each([
  ['a malformed percent-escape', '/upload?x=%zz', {}, 400],
  ['invalid UTF-8 in a percent-escape', '/upload?x=%ff', {}, 400],
  ['a repeated parameter', '/upload?x=1&x=2', {}, 400],
  ['malformed JSON', '/upload', { 'content-type': 'application/json' }, 415],
  ['a request target that is not a path', 'http://elsewhere.example/upload', {}, 400],
])('POST with %s gets a problem without internal details', async (_, path, headers, status) => {
  for (const sent of ['{', Buffer.alloc(1_000_000, 'a=b&')]) {
    const response = await send(driveway.origin, path, {
      method: 'POST',
      headers: { ...driveway.bearer, ...headers },
      body: sent,
    })
    expect(response.status).toBe(status)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.body).not.toMatch(/<|\.ts|\.mjs|node/)
  }
})

test('stop() does not wait for pipelined requests of a disconnected client', async () => {
  const impatient = await startUploadGateway({
    sharing: driveway,
    gateway: { graceMs: 60_000, driveTimeouts: { abortGrace: 200 } },
  })
  driveway.google.faults.add({ operation: 'drive.upload.multipart', hang: 'headers' })
  const connection = await openConnection(impatient.origin)
  const upload = formRequestHead(driveway, { 'Content-Length': text.length }) + text
  driveway.google.calls.length = 0
  connection.socket.write(upload + secondRequest.repeat(20))
  await waitFor(() => driveway.driveCalls().includes('drive.upload.multipart'))
  connection.socket.destroy()
  await impatient.gateway.stop() // resolves when no request is in flight, long before the grace period ends
  expectNothingStored(driveway)
  expect(impatient.logs.filter(({ code }) => code === 'truncated')).not.toEqual([])
  await impatient.close()
})
