/** Server timeouts, in-flight requests, and graceful shutdown. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2Server, Http2Session } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeConnectionAfterResponse, isHttp2, isResponseComplete } from './http-compat.ts'

/** Cloud Run kills an instance 10 s after SIGTERM: requests have 8 s, then the rest gets an error. */
const defaultGraceMs = 8_000
const defaultFlushMs = 1_500

export interface GracefulShutdown {
  /** Sets the server's timeouts and `Expect` handling, and includes it in the shutdown. */
  attach(server: Server | Http2Server): void
  /** Tracks a request until its response is closed and its handler has returned. */
  track(req: IncomingMessage, res: ServerResponse): InFlightRequest
  /** Stops accepting requests; resolves when no request is in flight, or after the grace period. */
  stop(): Promise<void>
}

export interface InFlightRequest {
  /** Aborts when the request has to end. */
  readonly signal: AbortSignal
  /** Why: the client disconnected before its response, the grace period is over, or `abort()`. */
  readonly endReason: 'disconnected' | 'shutdown' | 'aborted' | undefined
  abort(): void
  /** The handler has returned. */
  untrack(): void
}

/**
 * @param graceMs time that in-flight requests have to finish
 * @param flushMs time after it to send the errors of those that have not
 */
export function createGracefulShutdown(
  graceMs = defaultGraceMs,
  flushMs = defaultFlushMs,
): GracefulShutdown {
  const servers = new Set<Server | Http2Server>()
  const sessions = new Set<Http2Session>()
  const inFlight = new Map<ServerResponse, (reason: InFlightRequest['endReason']) => void>()
  let stopped: Promise<void> | undefined
  let onIdle: (() => void) | undefined

  /** A session closes after its last response is sent. */
  const allSessionsClosed = async (): Promise<void> => {
    await Promise.all([...sessions].map((session) => once(session, 'close')))
  }

  return {
    attach(server) {
      if (servers.has(server)) return
      servers.add(server)
      if (isHttp2Server(server)) {
        server.on('session', (session) => {
          sessions.add(session)
          session.once('close', () => sessions.delete(session))
        })
      } else {
        server.requestTimeout = 0 // the default of 300 s would abort uploads over slow connections
        server.headersTimeout = 15_000
      }
      // Node sends `100 Continue` or 417 by default; here a handler does, when it reads the body.
      for (const event of ['checkContinue', 'checkExpectation']) {
        server.on(event, (req: unknown, res: unknown) => server.emit('request', req, res))
      }
    },

    track(req, res) {
      const controller = new AbortController()
      let endReason: InFlightRequest['endReason']
      const end = (reason: InFlightRequest['endReason']): void => {
        endReason ??= reason
        controller.abort()
      }
      inFlight.set(res, end)
      if (stopped) closeConnectionAfterResponse(res)
      let pending = 2 // the response and the handler
      const untrack = (): void => {
        if (--pending > 0) return
        inFlight.delete(res)
        if (inFlight.size === 0) onIdle?.()
      }
      onceClosed(req, res, () => {
        if (!isResponseComplete(res)) end('disconnected')
        untrack()
      })
      return {
        signal: controller.signal,
        get endReason() {
          return endReason
        },
        abort: () => end('aborted'),
        untrack,
      }
    },

    stop() {
      stopped ??= (async () => {
        for (const server of servers) server.close()
        for (const session of sessions) session.close()
        for (const res of inFlight.keys()) closeConnectionAfterResponse(res)
        const none = new Promise<void>((resolve) => {
          onIdle = resolve
          if (inFlight.size === 0) resolve()
        })
        await Promise.race([none, sleep(graceMs, undefined, { ref: false })])
        for (const end of inFlight.values()) end('shutdown')
        await Promise.race([
          none.then(allSessionsClosed),
          sleep(flushMs, undefined, { ref: false }),
        ])
      })()
      return stopped
    },
  }
}

function isHttp2Server(server: Server | Http2Server): server is Http2Server {
  return !('requestTimeout' in server)
}

/**
 * Calls back when a response is sent or its connection is closed. A response that waits behind another
 * one on a pipelined connection emits no event when the connection closes; only the socket does.
 */
function onceClosed(req: IncomingMessage, res: ServerResponse, onClosed: () => void): void {
  const { socket } = req
  let isClosed = false
  const done = (): void => {
    if (isClosed) return // one of the two events is emitted from within the other
    isClosed = true
    res.off('close', done)
    socket.off('close', done)
    onClosed()
  }
  res.on('close', done)
  if (isHttp2(req)) return // each stream emits its own event
  socket.setMaxListeners(0).on('close', done)
  if (socket.destroyed) done()
}

/**
 * Shuts the process down gracefully on SIGTERM and SIGINT. Replaces the framework's listeners, which
 * would exit immediately and abort all requests but one; they are installed before the first request.
 */
export function stopOnSignals(stop: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal)
    process.once(signal, () => {
      void stop().then(() => process.exit(0))
    })
  }
}
