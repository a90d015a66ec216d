/**
 * Detection of disconnected clients under backpressure.
 *
 * While Drive accepts no data, the request is paused, and Node does not notice that a paused connection
 * was closed. So the gateway writes to it: `100 Continue`, which a server may send at any time before
 * the final response and which clients ignore. On a closed connection the first one provokes a reset,
 * and the second one gets the error. Over HTTP/2, Node reports a reset stream whether it is read or not.
 *
 * @see RFC 9110 section 15.2
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isHttp2 } from './http-compat.ts'

/**
 * The paused rounds after which a probe is sent: in pairs, and at most four, because Go's client
 * accepts five interim responses.
 */
const probeRounds = [1, 2, 5, 6]

/**
 * Probes the client while its request is paused.
 *
 * @param intervalMs length of a round; a disconnect in the first five is detected within six
 * @returns a function that stops probing
 */
export function probeWhilePaused(
  req: IncomingMessage,
  res: ServerResponse,
  intervalMs: number,
): () => void {
  if (isHttp2(req) || req.httpVersion !== '1.1') return () => {}
  let rounds = 0
  let pausedAt = -1
  const timer = setInterval(() => {
    const { bytesRead } = req.socket
    const isPaused = req.isPaused() && !req.complete
    if (isPaused && pausedAt === bytesRead && !res.headersSent && res.socket) {
      if (probeRounds.includes(++rounds)) res.writeContinue()
    }
    pausedAt = isPaused ? bytesRead : -1
  }, intervalMs)
  return () => clearInterval(timer)
}
