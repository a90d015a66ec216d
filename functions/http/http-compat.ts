/** Differences between HTTP/1 and HTTP/2 in Node's common request and response interface. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'

/** RFC 9113 section 7. Node's constant would load the HTTP/2 module into functions without HTTP/2. */
const internalError = 0x02

/**
 * The HTTP/2 stream of a request; `undefined` over HTTP/1. The version is no evidence: a client of
 * HTTP/1 may write any number into its request line.
 */
export function http2Stream(req: IncomingMessage): ServerHttp2Stream | undefined {
  return (req as unknown as { stream?: ServerHttp2Stream }).stream
}

/** Whether a request arrived over HTTP/2. */
export function isHttp2(req: IncomingMessage): boolean {
  return http2Stream(req) !== undefined
}

/**
 * Whether the stream was reset, so that the end of the body is not its real end. Node ends the body of
 * a reset stream like any other; but before the response, only a reset stream is closed.
 */
export function isReset(req: IncomingMessage): boolean {
  const stream = http2Stream(req)
  return stream !== undefined && (stream.closed || stream.destroyed)
}

/** Whether the whole response was sent; valid once the response is closed. */
export function isResponseComplete(res: ServerResponse): boolean {
  // A reset stream counts as finished: Node ends it before it closes it.
  return res.writableFinished && http2Stream(res.req)?.aborted !== true
}

/** Whether it is too late to send a response. */
export function cannotRespond(res: ServerResponse): boolean {
  return res.headersSent || res.destroyed || isReset(res.req)
}

/** Aborts a response, so that the client does not take a partial response for a complete one. */
export function abortResponse(res: ServerResponse): void {
  const stream = http2Stream(res.req)
  if (stream) stream.close(internalError)
  else res.destroy()
}

/**
 * Closes the stream of a request whose response is complete, without an error (RFC 9113 section 8.1).
 * Waits for the end of the response: a reset that overtakes it makes some clients drop the response.
 */
export function closeStreamAfterResponse(stream: ServerHttp2Stream): void {
  const close = (): void => void setImmediate(() => stream.close())
  if (stream.writableFinished) close()
  else stream.once('finish', close)
}

/**
 * Sends FIN behind a written response and keeps reading. A response that waits behind another one on a
 * pipelined connection has no socket yet; nothing to do for a stream of HTTP/2, which ends by itself.
 */
export function endSocketAfterResponse(res: ServerResponse): void {
  if (!http2Stream(res.req)) res.socket?.end()
}

/** Closes an HTTP/1 connection after this response; an HTTP/2 session sends GOAWAY itself. */
export function closeConnectionAfterResponse(res: ServerResponse): void {
  if (!http2Stream(res.req) && !res.headersSent) res.setHeader('connection', 'close')
}
