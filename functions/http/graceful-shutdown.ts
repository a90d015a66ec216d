/** What every HTTP server of ours is set to, whoever made it, and how it stops. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2Server, Http2Session } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeAfter, wasAnswered } from './http-compat.ts'

/** Cloud Run kills an instance 10 s after SIGTERM: uploads may finish in 8 s, the rest is told. */
const graceMs = 8_000
const lastWordsMs = 1_500

export interface Serving {
  /** Takes a server over: its limits, its `Expect` handling, its end. */
  adopt(server: Server | Http2Server): void
  /** Counts a request in, until its response is over and its handler has left. */
  enter(req: IncomingMessage, res: ServerResponse): Visit
  /** Stops taking requests and lets those under way end; resolves when none is left. */
  stop(): Promise<void>
}

/** A request that is being served. */
export interface Visit {
  /** Aborts when the visit has to end. */
  readonly signal: AbortSignal
  /**
   * Why it has to: the caller left before it had its answer, the instance can wait no longer, or
   * nothing good can come of it any more.
   */
  readonly ended: 'left' | 'stopping' | 'given up' | undefined
  /** Lets it end where it is. */
  giveUp(): void
  /** The handler has nothing more to do, also not for a caller who is gone. */
  leave(): void
}

/** @param grace milliseconds that requests under way have to finish */
export function createServing(grace = graceMs): Serving {
  const servers = new Set<Server | Http2Server>()
  const sessions = new Set<Http2Session>()
  const underWay = new Map<ServerResponse, (why: Visit['ended']) => void>()
  let stopping: Promise<void> | undefined
  let whenIdle: (() => void) | undefined

  /** A session's last answer is on its way for as long as the session is open. */
  const allClosed = async (): Promise<void> => {
    await Promise.all([...sessions].map((session) => once(session, 'close')))
  }

  const serving: Serving = {
    adopt(server) {
      if (servers.has(server)) return
      servers.add(server)
      if (isHttp2(server)) {
        server.on('session', (session) => {
          sessions.add(session)
          session.once('close', () => sessions.delete(session))
        })
      } else {
        server.requestTimeout = 0 // 300 s would end honest uploads on slow lines
        server.headersTimeout = 15_000
      }
      // Node would say "100 Continue" by itself; now a handler says it once it wants the body.
      server.on('checkContinue', (req: unknown, res: unknown) => server.emit('request', req, res))
    },

    enter(req, res) {
      const ending = new AbortController()
      let ended: Visit['ended']
      const end = (why: Visit['ended']): void => {
        ended ??= why
        ending.abort()
      }
      underWay.set(res, end)
      if (stopping) closeAfter(res)
      let present = 2 // the caller and the handler
      const leave = (): void => {
        if (--present > 0) return
        underWay.delete(res)
        if (underWay.size === 0) whenIdle?.()
      }
      onceOver(req, res, () => {
        if (!wasAnswered(res)) end('left')
        leave()
      })
      return {
        signal: ending.signal,
        get ended() {
          return ended
        },
        giveUp: () => end('given up'),
        leave,
      }
    },

    stop() {
      stopping ??= (async () => {
        for (const server of servers) server.close()
        for (const session of sessions) session.close()
        for (const res of underWay.keys()) closeAfter(res)
        const none = new Promise<void>((resolve) => {
          whenIdle = resolve
          if (underWay.size === 0) resolve()
        })
        await Promise.race([none, sleep(grace, undefined, { ref: false })])
        for (const end of underWay.values()) end('stopping')
        await Promise.race([none.then(allClosed), sleep(lastWordsMs, undefined, { ref: false })])
      })()
      return stopping
    },
  }
  return serving
}

function isHttp2(server: Server | Http2Server): server is Http2Server {
  return !('requestTimeout' in server)
}

/**
 * Calls back when a response is sent or its connection is gone. A response that waits behind
 * another one on a pipelined connection is told nothing when that closes; only the socket is.
 */
function onceOver(req: IncomingMessage, res: ServerResponse, over: () => void): void {
  const { socket } = req
  let isOver = false
  const done = (): void => {
    if (isOver) return // one of the two events is emitted from within the other
    isOver = true
    res.off('close', done)
    socket.off('close', done)
    over()
  }
  res.on('close', done)
  if (req.httpVersionMajor >= 2) return // each stream is told by itself
  socket.setMaxListeners(0).on('close', done)
  if (socket.destroyed) done()
}

/**
 * Ends this process in good order on SIGTERM and SIGINT. The framework's own listeners would end
 * it at once, cutting every request but one; they are there before the first request, so they are
 * replaced then.
 */
export function stopOnSignals(stop: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal)
    process.once(signal, () => {
      void stop().then(() => process.exit(0))
    })
  }
}
