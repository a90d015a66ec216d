import { http } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { IncomingMessage, Server } from 'node:http'
import { GatewayError } from '../../functions/errors.ts'
import { streamBodies } from '../../functions/http/framework-streaming.ts'
import { readBody } from '../../functions/http/body-stream.ts'
import { createRouter } from '../../functions/http/router.ts'
import type { RequestContext } from '../../functions/http/router.ts'
import { createLog } from '../../functions/http/log.ts'
import { createErrorBoundary } from '../../functions/http/uncaught-errors.ts'
import { createOriginPolicy } from '../../functions/http/cors.ts'
import { createGracefulShutdown } from '../../functions/http/graceful-shutdown.ts'
import { listen, send } from '../kit/environment.ts'
import type { RawConnection } from '../kit/upload.ts'
import { openConnection, waitFor } from '../kit/upload.ts'

/** The last request that the function handled. */
let last: { rawBody: unknown; headers: IncomingMessage['headers']; failure?: unknown; read: number }
let release: (() => void) | undefined

const bodyOf = ({ req, res }: RequestContext): AsyncGenerator<Buffer> => readBody(req, res, 5_000)

async function run(call: RequestContext): Promise<void> {
  const { req, res, query } = call
  last = { rawBody: (req as { rawBody?: unknown }).rawBody, headers: { ...req.headers }, read: 0 }
  const action = query.get('do')
  if (action === 'refuse') throw new GatewayError('too_large', 'Rejected before the body')
  const parts: Buffer[] = []
  try {
    for await (const part of bodyOf(call)) {
      last.read += part.length
      if (action === 'wait' && last.read === part.length)
        await new Promise<void>((resolve) => (release = resolve))
      if (action === 'refuse-late') throw new GatewayError('too_large', 'Rejected within the body')
      if (action !== 'count') parts.push(part)
    }
  } catch (error) {
    last.failure = error
    throw error
  }
  const text = JSON.stringify({
    method: req.method,
    read: last.read,
    body: String(Buffer.concat(parts)),
  })
  res.writeHead(200, { 'content-length': Buffer.byteLength(text) }).end(text)
}

const shutdown = createGracefulShutdown()
const log = createLog('test', () => {})
const path = /^$/
const handler = createRouter(
  'echo',
  (['GET', 'POST'] as const).map((method) => ({ method, path, run })),
  {
    log,
    origins: createOriginPolicy('http://localhost', []),
    shutdown,
    errorBoundary: createErrorBoundary(log),
  },
)
http('echo', handler)

let server: Server
let origin: string
const stops: (() => void)[] = []

beforeAll(async () => {
  server = getTestServer('echo')
  origin = await listen(server)
})

