/**
 * Lingering close: after an early response the gateway reads on and discards the rest of the body.
 *
 * Many clients read the response only after the last byte of their body. If the connection was closed
 * before, their next write would fail and the response would be lost.
 *
 * Node reads into one buffer per thread and copies each piece for the stream, so a lingering connection
 * holds no memory, and costs CPU time only for the bytes that its client sends.
 *
 * @see RFC 9112 section 9.6
 */
import type { IncomingMessage } from 'node:http'
import { startInactivityTimeout } from '../lib/inactivity-timeout.ts'
import { networkPrefix } from './client-ip.ts'
import type { ClientIp } from './client-ip.ts'
import { isHttp2 } from './http-compat.ts'
import { createNetworkSlots } from './network-slots.ts'

export interface LingerLimits {
  /** Milliseconds for which one connection is read on. */
  maxMs: number
  /** Bytes that are discarded on one connection. */
  maxBytes: number
  /** Connections that linger beyond `freeMs` or `freeBytes` at a time; a quarter for one network. */
  maxConnections: number
  /** Milliseconds without a byte after which the connection is closed. */
  idleMs: number
  /** Milliseconds that every connection may linger. */
  freeMs: number
  /** Bytes that every connection may send. */
  freeBytes: number
}

/** Node's timers fire at once beyond it. */
const maxTimerMs = 2 ** 31 - 1

/** The limits that are no settings. */
export const lingerDefaults = { idleMs: 2_000, freeMs: 3_000, freeBytes: 32 * 1024 * 1024 }

/**
 * Discards the rest of a body, whose response is written, until it ends, a limit is reached, or `signal`
 * aborts.
 */
export type DiscardBody = (req: IncomingMessage, signal: AbortSignal) => Promise<void>

export function createLingeringClose(limits: LingerLimits, clientIp: ClientIp): DiscardBody {
  const slots = createNetworkSlots(limits.maxConnections)

  return (req, signal) =>
    new Promise((resolve) => {
      let bytes = 0
      let freeSlot: (() => void) | undefined
      const done = (): void => {
        idle.stop()
        clearTimeout(freeTimer)
        clearTimeout(timer)
        freeSlot?.()
        signal.removeEventListener('abort', done)
        req.off('data', onData).off('end', done).off('close', done)
        resolve()
      }
      const takeSlot = (): void => {
        // Over HTTP/2 the client is told to stop sending (RFC 9113 section 8.1).
        if (!isHttp2(req)) freeSlot ??= slots.take(networkPrefix(clientIp(req)))
        if (!freeSlot) done()
      }
      const onData = ({ length }: Buffer): void => {
        bytes += length
        idle.restart()
        if (bytes > limits.maxBytes) done()
        else if (bytes > limits.freeBytes) takeSlot()
      }
      const idle = startInactivityTimeout(limits.idleMs, done)
      const freeTimer = setTimeout(takeSlot, limits.freeMs)
      const timer = setTimeout(done, Math.min(limits.maxMs, maxTimerMs))
      signal.addEventListener('abort', done)
      if (signal.aborted) return done()
      req.once('end', done).once('close', done).once('error', done)
      req.on('data', onData).resume()
    })
}
