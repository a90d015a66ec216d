/** HTTP/2 without TLS, spoken by Node's client and frame by frame. */
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'

export interface Session {
  session: ClientHttp2Session
  /** Below the session, for cutting it. */
  socket: Socket
  /** Starts a request and leaves its body to the caller. */
  begin(headers: Record<string, string | number>): Request
  /** A whole request; the body may be many pieces. */
  ask(
    headers: Record<string, string | number>,
    body?: Buffer | string | Iterable<Buffer>,
  ): Promise<Answer>
  close(): Promise<void>
}

export interface Request {
  stream: ClientHttp2Stream
  answer: Promise<Answer>
}

export interface Answer {
  /** 0 where none came. */
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** How the stream ended: 0 is without an error. */
  rstCode: number
}

/** @param origin of a server that speaks HTTP/2 from the first byte */
export async function openSession(origin: string): Promise<Session> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const session = connectHttp2(origin, { createConnection: () => socket })
  session.on('error', () => {}) // seen by each of its streams
  const begin = (headers: Record<string, string | number>): Request => {
    const stream = session.request({ ':method': 'POST', ':path': '/upload', ...headers })
    return { stream, answer: read(stream) }
  }
  return {
    session,
    socket,
    begin,
    async ask(headers, body) {
      const { stream, answer } = begin(headers)
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) stream.end(body)
      else Readable.from(body).pipe(stream)
      return answer
    },
    async close() {
      session.destroy()
      if (!socket.closed) await once(socket, 'close')
    },
  }
}

async function read(stream: ClientHttp2Stream): Promise<Answer> {
  const answer: Answer = { status: 0, headers: {}, body: '', rstCode: 0 }
  stream.setEncoding('utf8')
  stream.on('response', (headers) => {
    answer.status = Number(headers[':status'])
    answer.headers = headers
  })
  stream.on('data', (text: string) => (answer.body += text))
  stream.on('error', () => {})
  await new Promise<void>((resolve) => stream.once('close', resolve))
  return { ...answer, rstCode: stream.rstCode }
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const types = { data: 0, headers: 1, reset: 3, settings: 4 }
const endStream = 1
const endHeaders = 4

function frame(type: keyof typeof types, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(types[type], 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

function hpackText(value: string): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const rest = bytes.length - 127
  return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), bytes])
}

/** HPACK's plainest form: each name and each value in full, and nothing remembered. */
function hpack(headers: Record<string, string | number>): Buffer {
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([0]),
      hpackText(name),
      hpackText(String(value)),
    ]),
  )
}

/** A connection with one request on it, whose body comes and ends as the test wants. */
export interface RawRequest {
  socket: Socket
  /** At most 64 KiB in all: the window is never opened. */
  data(bytes: Buffer, isLast?: boolean): void
  reset(code: number): void
  /** All that came back, as bytes. */
  heard(): Buffer
}

export async function rawRequest(
  origin: string,
  headers: Record<string, string | number>,
): Promise<RawRequest> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.setNoDelay(true).on('error', () => {})
  const heard: Buffer[] = []
  socket.on('data', (data) => heard.push(data))
  await once(socket, 'connect')
  const all = { ':method': 'POST', ':path': '/upload', ':scheme': 'http', ':authority': 'x' }
  socket.write(preface)
  socket.write(frame('settings', 0, 0, Buffer.alloc(0)))
  socket.write(frame('headers', endHeaders, 1, hpack({ ...all, ...headers })))
  return {
    socket,
    data(bytes, isLast = false) {
      for (let at = 0; at < bytes.length; at += 16_384) {
        socket.write(frame('data', 0, 1, bytes.subarray(at, at + 16_384)))
      }
      if (isLast) socket.write(frame('data', endStream, 1, Buffer.alloc(0)))
    },
    reset(code) {
      const payload = Buffer.alloc(4)
      payload.writeUInt32BE(code)
      socket.write(frame('reset', 0, 1, payload))
    },
    heard: () => Buffer.concat(heard),
  }
}