afterAll(async () => {
  for (const stop of stops) stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const post = (
  body: string,
  headers = `Content-Length: ${body.length}\r\n`,
  target = '/echo',
): string => `POST ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`
const get = 'GET /echo HTTP/1.1\r\nHost: x\r\n\r\n'

/** The bodies of all received responses. */
const bodies = (connection: RawConnection): unknown[] =>
  [...connection.received().matchAll(/\r\n\r\n(\{.*?\})(?=HTTP|$)/gs)].map(
    ([, body]) => (JSON.parse(body ?? '') as { body: string }).body,
  )

async function exchange(sent: string, count: number): Promise<RawConnection> {
  const connection = await openConnection(origin)
  connection.socket.write(sent)
  await connection.waitFor(() => connection.statuses().length >= count)
  return connection
}

test('without streamBodies() the framework buffers the body and the function still gets it', async () => {
  const response = await send(origin, '/echo', {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: 'hello',
  })
  expect(JSON.parse(response.body)).toMatchObject({ body: 'hello', read: 5 })
  expect(last.rawBody).toEqual(Buffer.from('hello'))
})

describe('with streamBodies()', () => {
  beforeAll(() => {
    // A second copy of the module, as in another function or test, changes nothing.
    stops.push(streamBodies(shutdown.attach), streamBodies(shutdown.attach))
  })

  test.each([
    'text/plain',
    'application/json',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
  ])(
    'a body of type %s reaches the function as a stream with its original headers',
    async (type) => {
      const response = await send(origin, '/echo', {
        method: 'POST',
        headers: { 'content-type': type, 'content-length': '1' },
        body: '{',
      })
      expect(JSON.parse(response.body)).toMatchObject({ body: '{' })
      // If this fails, the framework has changed how it reads bodies: see framework-streaming.ts.
      expect(last.rawBody).toBeUndefined()
      expect(last.headers).toMatchObject({ 'content-length': '1', 'content-type': type })
    },
  )

  test('the server has no request timeout, and a headers timeout of 15 s', async () => {
    await send(origin, '/echo')
    expect(server.requestTimeout).toBe(0)
    expect(server.headersTimeout).toBe(15_000)
  })

  test('one connection serves five requests with empty, normal, chunked and no bodies', async () => {
    const connection = await openConnection(origin)
    const chunks = post('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n')
    const requests = [post('one'), post(''), get, chunks, post('five')]
    for (const [index, request] of requests.entries()) {
      connection.socket.write(request)
      await connection.waitFor(() => bodies(connection).length === index + 1)
    }
    expect(bodies(connection)).toEqual(['one', '', '', 'abcde', 'five'])
    expect(last.headers['transfer-encoding']).toBeUndefined()
    connection.socket.destroy()
  })

  test('pipelined requests are answered in order', async () => {
    const connection = await exchange(post('1') + post('2') + get + post('4'), 4)
    expect(bodies(connection)).toEqual(['1', '2', '', '4'])
    connection.socket.destroy()
  })

  test('a client with Expect: 100-continue gets 100 Continue, or an error without it', async () => {
    const expecting = 'Expect: 100-continue\r\nContent-Length: 5\r\n'
    const connection = await openConnection(origin)
    connection.socket.write(post('', expecting))
    expect(await connection.waitFor((received) => received !== '')).toBe(
      'HTTP/1.1 100 Continue\r\n\r\n',
    )
    connection.socket.write('hello')
    await connection.waitFor(() => bodies(connection).length === 1)
    expect(bodies(connection)).toEqual(['hello'])
    connection.socket.destroy()

    const refused = await exchange(post('', expecting, '/echo?do=refuse'), 1)
    await refused.closed
    expect(refused.received()).toMatch(/^HTTP\/1\.1 413 /)
  })

  test.each(['FIN', 'RST'])(
    'a disconnect with %s ends its request and no other',
    async (packet) => {
      const connection = await openConnection(origin)
      connection.socket.write(post('half', 'Content-Length: 8\r\n'))
      await waitFor(() => last.read === 4)
      if (packet === 'FIN') connection.socket.end()
      else connection.socket.resetAndDestroy()
      await waitFor(() => last.failure !== undefined)
      expect(last.failure).toMatchObject({ code: 'truncated' })
      await connection.closed
      const next = await exchange(post('next'), 1)
      expect(bodies(next)).toEqual(['next'])
      next.socket.destroy()
    },
  )

  test.each(['refuse', 'refuse-late'])(
    'after an early error (%s) the connection closes or serves the next request',
    async (how) => {
      const connection = await exchange(
        post('x'.repeat(100_000), undefined, `/echo?do=${how}`) + post('next'),
        1,
      )
      // The response may close the connection; otherwise the next request gets its response.
      const isLastResponse = connection.received().includes('connection: close')
      if (isLastResponse) await connection.closed
      else await connection.waitFor(() => connection.statuses().length === 2)
      expect(connection.statuses()).toEqual(isLastResponse ? [413] : [413, 200])
      connection.socket.destroy()
    },
  )

  test('a function that reads slowly applies backpressure to its client', async () => {
    const connection = await openConnection(origin)
    const megabyte = Buffer.alloc(1024 * 1024)
    connection.socket.write(
      post('', `Content-Length: ${64 * megabyte.length}\r\n`, '/echo?do=wait'),
    )
    for (let sent = 0; sent < 64; sent++) connection.socket.write(megabyte)
    await waitFor(() => release !== undefined)
    const sentBytes = (): number =>
      connection.socket.bytesWritten - connection.socket.writableLength
    let previous = -1
    const hasStopped = (): boolean => {
      const isUnchanged = sentBytes() === previous
      previous = sentBytes()
      return isUnchanged
    }
    await waitFor(hasStopped, { intervalMs: 100 })
    // The rest is in the socket buffers.
    expect(sentBytes()).toBeLessThan(32 * megabyte.length)
    expect(last.read).toBeLessThan(megabyte.length)
    connection.socket.destroy()
    release?.()
  })
})
