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
import { codeOf, filePart, form, send, uploadForm } from '../kit/environment.ts'
import { codeHeard, dial, expectNothingIn, startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

const ceiling = 1_000_000
const over = Buffer.alloc(ceiling + 1)

let driveway: Uploading
let free: Uploading

beforeAll(async () => {
  driveway = await startUploading({ env: { MAX_REQUEST_BYTES: String(ceiling) } })
  free = await startUploading()
})

afterAll(async () => {
  await driveway.close()
  await free.close()
})

describe('a front end’s ceiling for one request (case 62)', () => {
  test('is told by OPTIONS, and only where there is one', async () => {
    const told = await send(driveway.origin, '/upload', { method: 'OPTIONS' })
    expect([told.status, told.headers['driveway-max-request-bytes']]).toEqual([204, '1000000'])
    expect(told.headers.allow).toBe('POST')
    const untold = await send(free.origin, '/upload', { method: 'OPTIONS' })
    expect([untold.status, 'driveway-max-request-bytes' in untold.headers]).toEqual([204, false])
  })

  test('refuses a longer request before its body, raw and as a form', async () => {
    driveway.google.calls.length = 0
    for (const [method, path, type] of [
      ['PUT', '/upload/a.bin', 'text/plain'],
      ['POST', '/upload', 'multipart/form-data; boundary=b'],
    ]) {
      const line = await dial(driveway.origin)
      line.socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${driveway.bearer['authorization']}\r\n` +
          `Content-Type: ${type}\r\nContent-Length: ${over.length}\r\nExpect: 100-continue\r\n\r\n`,
      )
      const heard = await line.hears((text) => text.includes('}\n'))
      line.socket.destroy()
      expect([line.statuses(), codeHeard(heard)]).toEqual([[413], 'too_large'])
      expect(heard).not.toContain('100 Continue')
    }
    expect(driveway.driveCalls()).toEqual([])
  })

  test('lets a request pass that just fits', async () => {
    const answer = await send(driveway.origin, '/upload/fits', {
      method: 'PUT',
      headers: driveway.bearer,
      body: over.subarray(1),
    })
    expect(answer.status).toBe(201)
    expect((await uploadForm(free, form('b', filePart('a', over)))).status).toBe(201)
    driveway.forget()
    free.forget()
  })

  test('comes with a line for the shell that does it all the same', async () => {
    const refused = await send(driveway.origin, '/upload/a', {
      method: 'PUT',
      headers: driveway.bearer,
      body: over,
    })
    const { detail } = JSON.parse(refused.body) as { detail: string }
    const line = detail.slice(detail.indexOf(': ') + 2)
    const folder = await mkdtemp(join(tmpdir(), 'ceiling-'))
    try {
      const bytes = randomBytes(17 * 1024 * 1024)
      await writeFile(join(folder, "it's 1.bin"), bytes)
      await promisify(execFile)('sh', ['-ec', line.replaceAll('16777216', '786432')], {
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
      driveway.forget()
    }
  })
})

describe('over HTTP/2, where a body that was cut off looks whole', () => {
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

  /** @returns status and body */
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
      stream.on('response', (answer) => (status = Number(answer[':status'])))
      stream.on('data', (data: Buffer) => (text += data.toString()))
      stream.on('end', () => resolve({ status, body: text }))
      stream.on('error', reject)
      stream.end(body)
    })
  }

  test('its length has to be told', async () => {
    const answer = await put({}, Buffer.from('hello'))
    expect([answer.status, codeOf(answer)]).toEqual([411, 'length_required'])
    expectNothingIn(driveway)
  })

  test.each<[string, Record<string, string | number>]>([
    ['its length', { 'content-length': over.length }],
    ['its digest', { 'repr-digest': `sha-256=:${hash(over)}:` }],
  ])('it is taken with %s, past the ceiling of HTTP/1', async (_, headers) => {
    const answer = await put(headers, over)
    expect(answer.status).toBe(201)
    expect(driveway.uploaded().map(({ size }) => size)).toEqual([over.length])
    driveway.forget()
  })

  test.each<[string, Record<string, string | number>]>([
    ['its length', { 'content-length': over.length }],
    ['its digest', { 'repr-digest': `sha-256=:${hash(over)}:` }],
  ])('what is cut off leaves nothing, with %s told', async (_, headers) => {
    const stream = session.request({
      ':method': 'PUT',
      ':path': '/upload/a.bin',
      ...driveway.bearer,
      ...headers,
    })
    stream.on('error', () => {})
    driveway.google.calls.length = 0
    stream.write(over.subarray(1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    stream.close()
    await driveway.settled()
  })
})

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64')
}
