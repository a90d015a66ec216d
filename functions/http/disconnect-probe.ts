/**
 * Callers that we hold up, and whether they are still there.
 *
 * While Drive takes nothing more, nothing more is read from the caller; and from a connection that is
 * not read from, Node does not hear that it was closed. So it is written to: `100 Continue`, which
 * HTTP/1.1 lets a server send at any time before its answer and tells clients to pass over. The first
 * to a connection that is gone has a reset as its answer, and the second hears of it. Over HTTP/2 a
 * stream that is given up is told of, read or not.
 *
 * @see RFC 9110 section 15.2
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { streamOf } from './http-compat.ts'

/**
 * After how many rounds of being held up a caller is asked: in pairs, and no more than four, since
 * Go's client takes five interim answers.
 */
const asked = [1, 2, 5, 6]

/**
 * @param every milliseconds of a round: a caller that has left in the first five is noticed in six
 * @returns ends it
 */
export function askWhileHeldUp(
  req: IncomingMessage,
  res: ServerResponse,
  every: number,
): () => void {
  if (streamOf(req) || req.httpVersion !== '1.1') return () => {}
  let rounds = 0
  let heldAt = -1
  const clock = setInterval(() => {
    const { bytesRead } = req.socket
    const isHeld = req.isPaused() && !req.complete
    if (isHeld && heldAt === bytesRead && !res.headersSent && res.socket) {
      if (asked.includes(++rounds)) res.writeContinue()
    }
    heldAt = isHeld ? bytesRead : -1
  }, every)
  return () => clearInterval(clock)
}
