/** Connections that stop in the middle, and too many of them, over HTTP/2 and HTTP/1. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createServers } from '../../functions/http/h2c.ts'
import type { ConnectionLimits } from '../../functions/http/h2c.ts'
import { listen } from '../kit/environment.ts'
import { connectH2c, openRawSession, setting } from '../kit/h2c.ts'
import type { RawSession } from '../kit/h2c.ts'
import { waitFor } from '../kit/wait-for.ts'

const mebibyte = 1024 * 1024
const sockets: Socket[] = []
const servers: Server[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

type Listener = (req: IncomingMessage, res: ServerResponse) => void
const respond: Listener = (_, res) => void res.end('hello')

interface TestServer {
  origin: string
  /** Returns the connections that the server has not closed. */
  connections(): Promise<number>
}

async function start(limits: Partial<ConnectionLimits>, listener = respond): Promise<TestServer> {
  const { http1 } = createServers(listener, limits)
  servers.push(http1)
  const origin = await listen(http1)
  return {
    origin,
    connections: () =>
      new Promise((resolve, reject) => {
        http1.getConnections((error, count) => (error ? reject(error) : resolve(count)))
      }),
  }
}

async function openSession(origin: string, settings?: Buffer): Promise<RawSession> {
  const session = await openRawSession(origin, settings)
  sockets.push(session.socket)
  return session
}

function openSocket(origin: string): Socket {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  sockets.push(socket.on('error', () => {}))
  return socket
}

const deadlines = { idleTimeoutMs: 100, closeTimeoutMs: 50, stallTimeoutMs: 100 }

/** Ends in the middle of the frame, of the header block, or of the response. */
const halves: Record<string, (origin: string) => Promise<unknown>> = {
  'the first bytes of the preface': async (origin) =>
    openSocket(origin).write('PRI * HTTP/2.0\r\n'),
  'no request': openSession,
  'the first 30 bytes of a HEADERS frame': async (origin) => {
    const { socket } = await openSession(origin)
    const head = Buffer.from([0, 1, 0, 1, 4, 0, 0, 0, 1])
    socket.write(Buffer.concat([head, Buffer.alloc(21)]))
  },
  'HEADERS without END_HEADERS': async (origin) =>
    (await openSession(origin)).sendHeaders(1, {}, 0),
  'INITIAL_WINDOW_SIZE=0 and a GET': async (origin) => {
    const session = await openSession(origin, setting(4, 0))
    session.sendHeaders(1)
  },
  'a connection window that is never updated': async (origin) => {
    const session = await openSession(origin, setting(4, mebibyte))
    session.sendHeaders(1)
  },
}

describe('the server destroys an HTTP/2 connection that sends', () => {
  test.each(Object.keys(halves))('%s, and nothing more', async (half) => {
    const server = await start(deadlines, (_, res) => void res.end(Buffer.alloc(mebibyte)))
    await halves[half]?.(server.origin)
    await waitFor(async () => (await server.connections()) === 1)
    await waitFor(async () => (await server.connections()) === 0)
  })

  test('PING frames instead of requests', async () => {
    const server = await start(deadlines)
    const session = await openSession(server.origin)
    session.socket.resume()
    const pings = setInterval(() => session.send('ping', 0, 0, Buffer.alloc(8)), 10)
    await waitFor(async () => (await server.connections()) === 0)
    clearInterval(pings)
  })
})

test('an HTTP/2 connection with a request in progress stays open', async () => {
  let response: ServerResponse | undefined
  const server = await start({ ...deadlines, idleTimeoutMs: 30 }, (_, res) => (response = res))
  const client = await connectH2c(server.origin)
  const request = client.request({ ':method': 'GET', ':path': '/' })
  await waitFor(() => response !== undefined)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(client.session.closed).toBe(false)
  response?.end('late')
  expect((await request).body).toBe('late')
  await client.close()
})

test('an HTTP/1 connection that does not read its response is destroyed', async () => {
  const server = await start(deadlines, (_, res) => void res.end(Buffer.alloc(16 * mebibyte)))
  const socket = openSocket(server.origin).pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await waitFor(async () => (await server.connections()) === 1)
  // The deadline grows with the bytes that are pending, at the minimum rate.
  await waitFor(async () => (await server.connections()) === 0)
})

describe('the connections of one address', () => {
  test('are limited, and those of trusted proxies are not', async () => {
    const limited = await start({ maxPerAddress: 8 })
    const connections = Array.from({ length: 12 }, () => openSocket(limited.origin))
    await waitFor(
      () =>
        connections.filter(({ readableEnded, destroyed }) => readableEnded || destroyed).length ===
        4,
    )
    expect(await limited.connections()).toBe(8)
    connections[0]?.destroy()
    await waitFor(async () => (await limited.connections()) === 7)
    const next = openSocket(limited.origin)
    next.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitFor(() => next.bytesRead > 0)

    const trusting = await start({ maxPerAddress: 8, isTrusted: () => true })
    Array.from({ length: 12 }, () => openSocket(trusting.origin))
    await waitFor(async () => (await trusting.connections()) === 12)
  })

  test('are limited to an eighth for HTTP/2', async () => {
    const server = await start({ maxPerAddress: 16 })
    await Promise.all(Array.from({ length: 5 }, () => openSession(server.origin)))
    await waitFor(async () => (await server.connections()) === 2)
  })
})

/** Opens streams and resets each at once. */
function resetStreams(session: RawSession, count: number): void {
  const cancel = Buffer.from([0, 0, 0, 8])
  for (let index = 0; index < count; index++) {
    session.sendHeaders(2 * index + 1)
    session.send('reset', 0, 2 * index + 1, cancel)
  }
}

describe('streams that a client resets', () => {
  test('end the connection when they exceed its budget', async () => {
    let requests = 0
    const server = await start({}, () => void requests++)
    const session = await openSession(server.origin)
    session.socket.cork()
    resetStreams(session, 2_000)
    session.socket.uncork()
    await waitFor(async () => (await server.connections()) === 0)
    expect(requests).toBeLessThan(300)
  })

  test('leave the connection open within its budget, like any number of complete streams', async () => {
    const server = await start({})
    const client = await connectH2c(server.origin)
    for (let round = 0; round < 10; round++) {
      const responses = await Promise.all(
        Array.from({ length: 100 }, () => client.request({ ':method': 'GET', ':path': '/' })),
      )
      expect(responses.every(({ body }) => body === 'hello')).toBe(true)
    }
    for (let index = 0; index < 20; index++) {
      client.startRequest({ ':method': 'GET', ':path': '/' }).stream.close(8)
    }
    expect((await client.request({ ':method': 'GET', ':path': '/' })).body).toBe('hello')
    await client.close()
  })
})
