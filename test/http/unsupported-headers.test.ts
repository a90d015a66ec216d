/** Headers that the gateway does not implement: it refuses them instead of ignoring them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { gzipSync } from 'node:zlib'
import { problemCode, send } from '../kit/environment.ts'
import { connectH2c } from '../kit/h2c.ts'
import { expectProblem } from '../kit/requests.ts'
import {
  expectNothingStored,
  openConnection,
  problemCodeIn,
  requestHead,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { graceMs: 60_000 } })
})
afterAll(() => driveway.close())
afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

/** Sends bytes, reads until a response body has arrived, then disconnects. */
async function exchange(bytes: string): Promise<string> {
  const connection = await openConnection(driveway.origin)
  connection.socket.write(bytes)
  const received = await connection.waitFor((response) => response.includes('}\n'))
  connection.socket.destroy()
  return received
}

const text = 'content'
const chunked = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`

describe('Transfer-Encoding', () => {
  test.each(['gzip, chunked', 'GZIP , Chunked', 'deflate,chunked'])(
    'PUT /upload with %s gets 501 unsupported_transfer_coding and stores nothing',
    async (coding) => {
      const head = requestHead(driveway, 'PUT', '/upload/a.txt', { 'Transfer-Encoding': coding })
      const received = await exchange(head + chunked)
      expect(received).toMatch(/^HTTP\/1\.1 501 /)
      expect(problemCodeIn(received)).toBe('unsupported_transfer_coding')
      expectNothingStored(driveway)
    },
  )

  test('PUT /upload with chunked in any case stores the file', async () => {
    const head = requestHead(driveway, 'PUT', '/upload/a.txt', { 'Transfer-Encoding': 'Chunked' })
    expect(await exchange(head + chunked)).toMatch(/^HTTP\/1\.1 201 /)
  })
})

test.each([
  ['POST', '/upload/tickets', 'application/json'],
  ['POST', '/files', 'application/json'],
  ['POST', '/auth/tokens', 'application/json'],
  ['PUT', '/auth/policies/main', 'application/json'],
  ['POST', '/auth/device', 'application/x-www-form-urlencoded'],
  ['POST', '/auth/device/token', 'application/x-www-form-urlencoded'],
  ['POST', '/upload/tus', 'application/offset+octet-stream'],
  ['PUT', '/upload/a.txt', 'text/plain'],
])(
  '%s %s with a compressed body gets 415 and the accepted encoding',
  async (method, path, type) => {
    const body = gzipSync('{"name":"a"}')
    const response = await send(driveway.origin, path, {
      method,
      headers: { ...driveway.session, 'content-type': type, 'content-encoding': 'gzip' },
      body,
    })
    expectProblem(response, 415, 'unsupported_media_type')
    expect(response.headers['accept-encoding']).toBe('identity')
    expectNothingStored(driveway)
  },
)

describe('Host', () => {
  test.each([
    ['equal', 'localhost'],
    ['different', 'elsewhere.example'],
  ])('a request with two %s Host headers gets 400', async (_, second) => {
    const head = requestHead(driveway, 'GET', '/files').replace('\r\n\r\n', '')
    const received = await exchange(`${head}\r\nhost: ${second}\r\n\r\n`)
    expect(received).toMatch(/^HTTP\/1\.1 400 /)
    expect(problemCodeIn(received)).toBe('bad_request')
  })
})

describe('Expect', () => {
  const headers = { Expect: '200-ok', 'Content-Length': text.length }

  test.each(['200-ok', '100-continue, 200-ok', '"100-continue"'])(
    'a request with Expect: %s gets 417 expectation_failed as a problem',
    async (value) => {
      const head = requestHead(driveway, 'PUT', '/upload/a.txt', { ...headers, Expect: value })
      const received = await exchange(head + text)
      expect(received).toMatch(/^HTTP\/1\.1 417 /)
      expect(received).toContain('application/problem+json')
      expect(problemCodeIn(received)).toBe('expectation_failed')
      expectNothingStored(driveway)
    },
  )

  test('a request over HTTP/2 with Expect: 200-ok gets 417 expectation_failed', async () => {
    const h2 = await connectH2c(driveway.origin)
    const response = await h2.request(
      { ...driveway.bearer, ':method': 'PUT', ':path': '/upload/a.txt', expect: '200-ok' },
      text,
    )
    expect([response.status, problemCode(response)]).toEqual([417, 'expectation_failed'])
    await h2.close()
  })

  test('an HTTP/1.0 request with Expect gets no interim response (RFC 9110 §10.1.1)', async () => {
    for (const Expect of ['100-continue', '200-ok']) {
      const head = requestHead(driveway, 'PUT', '/upload/a.txt', { ...headers, Expect })
      const received = await exchange(head.replace('HTTP/1.1', 'HTTP/1.0') + text)
      expect(received).toMatch(/^HTTP\/1\.1 201 /)
    }
  })
})

const asHttp2 = (head: string): string => head.replace('HTTP/1.1', 'HTTP/2.0')

describe('an HTTP/1 request line with the version HTTP/2.0', () => {
  test('a request stores its file like one of HTTP/1.1', async () => {
    const head = requestHead(driveway, 'PUT', '/upload/a.txt', { 'Transfer-Encoding': 'chunked' })
    const received = await exchange(asHttp2(head) + chunked)
    expect(received).toMatch(/^HTTP\/1\.1 201 /)
  })

  test('stop() does not wait for pipelined requests of a disconnected client', async () => {
    const driveTimeouts = { abortGrace: 200 }
    const gateway = await startUploadGateway({ gateway: { graceMs: 60_000, driveTimeouts } })
    gateway.google.faults.add({ operation: 'drive.upload.multipart', hang: 'headers' })
    const connection = await openConnection(gateway.origin)
    const upload = requestHead(gateway, 'PUT', '/upload/a.txt', { 'Content-Length': text.length })
    const listing = asHttp2(requestHead(gateway, 'GET', '/files', { Connection: 'keep-alive' }))
    connection.socket.write(upload + text + listing.repeat(20))
    await waitFor(() => gateway.driveCalls().includes('drive.upload.multipart'))
    connection.socket.destroy()
    await gateway.gateway.stop() // resolves when no request is in flight
    await gateway.close()
  })
})
