/** HTTP/2 without TLS: Node's client, and hand-written frames. */
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'

type Headers = Record<string, string | number>

export interface H2cClient {
  session: ClientHttp2Session
  /** The connection below the session. */
  socket: Socket
  /** Starts a request, by default `POST /upload`, and leaves its body to the caller. */
  startRequest(headers: Headers): H2cRequest
  /** Sends a request with its body, which may have several pieces. */
  request(headers: Headers, body?: Buffer | string | Iterable<Buffer>): Promise<H2cResponse>
  close(): Promise<void>
}

export interface H2cRequest {
  stream: ClientHttp2Stream
  response: Promise<H2cResponse>
}

export interface H2cResponse {
  /** 0 without a response. */
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** Error code of the stream (RFC 9113 §7); 0 without an error. */
  rstCode: number
}

/** Opens an HTTP/2 session with prior knowledge (RFC 9113 §3.3). */
export async function connectH2c(origin: string): Promise<H2cClient> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const session = connectHttp2(origin, { createConnection: () => socket })
  session.on('error', () => {}) // each of its streams reports the error
  const startRequest = (headers: Headers): H2cRequest => {
    const stream = session.request({ ':method': 'POST', ':path': '/upload', ...headers })
    return { stream, response: readResponse(stream) }
  }
  return {
    session,
    socket,
    startRequest,
    async request(headers, body) {
      const { stream, response } = startRequest(headers)
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) stream.end(body)
      else Readable.from(body).pipe(stream)
      return response
    },
    async close() {
      session.destroy()
      if (!socket.closed) await once(socket, 'close')
    },
  }
}

async function readResponse(stream: ClientHttp2Stream): Promise<H2cResponse> {
  const response: H2cResponse = { status: 0, headers: {}, body: '', rstCode: 0 }
  stream.setEncoding('utf8')
  stream.on('response', (headers) => {
    response.status = Number(headers[':status'])
    response.headers = headers
  })
  stream.on('data', (text: string) => (response.body += text))
  stream.on('error', () => {})
  await new Promise<void>((resolve) => stream.once('close', resolve))
  return { ...response, rstCode: stream.rstCode }
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6 }
const endStream = 1
const endHeaders = 4

/** Encodes a frame. @see RFC 9113 section 4.1 */
function frame(
  type: keyof typeof frameTypes,
  flags: number,
  stream: number,
  payload: Buffer,
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(frameTypes[type], 3)
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

/** Encodes headers as literals without indexing. @see RFC 7541 section 6.2.2 */
function hpack(headers: Headers): Buffer {
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([0]),
      hpackText(name),
      hpackText(String(value)),
    ]),
  )
}

/** A connection whose frames the test sends. */
export interface RawSession {
  socket: Socket
  send(type: keyof typeof frameTypes, flags: number, stream: number, payload: Buffer): void
  /** Sends a HEADERS frame, by default one of a complete `GET` request. */
  sendHeaders(stream: number, headers?: Headers, flags?: number): void
}

/** Opens a connection, and sends the preface and the settings. */
export async function openRawSession(
  origin: string,
  settings: Buffer = Buffer.alloc(0),
): Promise<RawSession> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.setNoDelay(true).on('error', () => {})
  await once(socket, 'connect')
  socket.write(Buffer.concat([preface, frame('settings', 0, 0, settings)]))
  return {
    socket,
    send: (...parts) => void socket.write(frame(...parts)),
    sendHeaders(stream, headers = {}, flags = endHeaders | endStream) {
      const all = { ':method': 'GET', ':path': '/', ':scheme': 'http', ':authority': 'x' }
      socket.write(frame('headers', flags, stream, hpack({ ...all, ...headers })))
    },
  }
}

/** Encodes one setting. @see RFC 9113 section 6.5.1 */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id, 0)
  bytes.writeUInt32BE(value, 2)
  return bytes
}

/** A connection with one request whose frames the test sends. */
export interface RawRequest {
  socket: Socket
  /** Sends DATA frames; at most 64 KiB in all, as the window is never updated. */
  data(bytes: Buffer, isLast?: boolean): void
  reset(code: number): void
  /** Returns all bytes received so far. */
  received(): Buffer
}

/** Opens a connection and sends the headers of one request, by default `POST /upload`. */
export async function openRawRequest(origin: string, headers: Headers): Promise<RawRequest> {
  const { socket, sendHeaders } = await openRawSession(origin)
  const received: Buffer[] = []
  socket.on('data', (data) => received.push(data))
  sendHeaders(1, { ':method': 'POST', ':path': '/upload', ...headers }, endHeaders)
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
    received: () => Buffer.concat(received),
  }
}
