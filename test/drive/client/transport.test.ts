import { afterEach, expect, test } from '@jest/globals'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createSend } from '../../../functions/drive/client/transport.ts'
import type { DriveAnswer, Send, Timeouts } from '../../../functions/drive/client/transport.ts'
import { GatewayError } from '../../../functions/errors.ts'
import { listen } from '../../kit/environment.ts'

interface Raw {
  url: string
  sockets: Socket[]
  /** Everything that was sent, over all connections. */
  heard: () => string
}

let server: Server | undefined
let sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets = []
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
  server = undefined
})

/** A server that is as good or as bad as it is told to be. */
async function startRaw(onSocket: (socket: Socket) => void): Promise<Raw> {
  const parts: Buffer[] = []
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
    if (socket.listenerCount('data') > 0) socket.on('data', (part: Buffer) => parts.push(part))
  })
  const url = await listen(server as never)
  return { url, sockets, heard: () => Buffer.concat(parts).toString('latin1') }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const patient: Timeouts = { connect: 5_000, progress: 5_000, answer: 5_000 }
const put = (
  send: Send,
  url: string,
  body: Buffer[] = [],
  signal?: AbortSignal,
): Promise<DriveAnswer> => send({ method: 'PUT', url, headers: {}, body }, signal)

/** Answers each request once its whole body is there. */
function answering(answer: string): (socket: Socket) => void {
  return (socket) => {
    let text = ''
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1')
      const [head = '', body = ''] = text.split('\r\n\r\n', 2)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (!text.includes('\r\n\r\n') || body.length < length) return
      text = ''
      socket.write(answer)
    })
  }
}

async function codeOf(sent: Promise<DriveAnswer>): Promise<string> {
  return sent.then(
    ({ status }) => `answered ${status}`,
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  )
}

test('a body arrives in order, its length declared, over one kept connection', async () => {
  const raw = await startRaw(answering(ok))
  const send = createSend(patient)
  for (let round = 0; round < 20; round++) {
    const answer = await put(send, raw.url, [Buffer.from('ab'), Buffer.from('cd')])
    expect(answer).toMatchObject({ status: 200, body: 'ok' })
  }
  expect(raw.sockets).toHaveLength(1)
  expect(raw.heard()).toContain('content-length: 4\r\n')
  expect(raw.heard().match(/\r\n\r\nabcd/g)).toHaveLength(20)
})

test('a kept connection and a signal gather no listeners', async () => {
  const raw = await startRaw(answering(ok))
  const send = createSend(patient)
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
  ['answer', { answer: 50 }, (socket: Socket): void => void socket.resume(), [Buffer.alloc(10)]],
  [
    'answer, though a byte comes now and then',
    { answer: 50 },
    (socket: Socket): void => {
      socket.resume().write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 10)
      socket.once('close', () => clearInterval(timer))
    },
    [],
  ],
] as const)('it gives up in phase %s (case 80)', async (_, timeouts, onSocket, body) => {
  const raw = await startRaw(onSocket)
  const send = createSend({ ...patient, ...timeouts })
  expect(await codeOf(put(send, raw.url, [...body]))).toBe('drive_timeout')
})

test('it gives up where no connection comes to stand (case 80)', async () => {
  // TLS towards a server that never says hello: TCP stands, the connection does not.
  const raw = await startRaw((socket) => void socket.resume())
  const send = createSend({ ...patient, connect: 50 })
  const url = raw.url.replace('http:', 'https:')
  expect(await codeOf(put(send, url))).toBe('drive_timeout')
})

test('a refused connection, a reset, a FIN and half an answer are drive_unavailable (case 75)', async () => {
  const send = createSend(patient)
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

test('an answer ends a body that is still being sent, and the next request is clean (case 81)', async () => {
  let first = true
  const raw = await startRaw((socket) => {
    if (!first) return answering(ok)(socket)
    first = false
    socket.once('data', () => {
      socket.pause() // and reads no further
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
    })
  })
  const send = createSend(patient)
  const answer = await put(send, raw.url, [Buffer.alloc(64 << 20)])
  expect([answer.status, answer.body]).toEqual([403, 'no'])
  expect((await put(send, raw.url, [Buffer.from('next')])).status).toBe(200)
  expect(raw.sockets).toHaveLength(2)
})

test('no redirect is followed, and interim answers are passed over (case 84)', async () => {
  const redirect = 'HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n'
  const raw = await startRaw(answering(`HTTP/1.1 102 Processing\r\n\r\n${redirect}`))
  const answer = await put(createSend(patient), raw.url)
  expect([answer.status, answer.headers['location']]).toEqual([307, 'http://127.0.0.1:9/'])
})

test('an answer without end counts as one that says nothing, and its connection is closed (case 84)', async () => {
  const raw = await startRaw((socket) => {
    socket.on('data', () => {})
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const more = (): void => {
      let room = true
      while (room && !socket.destroyed) room = socket.write(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
    }
    socket.on('drain', more)
    more()
  })
  expect(await put(createSend(patient), raw.url)).toMatchObject({ status: 200, body: '' })
  const [socket] = raw.sockets
  await new Promise<void>((resolve) => {
    if (socket?.closed === false) socket.once('close', () => resolve())
    else resolve()
  })
})

test('an abort ends a request in any phase, with the signal’s reason', async () => {
  const reason = new Error('the caller left')
  const send = createSend(patient)
  const raw = await startRaw((socket) => void socket.once('data', () => socket.pause()))
  for (const body of [[], [Buffer.alloc(64 << 20)]]) {
    const leaving = new AbortController()
    const sent = put(send, raw.url, body, leaving.signal)
    const before = raw.sockets.length
    if (server && before === 0) await once(server, 'connection')
    leaving.abort(reason)
    await expect(sent).rejects.toBe(reason)
  }
  await expect(put(send, raw.url, [], AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('requests beyond the limit of connections wait for one, and are not late by that', async () => {
  const raw = await startRaw(answering(ok))
  const send = createSend({ ...patient, connect: 2_000 }, 2)
  const answers = await Promise.all(Array.from({ length: 20 }, () => put(send, raw.url)))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect(raw.sockets.length).toBeLessThanOrEqual(2)
})
