/**
 * Deadlines and a budget for one HTTP/2 connection. Node has none of them: a connection that stops in the
 * middle of a frame, or never lets its response out, would stay open for ever.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

export interface Http2SessionLimits {
  /** Milliseconds without a request in progress after which no further one is accepted. */
  idleTimeoutMs: number
  /** Milliseconds until a connection that should close is destroyed. */
  closeTimeoutMs: number
  /** Milliseconds in which a client must accept some bytes of a response. */
  stallTimeoutMs: number
  /** Streams that may be in progress or have been reset. */
  maxUnfinished: number
}

/** Reset streams that are forgotten per second. */
const forgottenPerSecond = 10

/** Streams of connections that were destroyed for their resets: frames read before begin more. */
const refused = new WeakSet<ServerHttp2Stream>()

/** Whether a stream exceeds the budget of its connection, so that its request is not handled. */
export function isBeyondBudget(stream: ServerHttp2Stream): boolean {
  return refused.has(stream)
}

/** @param socket below the session, which never destroys a socket whose peer does not close it */
export function limitHttp2Session(
  session: ServerHttp2Session,
  socket: Socket,
  limits: Http2SessionLimits,
): void {
  const { idleTimeoutMs, closeTimeoutMs, stallTimeoutMs, maxUnfinished } = limits
  let open = 0
  let reset = 0
  let resetAt = 0
  const close = (): void => {
    session.close() // sends GOAWAY
    timer = setTimeout(() => void socket.destroy(), closeTimeoutMs)
  }
  let timer = setTimeout(close, idleTimeoutMs)
  socket.once('close', () => clearTimeout(timer))

  /** Forgets old resets, and counts this one. */
  const countReset = (): void => {
    const now = performance.now()
    reset = Math.max(0, reset - ((now - resetAt) / 1000) * forgottenPerSecond) + 1
    resetAt = now
  }

  // Before the listener that handles the request.
  session.prependListener('stream', (stream) => {
    clearTimeout(timer)
    // Counted when it begins: many streams begin and are reset before the first one emits an event.
    if (++open + reset > maxUnfinished) {
      refused.add(stream)
      socket.destroy()
      return
    }
    stream.once('close', () => {
      open--
      if (stream.rstCode !== 0) countReset()
      if (open === 0 && !socket.destroyed) timer = setTimeout(close, idleTimeoutMs)
    })
    onStall(stream, stallTimeoutMs, () => {
      if (open === 1) socket.destroy()
      else stream.close(cancel)
    })
  })
}

/** RFC 9113 section 7. */
const cancel = 0x08

/** Calls back when a response is pending and the client accepts none of its bytes. */
function onStall(stream: ServerHttp2Stream, timeoutMs: number, stalled: () => void): void {
  stream.setTimeout(timeoutMs, () => {
    const isPending = stream.writableEnded ? !stream.writableFinished : stream.writableLength > 0
    if (isPending) stalled()
    else onStall(stream, timeoutMs, stalled)
  })
}
