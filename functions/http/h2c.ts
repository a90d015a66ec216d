/**
 * One port for HTTP/1.1 and for HTTP/2 without TLS ("h2c", by prior knowledge), told apart by the
 * first bytes of a connection. A front end that speaks HTTP/2 to us puts no ceiling on a request.
 *
 * @see RFC 9113 section 3.4: the connection preface
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'

export interface Servers {
  /** The one that listens. */
  http1: Server
  /** Is given its connections by the other. */
  http2: Http2Server
}

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** No method of HTTP/1 begins with all of these. */
const prefaceStart = Buffer.from('PRI')
/** Milliseconds that a connection may stand without saying which of the two it is. */
const firstBytesMs = 15_000
/** Milliseconds without any traffic after which a session takes no further request. */
const idleSessionMs = 120_000

/** Node starts with 64 KiB for each window: a round trip would be waited for every few packets. */
const streamWindowBytes = 256 * 1024
const sessionWindowBytes = 16 * 1024 * 1024

/** As many as Cloud Run sends to an instance at most, and some. */
const maxConcurrentStreams = 256

/** @param listener takes requests of both kinds: Node gives them the same shape */
export function createServers(listener: Listener): Servers {
  const http1 = createServer(listener)
  const http2 = createHttp2Server(
    {
      settings: {
        initialWindowSize: streamWindowBytes,
        maxConcurrentStreams,
        maxHeaderListSize: 16 * 1024, // as much as HTTP/1 may have
        enablePush: false,
      },
    },
    (req: Http2ServerRequest, res: Http2ServerResponse) =>
      void listener(req as unknown as IncomingMessage, res as unknown as ServerResponse),
  )
  http2.on('session', (session) => {
    session.setLocalWindowSize(sessionWindowBytes)
    session.setTimeout(idleSessionMs, () => session.close())
  })

  // HTTP/1's own server listens: the clocks of its limits run only where it does.
  const [serveHttp1] = http1.listeners('connection')
  http1.removeAllListeners('connection')
  http1.on('connection', (socket: Socket) => {
    tellApart(socket, (isHttp2) => {
      if (isHttp2) {
        socket.allowHalfOpen = false // HTTP/1's server lets a caller end its side first
        http2.emit('connection', socket)
      } else serveHttp1?.call(http1, socket)
    })
  })
  return { http1, http2 }
}

/** Reads until it is clear what a connection speaks, and gives back what was read. */
function tellApart(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0)
  const drop = (): void => void socket.destroy()
  const look = (): void => {
    const bytes = socket.read() as Buffer | null
    if (!bytes) return
    seen = Buffer.concat([seen, bytes])
    const length = Math.min(seen.length, prefaceStart.length)
    const mayBeHttp2 = seen.subarray(0, length).equals(prefaceStart.subarray(0, length))
    if (mayBeHttp2 && length < prefaceStart.length) return
    socket.off('readable', look)
    socket.unshift(seen)
    // In the next tick Node looks whether there is more to read. With the socket handed on by then,
    // that would start it once more behind the back of whoever has paused it, and never end.
    process.nextTick(() => {
      socket.off('end', drop).off('error', drop).off('timeout', drop)
      if (socket.destroyed) return
      socket.setTimeout(0)
      decide(mayBeHttp2)
    })
  }
  socket.on('readable', look).on('end', drop).on('error', drop).on('timeout', drop)
  socket.setTimeout(firstBytesMs)
}
