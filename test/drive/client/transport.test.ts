import { afterEach, expect, test } from '@jest/globals'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createSend } from '../../../functions/drive/client/transport.ts'
import type { DriveResponse, Send, Timeouts } from '../../../functions/drive/client/transport.ts'
import { GatewayError } from '../../../functions/errors.ts'
import { listen } from '../../kit/environment.ts'

interface RawServer {
  url: string
  sockets: Socket[]
  /** Everything that was received, over all connections. */
  received: () => string
}

let server: Server | undefined
let sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets = []
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
  server = undefined
})

/** Starts a TCP server that behaves as `onSocket` decides. */
async function startRaw(onSocket: (socket: Socket) => void): Promise<RawServer> {
  const parts: Buffer[] = []
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
    if (socket.listenerCount('data') > 0) socket.on('data', (part: Buffer) => parts.push(part))
  })
  const url = await listen(server as never)
  return { url, sockets, received: () => Buffer.concat(parts).toString('latin1') }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const longTimeouts: Timeouts = { connect: 5_000, progress: 5_000, response: 5_000 }
const put = (
  send: Send,
  url: string,
  body: Buffer[] = [],
  signal?: AbortSignal,
): Promise<DriveResponse> => send({ method: 'PUT', url, headers: {}, body }, signal)

/** Responds to each request when its whole body has arrived. */
function respondWith(response: string): (socket: Socket) => void {
  return (socket) => {
    let text = ''
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1')
      const [head = '', body = ''] = text.split('\r\n\r\n', 2)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (!text.includes('\r\n\r\n') || body.length < length) return
      text = ''
      socket.write(response)
    })
  }
}

async function codeOf(sent: Promise<DriveResponse>): Promise<string> {
  return sent.then(
    ({ status }) => `status ${status}`,
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  )
}

test('send() sends the body in order with Content-Length over one keep-alive connection', async () => {
  const raw = await startRaw(respondWith(ok))
  const send = createSend(longTimeouts)
  for (let round = 0; round < 20; round++) {
    const response = await put(send, raw.url, [Buffer.from('ab'), Buffer.from('cd')])
    expect(response).toMatchObject({ status: 200, body: 'ok' })
  }
  expect(raw.sockets).toHaveLength(1)
  expect(raw.received()).toContain('content-length: 4\r\n')
  expect(raw.received().match(/\r\n\r\nabcd/g)).toHaveLength(20)
})

test('send() leaves no listeners on a keep-alive connection or a signal', async () => {
  const raw = await startRaw(respondWith(ok))
  const send = createSend(longTimeouts)
  const { signal } = new AbortController()
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  for (let round = 0; round < 50; round++) await put(send, raw.url, [Buffer.alloc(100_000)], signal)
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', warn)
  expect(warnings).toEqual([])
  expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1)
})

test.each([
  ['progress', { progress: 50 }, (): void => {}, [Buffer.alloc(64 << 20)]],
  [
    'response',
    { response: 50 },
    (socket: Socket): void => void socket.resume(),
    [Buffer.alloc(10)],
  ],
  [
    'response, although single bytes arrive',
    { response: 50 },
    (socket: Socket): void => {
      socket.resume().write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 10)
      socket.once('close', () => clearInterval(timer))
    },
    [],
  ],
] as const)('send() throws drive_timeout in phase %s', async (_, timeouts, onSocket, body) => {
  const raw = await startRaw(onSocket)
  const send = createSend({ ...longTimeouts, ...timeouts })
  expect(await codeOf(put(send, raw.url, [...body]))).toBe('drive_timeout')
})

test('send() throws drive_timeout when no connection is established', async () => {
  // TLS to a server that never sends its ServerHello: TCP is connected, TLS is not.
  const raw = await startRaw((socket) => void socket.resume())
  const send = createSend({ ...longTimeouts, connect: 50 })
  const url = raw.url.replace('http:', 'https:')
  expect(await codeOf(put(send, url))).toBe('drive_timeout')
})

test('send() throws drive_unavailable for a refused connection, a reset, a FIN and a truncated response', async () => {
  const send = createSend(longTimeouts)
  for (const end of [
    (socket: Socket) => void socket.once('data', () => socket.resetAndDestroy()),
    (socket: Socket) => void socket.once('data', () => socket.end()),
    (socket: Socket) => void socket.once('data', () => socket.end(ok.slice(0, -1))),
    (socket: Socket) => void socket.once('data', () => socket.end('SSH-2.0-nonsense\r\n')),
  ]) {
    const raw = await startRaw(end)
    expect(await codeOf(put(send, raw.url, [Buffer.alloc(10)]))).toBe('drive_unavailable')
    await new Promise((resolve) => server?.close(resolve))
    expect(await codeOf(put(send, raw.url))).toBe('drive_unavailable')
  }
})

test('send() returns a response that arrives before the body is sent, and uses a new connection next', async () => {
  let first = true
  const raw = await startRaw((socket) => {
    if (!first) return respondWith(ok)(socket)
    first = false
    socket.once('data', () => {
      socket.pause() // reads no further
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
    })
  })
  const send = createSend(longTimeouts)
  const response = await put(send, raw.url, [Buffer.alloc(64 << 20)])
  expect([response.status, response.body]).toEqual([403, 'no'])
  expect((await put(send, raw.url, [Buffer.from('next')])).status).toBe(200)
  expect(raw.sockets).toHaveLength(2)
})

test('send() follows no redirect and ignores interim responses', async () => {
  const redirect = 'HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n'
  const raw = await startRaw(respondWith(`HTTP/1.1 102 Processing\r\n\r\n${redirect}`))
  const response = await put(createSend(longTimeouts), raw.url)
  expect([response.status, response.headers['location']]).toEqual([307, 'http://127.0.0.1:9/'])
})

test('send() discards the body of an endless response and closes its connection', async () => {
  const raw = await startRaw((socket) => {
    socket.on('data', () => {})
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const more = (): void => {
      let hasCapacity = true
      while (hasCapacity && !socket.destroyed)
        hasCapacity = socket.write(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
    }
    socket.on('drain', more)
    more()
  })
  expect(await put(createSend(longTimeouts), raw.url)).toMatchObject({ status: 200, body: '' })
  const [socket] = raw.sockets
  await new Promise<void>((resolve) => {
    if (socket?.closed === false) socket.once('close', () => resolve())
    else resolve()
  })
})

test('send() rejects with the signal’s reason when it aborts in any phase', async () => {
  const reason = new Error('client disconnected')
  const send = createSend(longTimeouts)
  const raw = await startRaw((socket) => void socket.once('data', () => socket.pause()))
  for (const body of [[], [Buffer.alloc(64 << 20)]]) {
    const aborting = new AbortController()
    const sent = put(send, raw.url, body, aborting.signal)
    const before = raw.sockets.length
    if (server && before === 0) await once(server, 'connection')
    aborting.abort(reason)
    await expect(sent).rejects.toBe(reason)
  }
  await expect(put(send, raw.url, [], AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('send() queues requests beyond maxConnections without counting the wait as a timeout', async () => {
  const raw = await startRaw(respondWith(ok))
  const send = createSend({ ...longTimeouts, connect: 2_000 }, 2)
  const responses = await Promise.all(Array.from({ length: 20 }, () => put(send, raw.url)))
  expect(responses.every(({ status }) => status === 200)).toBe(true)
  expect(raw.sockets.length).toBeLessThanOrEqual(2)
})
