/** What HTTP/2 does in another way than HTTP/1, behind the one shape that Node gives to both. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'

/** RFC 9113 section 7; Node's own constant would load all of HTTP/2 into functions that have none. */
const internalError = 0x02

/** The stream that a request came on; none over HTTP/1. */
export function streamOf(req: IncomingMessage): ServerHttp2Stream | undefined {
  return req.httpVersionMajor >= 2
    ? (req as unknown as { stream: ServerHttp2Stream }).stream
    : undefined
}

/**
 * Whether the body's end is not the end that its sender meant. A stream that is reset, or whose
 * connection breaks, ends for Node like any other; but while nothing was answered, only a stream
 * that was given up is closed.
 */
export function isGivenUp(req: IncomingMessage): boolean {
  const stream = streamOf(req)
  return stream !== undefined && (stream.closed || stream.destroyed)
}

/** Whether the caller has its whole answer, once the response is closed. */
export function wasAnswered(res: ServerResponse): boolean {
  // A stream that is given up counts as finished: Node ends it before it closes it.
  return res.writableFinished && streamOf(res.req)?.aborted !== true
}

/** Whether nothing can be answered any more, or not from the start. */
export function isPastAnswering(res: ServerResponse): boolean {
  return res.headersSent || res.destroyed || isGivenUp(res.req)
}

/** Breaks an answer off, so that nobody takes what was sent of it for the whole. */
export function breakOff(res: ServerResponse): void {
  const stream = streamOf(res.req)
  if (stream) stream.close(internalError)
  else res.destroy()
}

/**
 * Stops a request whose answer is complete, without an error (RFC 9113 section 8.1). The answer's own
 * end goes first: a reset that overtakes it takes it along, and some clients then see no answer.
 */
export function closeAnswered(stream: ServerHttp2Stream): void {
  const close = (): void => void setImmediate(() => stream.close())
  if (stream.writableFinished) close()
  else stream.once('finish', close)
}

/** Lets this answer be the connection's last; over HTTP/2 the session says so by itself. */
export function closeAfter(res: ServerResponse): void {
  if (!streamOf(res.req) && !res.headersSent) res.setHeader('connection', 'close')
}
