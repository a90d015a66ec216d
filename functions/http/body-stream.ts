/** Request bodies as streams with a minimum rate. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { probeWhilePaused } from './disconnect-probe.ts'
import { isReset, http2Stream } from './http-compat.ts'

/** Minimum rate of a client: a fiftieth of a slow connection. */
const minBytesPerMs = 1
/** A pause of the process counts as at most one tick of the idle timeout. */
const ticksPerTimeout = 10
/** The source is paused when this many bytes are waiting to be read. */
const maxBatchBytes = 128 * 1024

/** The value of `Content-Length` in bytes. */
export function declaredLength(req: IncomingMessage): number | undefined {
  const value = req.headers['content-length']
  return value === undefined ? undefined : Number(value)
}

/** Whether the headers announce a body. */
export function hasBody(req: IncomingMessage): boolean {
  const length = declaredLength(req)
  if (length !== undefined) return length > 0
  return (
    req.headers['transfer-encoding'] !== undefined || http2Stream(req)?.endAfterHeaders === false
  )
}

/**
 * Streams the body in batches of the chunks that arrived together, without copying. Yields the
 * framework's buffer if the framework has read the body (the channel did not fire).
 *
 * @param idleTimeoutMs time spent waiting for the client in which it must send at least that many
 *   bytes (one per millisecond)
 * @param timeoutMs time in which the whole body must arrive; no limit by default
 * @throws {GatewayError} `truncated` when the client disconnects, `too_slow` below the minimum rate
 */
export async function* readBodyBatches(
  req: IncomingMessage,
  res: ServerResponse,
  idleTimeoutMs: number,
  timeoutMs?: number,
): AsyncGenerator<Buffer[], void, undefined> {
  const { rawBody } = req as IncomingMessage & { rawBody?: Buffer }
  const source: Readable = rawBody ? Readable.from([rawBody], { objectMode: false }) : req
  let batch: Buffer[] = []
  let size = 0
  let ended = source.readableEnded
  let failure: GatewayError | undefined
  let wake: (() => void) | undefined
  const onData = (chunk: Buffer): void => {
    batch.push(chunk)
    size += chunk.length
    if (size >= maxBatchBytes) source.pause()
    // In the next phase of the event loop, so that one batch has all reads of this phase.
    if (wake && batch.length === 1) setImmediate(wake)
  }
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  const onClose = (cause?: unknown): void => {
    // Most connections close after the last byte: that is no error and must not cost a stack trace.
    if (!ended || isReset(req))
      failure ??= new GatewayError('truncated', 'The client disconnected', { cause })
    wake?.()
  }
  // The timer counts only while the generator waits for the client, not while Drive is slow.
  let ticks = 0
  let receivedBytes = 0
  const failTooSlow = (reason: string): void => {
    failure ??= new GatewayError('too_slow', reason)
    wake?.()
  }
  const timer = setInterval(() => {
    if (!wake || ++ticks < ticksPerTimeout) return
    failTooSlow(`${receivedBytes} bytes arrived in ${idleTimeoutMs} ms`)
  }, idleTimeoutMs / ticksPerTimeout)
  const deadline =
    timeoutMs === undefined
      ? undefined
      : setTimeout(failTooSlow, timeoutMs, `The body did not arrive in ${timeoutMs} ms`)
  const stopProbing = probeWhilePaused(req, res, idleTimeoutMs / 6)
  source.on('end', onEnd).on('error', onClose).on('close', onClose).on('data', onData)
  res.once('close', onClose) // a client that has its response sends no more of the body
  sendContinue(req, res)
  try {
    for (;;) {
      if (batch.length > 0) {
        const received = batch
        receivedBytes += size
        if (receivedBytes >= idleTimeoutMs * minBytesPerMs) {
          ticks = receivedBytes = 0
          timer.refresh()
        }
        batch = []
        size = 0
        if (source.isPaused()) source.resume()
        yield received
      } else if (ended && !isReset(req)) return
      else if (failure) throw failure
      else if (ended || source.destroyed) onClose()
      else {
        await new Promise<void>((resolve) => (wake = resolve))
        wake = undefined
      }
    }
  } finally {
    clearInterval(timer)
    clearTimeout(deadline)
    stopProbing()
    source.off('data', onData).off('end', onEnd).off('close', onClose)
    res.off('close', onClose)
    // The 'error' listener stays, so that later errors are ignored. Later data waits, unless another
    // reader has attached by now.
    if (source.listenerCount('data') === 0) source.pause()
    else source.resume()
  }
}

/** Streams the body chunk by chunk; see `readBodyBatches()`. */
export async function* readBody(
  req: IncomingMessage,
  res: ServerResponse,
  idleTimeoutMs: number,
  timeoutMs?: number,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const batch of readBodyBatches(req, res, idleTimeoutMs, timeoutMs)) yield* batch
}

/** Whether the client still waits for `100 Continue` before it sends its body. */
export function awaitsContinue(req: IncomingMessage): boolean {
  return expectsContinue(req) && req.readableFlowing === null && req.readableLength === 0
}

/** Whether the client waits for `100 Continue`; one of HTTP/1.0 does not (RFC 9110 section 10.1.1). */
export function expectsContinue({ headers: { expect }, httpVersion }: IncomingMessage): boolean {
  return expect !== undefined && httpVersion !== '1.0'
}

/** Sends `100 Continue` to a client that waits for it. */
function sendContinue(req: IncomingMessage, res: ServerResponse): void {
  if (expectsContinue(req) && !res.headersSent) res.writeContinue()
}
