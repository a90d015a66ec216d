import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:http2'
import type { ClientHttp2Session, Http2Server } from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { filePart, form, send, uploadForm } from '../kit/environment.ts'
import { expectProblem, parseJson, uploadFile } from '../kit/requests.ts'
import {
  expectNothingStored,
  openConnection,
  problemCodeIn,
  requestHead,
  startUploadGateway,
} from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const maxRequestBytes = 1_000_000
const tooLong = Buffer.alloc(maxRequestBytes + 1)

let driveway: UploadGateway
let unlimited: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({ env: { MAX_REQUEST_BYTES: String(maxRequestBytes) } })
  unlimited = await startUploadGateway()
})

afterAll(async () => {
  await driveway.close()
  await unlimited.close()
})

describe('MAX_REQUEST_BYTES', () => {
  test('is announced by OPTIONS, when it is set', async () => {
    const limited = await send(driveway.origin, '/upload', { method: 'OPTIONS' })
    expect([limited.status, limited.headers['driveway-max-request-bytes']]).toEqual([
      204,
      '1000000',
    ])
    expect(limited.headers.allow).toBe('POST')
    const withoutLimit = await send(unlimited.origin, '/upload', { method: 'OPTIONS' })
    expect([withoutLimit.status, 'driveway-max-request-bytes' in withoutLimit.headers]).toEqual([
      204,
      false,
    ])
  })

  test('rejects a longer request before its body, for PUT and POST', async () => {
    driveway.google.calls.length = 0
    for (const [method, path, type] of [
      ['PUT', '/upload/a.bin', 'text/plain'],
      ['POST', '/upload', 'multipart/form-data; boundary=b'],
    ] as const) {
      const connection = await openConnection(driveway.origin)
      const headers = {
        'Content-Type': type,
        'Content-Length': tooLong.length,
        Expect: '100-continue',
      }
      connection.socket.write(requestHead(driveway, method, path, headers))
      const received = await connection.waitFor((text) => text.includes('}\n'))
      connection.socket.destroy()
      expect([connection.statuses(), problemCodeIn(received)]).toEqual([[413], 'too_large'])
      expect(received).not.toContain('100 Continue')
    }
    expect(driveway.driveCalls()).toEqual([])
  })

  test('accepts a request of exactly this length', async () => {
    const response = await uploadFile(driveway, 'fits', tooLong.subarray(1))
    expect(response.status).toBe(201)
    expect((await uploadForm(unlimited, form('b', filePart('a', tooLong)))).status).toBe(201)
    driveway.resetUploads()
    unlimited.resetUploads()
  })

  test('rejects with a shell command that uploads the file in chunks', async () => {
    const response = await uploadFile(driveway, 'a', tooLong)
    const { detail } = parseJson<{ detail: string }>(response)
    const command = detail.slice(detail.indexOf(': ') + 2)
    const folder = await mkdtemp(join(tmpdir(), 'driveway-'))
    try {
      const bytes = randomBytes(17 * 1024 * 1024)
      await writeFile(join(folder, "it's 1.bin"), bytes)
      await promisify(execFile)('sh', ['-ec', command.replaceAll('16777216', '786432')], {
        cwd: folder,
        env: {
          PATH: process.env['PATH'],
          f: "it's 1.bin",
          TOKEN: (driveway.bearer['authorization'] ?? '').replace('Bearer ', ''),
        },
      })
      expect(driveway.uploaded().map(({ name, sha256 }) => [name, sha256])).toEqual([
        ["it's 1.bin", createHash('sha256').update(bytes).digest('hex')],
      ])
    } finally {
      await rm(folder, { recursive: true })
      driveway.resetUploads()
    }
  })
})

describe('PUT /upload over HTTP/2, where an interrupted body looks complete', () => {
  let server: Http2Server
  let session: ClientHttp2Session

  beforeAll(async () => {
    server = createServer((req, res) => {
      const plain = [req, res] as unknown as [IncomingMessage, ServerResponse]
      void driveway.gateway.upload(...plain)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })

  afterAll(async () => {
    session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  /** Sends PUT /upload/a.bin over HTTP/2. */
  function put(
    headers: Record<string, string | number>,
    body: Buffer,
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'PUT',
        ':path': '/upload/a.bin',
        ...driveway.bearer,
        ...headers,
      })
      let text = ''
      let status = 0
      stream.on('response', (response) => (status = Number(response[':status'])))
      stream.on('data', (data: Buffer) => (text += data.toString()))
      stream.on('end', () => resolve({ status, body: text }))
      stream.on('error', reject)
      stream.end(body)
    })
  }

  test('requires a length or a digest', async () => {
    const response = await put({}, Buffer.from('hello'))
    expectProblem(response, 411, 'length_required')
    expectNothingStored(driveway)
  })

  test.each<[string, Record<string, string | number>]>([
    ['a length', { 'content-length': tooLong.length }],
    ['a digest', { 'repr-digest': `sha-256=:${hash(tooLong)}:` }],
  ])('accepts a body with %s over MAX_REQUEST_BYTES', async (_, headers) => {
    const response = await put(headers, tooLong)
    expect(response.status).toBe(201)
    expect(driveway.uploaded().map(({ size }) => size)).toEqual([tooLong.length])
    driveway.resetUploads()
  })

  test.each<[string, Record<string, string | number>]>([
    ['a length', { 'content-length': tooLong.length }],
    ['a digest', { 'repr-digest': `sha-256=:${hash(tooLong)}:` }],
  ])('stores nothing when a body with %s is interrupted', async (_, headers) => {
    const stream = session.request({
      ':method': 'PUT',
      ':path': '/upload/a.bin',
      ...driveway.bearer,
      ...headers,
    })
    stream.on('error', () => {})
    driveway.google.calls.length = 0
    stream.write(tooLong.subarray(1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    stream.close()
    await driveway.settled()
  })
})

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64')
}
