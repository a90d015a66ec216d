/** What every HTTP server of ours is set to, whoever made it, and how it stops. */
import type { Server, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Cloud Run kills an instance 10 s after SIGTERM: uploads may finish in 8 s, the rest is told. */
const graceMs = 8_000
const lastWordsMs = 1_000

export interface Serving {
  /** Takes a server over: its limits, its `Expect` handling, its end. */
  adopt(server: Server): void
  /** Counts a request in; the signal aborts when it has to end now. */
  enter(res: ServerResponse): AbortSignal
  /** Stops taking requests and lets those under way end; resolves when none is left. */
  stop(): Promise<void>
}

/** @param grace milliseconds that requests under way have to finish */
export function createServing(grace = graceMs): Serving {
  const servers = new Set<Server>()
  const underWay = new Map<ServerResponse, AbortController>()
  let stopping: Promise<void> | undefined
  let whenIdle: (() => void) | undefined

  const serving: Serving = {
    adopt(server) {
      if (servers.has(server)) return
      servers.add(server)
      server.requestTimeout = 0 // 300 s would end honest uploads on slow lines
      server.headersTimeout = 15_000
      // Node would say "100 Continue" by itself; now a handler says it once it wants the body.
      server.on('checkContinue', (req, res) => server.emit('request', req, res))
    },

    enter(res) {
      const ending = new AbortController()
      underWay.set(res, ending)
      if (stopping) res.setHeader('Connection', 'close')
      res.once('close', () => {
        underWay.delete(res)
        if (underWay.size === 0) whenIdle?.()
      })
      return ending.signal
    },

    stop() {
      stopping ??= (async () => {
        for (const server of servers) server.close()
        for (const res of underWay.keys()) {
          if (!res.headersSent) res.setHeader('Connection', 'close')
        }
        const none = new Promise<void>((resolve) => {
          whenIdle = resolve
          if (underWay.size === 0) resolve()
        })
        await Promise.race([none, sleep(grace, undefined, { ref: false })])
        for (const ending of underWay.values()) ending.abort()
        await Promise.race([none, sleep(lastWordsMs, undefined, { ref: false })])
      })()
      return stopping
    },
  }
  return serving
}

/**
 * Ends this process in good order on SIGTERM and SIGINT. The framework's own listeners would end
 * it at once, cutting every request but one; they are there before the first request, so they are
 * replaced then.
 */
export function stopOnSignals(serving: Serving): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal)
    process.once(signal, () => {
      void serving.stop().then(() => process.exit(0))
    })
  }
}
