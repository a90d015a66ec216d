/**
 * One port for HTTP/1.1 and HTTP/2 without TLS (h2c with prior knowledge), detected by the first bytes
 * of a connection. Cloud Run has no request size limit for HTTP/2.
 *
 * @see RFC 9113 section 3.4: the connection preface
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { networkPrefix } from './client-ip.ts'
import { isBeyondBudget, limitHttp2Session } from './http2-session-limits.ts'
import type { Http2SessionLimits } from './http2-session-limits.ts'
import { createNetworkSlots } from './network-slots.ts'
import type { NetworkSlots } from './network-slots.ts'

export interface Servers {
  /** Listens on the port. */
  http1: Server
  /** Receives its connections from `http1`. */
  http2: Http2Server
}

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** No HTTP/1 method starts with these bytes. */
const prefaceStart = Buffer.from('PRI')
/** Timeout in milliseconds for the first bytes of a connection. */
const sniffTimeoutMs = 15_000
/** Node's default flow-control window is 64 KiB: a round trip for every few packets. */
const streamWindowBytes = 256 * 1024
const sessionWindowBytes = 16 * 1024 * 1024

/** More than the maximum concurrency of a Cloud Run instance that is configured here. */
const maxConcurrentStreams = 128

export interface ConnectionLimits extends Http2SessionLimits {
  /** Connections of one address (an IPv6 /64) at a time; an eighth of them may use HTTP/2. */
  maxPerAddress: number
  /** Whether an address is a proxy, which may open any number of connections. */
  isTrusted(address: string): boolean
}

export const defaultLimits: ConnectionLimits = {
  idleTimeoutMs: 30_000,
  closeTimeoutMs: 5_000,
  stallTimeoutMs: 30_000,
  maxUnfinished: maxConcurrentStreams + 64,
  maxPerAddress: Infinity,
  isTrusted: () => false,
}

/** @param listener handles HTTP/1 and HTTP/2 requests, which have the same interface in Node */
export function createServers(
  listener: Listener,
  options: Partial<ConnectionLimits> = {},
): Servers {
  const limits = { ...defaultLimits, ...options }
  const { maxPerAddress, stallTimeoutMs, isTrusted } = limits
  const connections = createNetworkSlots(Infinity, maxPerAddress)
  const http2Connections = createNetworkSlots(Infinity, Math.max(1, Math.floor(maxPerAddress / 8)))
  const http1 = createServer((req, res) => {
    destroyWhenStalled(res, stallTimeoutMs)
    return listener(req, res)
  })
  const http2 = createHttp2Server(
    {
      settings: {
        initialWindowSize: streamWindowBytes,
        maxConcurrentStreams,
        maxHeaderListSize: 16 * 1024, // the limit of HTTP/1
        enablePush: false,
      },
    },
    (req: Http2ServerRequest, res: Http2ServerResponse) => {
      if (isBeyondBudget(req.stream)) return
      void listener(req as unknown as IncomingMessage, res as unknown as ServerResponse)
    },
  )
  http2.on('session', (session) => session.setLocalWindowSize(sessionWindowBytes))

  /** Takes a slot for as long as the connection is open, or destroys it. */
  const admit = (socket: Socket, slots: NetworkSlots): boolean => {
    const address = socket.remoteAddress ?? ''
    if (isTrusted(address)) return true
    const freeSlot = slots.take(networkPrefix(address))
    if (freeSlot) socket.once('close', freeSlot)
    else socket.destroy()
    return freeSlot !== undefined
  }

  // The HTTP/1 server listens, because its timeouts run only in a listening server.
  const [serveHttp1] = http1.listeners('connection')
  http1.removeAllListeners('connection')
  http1.on('connection', (socket: Socket) => {
    if (!admit(socket, connections)) return
    sniffProtocol(socket, (isHttp2) => {
      if (!isHttp2) {
        serveHttp1?.call(http1, socket)
        return
      }
      if (!admit(socket, http2Connections)) return
      socket.allowHalfOpen = false // the HTTP/1 server allows half-open connections
      // Emitted before emit() returns.
      http2.once('session', (session) => limitHttp2Session(session, socket, limits))
      http2.emit('connection', socket)
    })
  })
  return { http1, http2 }
}

/** Detects the protocol of a connection from its first bytes, which are put back. */
function sniffProtocol(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let received = Buffer.alloc(0)
  const destroy = (): void => void socket.destroy()
  const onReadable = (): void => {
    const bytes = socket.read() as Buffer | null
    if (!bytes) return
    received = Buffer.concat([received, bytes])
    const length = Math.min(received.length, prefaceStart.length)
    const mayBeHttp2 = received.subarray(0, length).equals(prefaceStart.subarray(0, length))
    if (mayBeHttp2 && length < prefaceStart.length) return
    socket.off('readable', onReadable)
    socket.unshift(received)
    // In the next tick Node checks for more to read. If the socket had its new owner by then, that check
    // would resume the socket after the owner paused it, without end.
    process.nextTick(() => {
      socket.off('end', destroy).off('error', destroy).off('timeout', destroy)
      if (socket.destroyed) return
      socket.setTimeout(0)
      decide(mayBeHttp2)
    })
  }
  socket.on('readable', onReadable).on('end', destroy).on('error', destroy).on('timeout', destroy)
  socket.setTimeout(sniffTimeoutMs)
}

/** Destroys the connection when the client accepts no byte of a response that is complete. */
function destroyWhenStalled(res: ServerResponse, timeoutMs: number): void {
  res.once('prefinish', () => {
    const { socket } = res
    if (!socket || res.writableFinished) return
    socket.setTimeout(timeoutMs) // Node destroys the socket, unless a write makes progress
    res.prependOnceListener('finish', () => socket.setTimeout(0)) // before Node's keep-alive timeout
  })
}
