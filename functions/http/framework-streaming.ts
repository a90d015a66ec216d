/**
 * How the Functions Framework treats bodies, and how they stream all the same.
 *
 * The framework reads every body into memory before a function is called. Node announces each
 * request on a diagnostics channel before the framework sees it; hiding the two headers that say
 * "there is a body" makes every one of its body parsers step aside. HTTP's own framing is not
 * touched: Node's parser has read it already.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { askWhileHeldUp } from './disconnect-probe.ts'
import { isGivenUp, streamOf } from './http-compat.ts'

/** Bytes a millisecond that a caller has to bring: a fiftieth of what a poor line does. */
const leastRate = 1
/** The caller is held up once so much of its body waits for us. */
const batchBytes = 128 * 1024

const channel = 'http.server.request.start'

/** In the global registry, so that a second copy of this module finds what the first one hid. */
const held = Symbol.for('driveway.held')

type Held = IncomingMessage & {
  [held]?: { length: string | undefined; encoding: string | undefined }
  rawBody?: Buffer
}

/**
 * Lets every body of this process stream.
 *
 * The same message carries the server. Where it is known which function it serves, that function
 * takes the place of the framework's Express application, which has nothing to do for it but costs
 * as much CPU as a whole small upload: it runs each request in a Node domain, and that makes every
 * promise several times as dear. What the application did besides is done elsewhere: `net.ts` is
 * there for stray errors, our own clocks for callers that stand still. Where the channel should say
 * nothing, in some later release, the framework serves as it always did.
 *
 * @param onServer called with the server of each request, before the request is handled
 * @param serve the one function that the framework was told to serve
 * @returns ends it
 * @see Node.js, "Diagnostics Channel": `http.server.request.start`
 */
export function streamBodies(onServer: (server: Server) => void, serve?: Serve): () => void {
  const taken = new WeakSet<Server>()
  const onRequest = (message: unknown): void => {
    const { request, server } = message as { request: Held; server: Server }
    onServer(server)
    if (serve) {
      if (taken.has(server)) return
      taken.add(server)
      server.removeAllListeners('request').on('request', (req, res) => void serve(req, res))
      return
    }
    if (request[held]) return
    const { headers } = request
    request[held] = {
      length: headers['content-length'],
      encoding: headers['transfer-encoding'],
    }
    delete headers['content-length']
    delete headers['transfer-encoding']
  }
  subscribe(channel, onRequest)
  return () => void unsubscribe(channel, onRequest)
}

type Serve = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/** Puts back what was hidden; the first thing that a handler does. */
export function restoreHeaders(req: IncomingMessage): void {
  const hidden = (req as Held)[held]
  if (!hidden) return
  if (hidden.length !== undefined) req.headers['content-length'] = hidden.length
  if (hidden.encoding !== undefined) req.headers['transfer-encoding'] = hidden.encoding
}

/** The body's length in bytes where the caller declared one. */
export function declaredLength(req: IncomingMessage): number | undefined {
  const value = req.headers['content-length']
  return value === undefined ? undefined : Number(value)
}

/** Whether a body was announced at all. */
export function hasBody(req: IncomingMessage): boolean {
  const length = declaredLength(req)
  if (length !== undefined) return length > 0
  return req.headers['transfer-encoding'] !== undefined || streamOf(req)?.endAfterHeaders === false
}

/**
 * The body as it arrives: what came together, together, and uncopied. Where the framework has read
 * it already (the channel did not fire), what it kept: slower, still right.
 *
 * @param idle milliseconds of waiting for the caller within which it has to bring as many bytes, on
 *   average one each millisecond; noticed within half as much again
 * @throws {GatewayError} `truncated` when the caller leaves, `too_slow` when it is slower than that
 */
export async function* readBatches(
  req: IncomingMessage,
  res: ServerResponse,
  idle: number,
): AsyncGenerator<Buffer[], void, undefined> {
  const { rawBody } = req as Held
  const source: Readable = rawBody ? Readable.from([rawBody], { objectMode: false }) : req
  let batch: Buffer[] = []
  let size = 0
  let ended = source.readableEnded
  let failure: GatewayError | undefined
  let wake: (() => void) | undefined
  const onData = (piece: Buffer): void => {
    batch.push(piece)
    size += piece.length
    if (size >= batchBytes) source.pause()
    // In the next phase of the event loop, so that all reads of this one are handed on together.
    if (wake && batch.length === 1) setImmediate(wake)
  }
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  const onGone = (cause?: unknown): void => {
    // Most callers are gone only once all has come: that is no failure, and costs no stack.
    if (!ended || isGivenUp(req))
      failure ??= new GatewayError('truncated', 'The caller left', { cause })
    wake?.()
  }
  // The clock runs only while we wait for the caller: a slow Drive is not the caller's fault.
  let ticks = 0
  let came = 0
  const clock = setInterval(() => {
    if (!wake || ++ticks <= 2) return
    failure ??= new GatewayError('too_slow', `${came} bytes came in ${idle} ms`)
    wake()
  }, idle / 2)
  const stopAsking = askWhileHeldUp(req, res, idle / 6)
  source.on('end', onEnd).on('error', onGone).on('close', onGone).on('data', onData)
  res.once('close', onGone) // whoever has its answer sends no more of the question
  continueBody(req, res)
  try {
    for (;;) {
      if (batch.length > 0) {
        const brought = batch
        came += size
        if (came >= idle * leastRate) ticks = came = 0
        batch = []
        size = 0
        if (source.isPaused()) source.resume()
        yield brought
      } else if (ended && !isGivenUp(req)) return
      else if (failure) throw failure
      else if (ended || source.destroyed) onGone()
      else {
        await new Promise<void>((resolve) => (wake = resolve))
        wake = undefined
      }
    }
  } finally {
    clearInterval(clock)
    stopAsking()
    source.off('data', onData).off('end', onEnd).off('close', onGone)
    res.off('close', onGone)
    // The listener for 'error' stays: what breaks from here on is nobody's concern. Nor is what
    // still comes, unless somebody else is listening by now.
    if (source.listenerCount('data') === 0) source.pause()
    else source.resume()
  }
}

/** The same, piece by piece. */
export async function* readBody(
  req: IncomingMessage,
  res: ServerResponse,
  idle: number,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const batch of readBatches(req, res, idle)) yield* batch
}

/** Whether the sender holds its body back until it is asked for it, which it never was. */
export function isHeldBack(req: IncomingMessage): boolean {
  return (
    req.headers.expect !== undefined && req.readableFlowing === null && req.readableLength === 0
  )
}

/** Asks a caller that waits (`Expect: 100-continue`) to send its body. */
function continueBody(req: IncomingMessage, res: ServerResponse): void {
  if (/^100-continue$/i.test(req.headers.expect ?? '') && !res.headersSent) res.writeContinue()
}
