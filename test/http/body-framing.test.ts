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

describe('what frames a body wrongly gets no success and leaves nothing (case 60)', () => {
  test.each<[what: string, headers: Record<string, string | number>, body: string]>([
    ['a negative Content-Length', { 'Content-Length': -1 }, text],
    ['a signed Content-Length', { 'Content-Length': `+${text.length}` }, text],
    ['a Content-Length in hex', { 'Content-Length': '0x10' }, text],
    ['a Content-Length of 20 digits', { 'Content-Length': '9'.repeat(20) }, text],
    ['two Content-Lengths', { 'Content-Length': text.length, 'content-length': 5 }, text],
    [
      'Content-Length and chunks',
      { 'Content-Length': 5, 'Transfer-Encoding': 'chunked' },
      chunkedBody(text),
    ],
    ['an unknown Transfer-Encoding', { 'Transfer-Encoding': 'gzip' }, text],
    [
      'chunks that are not the last encoding',
      { 'Transfer-Encoding': 'chunked, gzip' },
      chunkedBody(text),
    ],
    ['a bad chunk size', { 'Transfer-Encoding': 'chunked' }, `zz\r\n${text}\r\n0\r\n\r\n`],
    [
      'a chunk longer than it says',
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
  ])('%s', async (_, headers, sent) => {
    const heard = await sendRaw(driveway.origin, [
      formRequestHead(driveway, headers) + sent,
      secondRequest,
    ])
    const statuses = [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
    expect(statuses).toEqual(['400']) // and what came behind it was never looked at
    expectNothingStored(driveway)
  })

  test('a Content-Length shorter than the form', async () => {
    const short = formRequestHead(driveway, { 'Content-Length': text.length - 3 })
    const heard = await sendRaw(driveway.origin, [short + text])
    expect(heard).toMatch(/^HTTP\/1\.1 400 /)
    expect(heard).not.toContain('HTTP/1.1 2')
    expectNothingStored(driveway)
  })

  test('a Content-Length longer than what is ever sent', async () => {
    const long = formRequestHead(driveway, { 'Content-Length': text.length + 100 })
    const heard = await exchange(long + text, hasResponses(1))
    expect(heard).toMatch(/^HTTP\/1\.1 408 /)
    expect(problemCodeIn(heard)).toBe('too_slow')
    expectNothingStored(driveway)
  })
})

/** Says all of it at once and listens until something holds, then hangs up. */
async function exchange(said: string | Buffer, holds: (heard: string) => boolean): Promise<string> {
  const line = await openConnection(driveway.origin)
  line.socket.write(said)
  const heard = await line.waitFor(holds)
  line.socket.destroy()
  return heard
}

/** So many answers were heard, each with its body. */
function hasResponses(count: number): (heard: string) => boolean {
  return (heard) => [...heard.matchAll(/\r\n\r\n(?:[\da-f]+\r\n)?\{.*\}\n/g)].length === count
}

test('chunks of any size make the same file as one length (case 61)', async () => {
  const heard = await exchange(
    formRequestHead(driveway, { 'Transfer-Encoding': 'chunked' }) +
      chunkedBody(...Array.from(text)),
    hasResponses(1),
  )
  expect(heard).toMatch(/^HTTP\/1\.1 201 /)
  const [file] = driveway.uploaded()
  expect((await driveway.google.drive.contentOf(file?.id ?? '')).toString()).toBe('content')
})

test('pipelined uploads are answered one after the other', async () => {
  const names = ['1', '2', '3']
  const requests = names.map((name) => {
    const sent = form('b', filePart(name, name)).toString()
    return formRequestHead(driveway, { 'Content-Length': sent.length }) + sent
  })
  const heard = await exchange(requests.join(''), hasResponses(3))
  expect([...heard.matchAll(/"name":"(\d)"/g)].map(([, name]) => name)).toEqual(names)
  expect(driveway.uploaded().map(({ name }) => name)).toEqual(expect.arrayContaining(names))
})

test('a refused upload does not disturb the next request on its connection', async () => {
  const bad = '--b\r\n\r\nx\r\n--b--\r\n'
  const good = formRequestHead(driveway, { 'Content-Length': text.length }) + text
  const heard = await exchange(
    formRequestHead(driveway, { 'Content-Length': bad.length }) + bad + good,
    hasResponses(2),
  )
  expect([...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
    '400',
    '201',
  ])
})

describe('a caller that waits to be asked for its body (case 65)', () => {
  const expecting = { Expect: '100-continue', 'Content-Length': text.length }

  test.each([
    ['a bad token', { ...expecting, authorization: 'Bearer dw_nobody' }, 401, 'invalid_token'],
    ['a bad type', { ...expecting, 'Content-Type': 'text/plain' }, 415, 'unsupported_media_type'],
    [
      'a body that is over every limit',
      { ...expecting, 'Content-Length': 2_000_000_000 },
      413,
      'too_large',
    ],
  ])('is refused for %s without being asked', async (_, headers, status, code) => {
    const heard = await sendRaw(driveway.origin, [formRequestHead(driveway, headers)])
    expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(problemCodeIn(heard)).toBe(code)
    expect(heard).toContain('connection: close')
  })

  test('is asked once it may, and not before', async () => {
    const line = await openConnection(driveway.origin)
    line.socket.write(formRequestHead(driveway, expecting))
    expect(await line.waitFor((heard) => heard.includes('\r\n\r\n'))).toBe(
      'HTTP/1.1 100 Continue\r\n\r\n',
    )
    line.socket.write(text)
    expect(await line.waitFor(hasResponses(1))).toContain('HTTP/1.1 201 ')
    line.socket.destroy()
  })
})

describe('a caller that is refused while it still sends gets the answer, not a reset (case 65)', () => {
  const large = form('b', filePart('large.bin', Buffer.alloc(20_000_000)))
  const type = 'multipart/form-data; boundary=b'

  test.each([
    [
      'bad token',
      { authorization: 'Bearer dw_nobody', 'content-type': type },
      401,
      'invalid_token',
    ],
    ['bad type', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['over-long file', { 'content-type': type }, 413, 'too_large'],
  ])('for its %s', async (_, headers, status, code) => {
    for (const length of [{ 'content-length': String(large.length) }, {}]) {
      const answer = await send(driveway.origin, '/upload', {
        method: 'POST',
        headers: { ...driveway.bearer, ...headers, ...length },
        body: large,
      })
      expect([answer.status, problemCode(answer), answer.headers.connection]).toEqual([
        status,
        code,
        'close',
      ])
    }
    expectNothingStored(driveway)
  })

  test('also when it reads nothing until it has sent everything', async () => {
    const line = await openConnection(driveway.origin)
    line.socket.pause()
    line.socket.write(
      formRequestHead(driveway, { authorization: 'Bearer x', 'Content-Length': large.length }),
    )
    await new Promise((resolve) => line.socket.write(large, resolve))
    line.socket.resume()
    await line.closed
    expect(problemCodeIn(line.received())).toBe('invalid_token')
  })
})

test.each([
  ['a bad percent-escape', '/upload?x=%zz', {}, 400],
  ['bad UTF-8 in a percent-escape', '/upload?x=%ff', {}, 400],
  ['a parameter twice', '/upload?x=1&x=2', {}, 400],
  ['JSON that is none', '/upload', { 'content-type': 'application/json' }, 415],
  ['a target that is no path', 'http://elsewhere.example/upload', {}, 400],
])(
  '%s is answered with a problem that gives nothing away (case 36)',
  async (_, path, headers, status) => {
    for (const sent of ['{', Buffer.alloc(1_000_000, 'a=b&')]) {
      const answer = await send(driveway.origin, path, {
        method: 'POST',
        headers: { ...driveway.bearer, ...headers },
        body: sent,
      })
      expect(answer.status).toBe(status)
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.body).not.toMatch(/<|\.ts|\.mjs|node/)
    }
  },
)

test('the answers to pipelined requests are not waited for once their caller has left', async () => {
  driveway.lines.length = 0
  driveway.google.faults.add({ operation: 'drive.upload.multipart', hang: 'headers' })
  const line = await openConnection(driveway.origin)
  const upload = formRequestHead(driveway, { 'Content-Length': text.length }) + text
  driveway.google.calls.length = 0
  line.socket.write(upload + secondRequest.repeat(20))
  await waitFor(() => driveway.driveCalls().includes('drive.upload.multipart'))
  line.socket.destroy()
  await driveway.gateway.stop() // resolves when no request is under way, long before its grace ends
  expectNothingStored(driveway)
  expect(driveway.logs.filter(({ code }) => code === 'truncated')).not.toEqual([])
})
