/**
 * Resumable uploads: a session is opened, takes chunks, says what it holds, becomes a file.
 *
 * @see Google Drive API, "Upload file data": Perform a resumable upload
 */
import type { IncomingMessage } from 'node:http'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Exchange } from '../router.ts'
import { createWriter, unit } from './blobs.ts'
import { flow, readJson } from './body.ts'
import type { ContentRange } from './content-range.ts'
import { badContentRange, readContentRange } from './content-range.ts'
import { allowOrigin } from './cors.ts'
import { DriveError, badRequest, invalidParameter } from './errors.ts'
import { answerFile, fileMask } from './files.ts'
import { readMetadata } from './metadata.ts'
import type { Place } from './service.ts'
import type { Session, Sessions } from './sessions.ts'
import type { Item } from './tree.ts'
import { checkSize } from './upload-limits.ts'
import { limit, planUpload, uploader } from './uploads.ts'

/** 200 and the session URI; everything that Drive can refuse without a byte is refused here. */
export async function openSession(
  place: Place,
  sessions: Sessions,
  exchange: Exchange,
): Promise<void> {
  const { req, res, url, params, origin, fault } = exchange
  const caller = uploader(place, exchange)
  const mask = fileMask(url)
  const total = readLength(req.headers['x-upload-content-length'])
  const metadata = readMetadata(await readJson(exchange), params[0] !== undefined)
  const plan = planUpload(place, caller, exchange, metadata)
  checkSize(place, caller, total ?? 0)
  const session = sessions.open({
    caller,
    plan,
    mask,
    writer: createWriter(place.sinks.open()),
    mediaType: first(req.headers['x-upload-content-type']),
    total,
    origin: req.headers.origin,
  })
  const uri = new URL(url.pathname + url.search, origin)
  uri.searchParams.set('upload_id', session.uploadId)
  const location = fault?.location === undefined ? uri.href : fault.location
  res.writeHead(200, {
    ...(location === null ? {} : { location }),
    'x-guploader-uploadid': session.uploadId,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': 0,
  })
  res.end()
}

/** A chunk, the question how much is stored, or the end without another byte. */
export async function putSession(
  place: Place,
  sessions: Sessions,
  exchange: Exchange,
): Promise<void> {
  const { req } = exchange
  const session = findSession(place, sessions, exchange)
  const header = req.headers['content-range']
  const range = header === undefined ? undefined : readContentRange(header)
  const length = readLength(req.headers['content-length'])
  if (session.done) {
    req.resume()
    await answerFile(place, session.caller, session.done, exchange, session.mask)
    return
  }
  await settle(session, range !== undefined && !range.chunk)
  if (range && !range.chunk) await status(place, sessions, session, range, length, exchange)
  else await chunk(place, sessions, session, range, length, exchange)
}

/** 499 and nothing left of the upload. */
export function cancelSession(place: Place, sessions: Sessions, exchange: Exchange): void {
  sessions.forget(findSession(place, sessions, exchange))
  exchange.res.statusMessage = 'Client Closed Request'
  exchange.res.writeHead(499, { 'content-length': 0 })
  exchange.res.end()
}

/** @throws 404 for a session that is not there, 401 and 403 for a bearer that cannot use it */
function findSession(place: Place, sessions: Sessions, exchange: Exchange): Session {
  const { req, res, url, fault } = exchange
  const session = sessions.find(url.searchParams.get('upload_id'))
  if (session) allowOrigin(req, res, session.origin)
  if (session && fault?.forget) sessions.forget(session)
  if (!session || fault?.forget) {
    throw new DriveError(fault?.status ?? 404, 'notFound', 'The upload session is not known.')
  }
  // The URI alone is enough, but a bearer that is sent has to be right.
  if (req.headers.authorization !== undefined) {
    const { sub, clientId } = place.authenticate(req)
    if (sub !== session.caller.sub || clientId !== session.caller.clientId) {
      throw new DriveError(403, 'forbidden', 'The upload session belongs to somebody else.')
    }
  }
  return session
}

/**
 * Waits for a request that is still sending, as its end may be on its way already. A question
 * leaves it alone after that; new bytes take its place.
 */
async function settle(session: Session, isQuestion: boolean): Promise<void> {
  // Bytes of a client that has left may be here without having been looked at.
  if (isQuestion) for (let turn = 0; turn < 3; turn++) await setImmediate()
  const { sending } = session
  if (!sending) return
  const patience = new AbortController()
  await Promise.race([sending.ended, sleep(50, null, patience).catch(() => {})])
  patience.abort()
  if (isQuestion || session.sending !== sending) return
  sending.stop()
  await sending.ended
}

async function status(
  place: Place,
  sessions: Sessions,
  session: Session,
  { total }: ContentRange,
  length: number | undefined,
  exchange: Exchange,
): Promise<void> {
  if (length !== undefined && length > 0) throw badContentRange('A status query has no body')
  checkTotal(session, total)
  if (total !== undefined && total < session.writer.committed) {
    throw badContentRange(`More than ${total} bytes are stored`)
  }
  const isEnd = total !== undefined && total === session.writer.committed && !session.sending
  if (isEnd) await complete(place, sessions, session, undefined, exchange)
  else answerIncomplete(session, exchange)
}

async function chunk(
  place: Place,
  sessions: Sessions,
  session: Session,
  range: ContentRange | undefined,
  length: number | undefined,
  exchange: Exchange,
): Promise<void> {
  const { req, res, fault } = exchange
  const { writer } = session
  // Without Content-Range the body is the whole file.
  const start = range?.chunk?.first ?? 0
  const end = range?.chunk ? range.chunk.last + 1 : length
  const total = range ? range.total : (length ?? session.total)
  if (length !== undefined && end !== start + length) {
    throw badContentRange(`Content-Range ${req.headers['content-range']} is not ${length} bytes`)
  }
  checkTotal(session, total)
  const isLast = range === undefined || end === total
  if (!isLast && end !== undefined && (end - start) % unit !== 0) {
    throw badRequest(`A chunk that is not the last is a multiple of ${unit} bytes`)
  }
  const skip = skipFor(session, start, res)
  if (skip === undefined) return
  if (session.total === undefined) checkQuota(place, sessions, session, end ?? 0)

  const received = await receive(session, exchange, skip, fault?.acceptBytes)
  if (received === undefined) return
  if (end !== undefined && start + received !== end) {
    throw badContentRange(`Content-Range ${req.headers['content-range']} is not ${received} bytes`)
  }
  if (end === undefined) checkTotal(session, received)
  if (total !== undefined) session.total ??= total
  const mediaType = req.headers['content-type']
  if (isLast && writer.committed === (end ?? received)) {
    await complete(place, sessions, session, mediaType, exchange)
  } else answerIncomplete(session, exchange)
}

/**
 * How many bytes of the chunk are stored already: none, unless a fault has told the client less.
 *
 * @returns undefined when the chunk was refused, because it leaves a gap or goes back
 */
function skipFor(session: Session, start: number, res: Exchange['res']): number | undefined {
  const { committed } = session.writer
  if (start === committed) return 0
  if (start === session.toldOffset && start < committed) return committed - start
  const text = `The chunk begins at ${start}, but ${committed} bytes are stored`
  res.writeHead(503, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) })
  res.end(text)
  return undefined
}

/** @returns the bytes that came, or undefined when the connection broke */
async function receive(
  session: Session,
  exchange: Exchange,
  skip: number,
  most: number | undefined,
): Promise<number | undefined> {
  const { req } = exchange
  const { writer } = session
  const { take } = limit(writer, most)
  let received = 0
  let ended: (() => void) | undefined
  session.sending = {
    stop: () => stop(req),
    ended: new Promise<void>((resolve) => {
      ended = resolve
    }),
  }
  try {
    const isWhole = await flow(exchange, (part) => {
      const before = received
      received += part.length
      if (before >= skip) return take(part)
      return received > skip ? take(part.subarray(skip - before)) : undefined
    })
    // Of a broken request whole units stay; of a whole one everything, whatever its length.
    if (!isWhole) writer.dropRest()
    await writer.commit()
    return isWhole ? received : undefined
  } finally {
    session.sending = undefined
    ended?.()
  }
}

function stop(req: IncomingMessage): void {
  req.socket.resetAndDestroy()
}

async function complete(
  place: Place,
  sessions: Sessions,
  session: Session,
  mediaType: string | undefined,
  exchange: Exchange,
): Promise<void> {
  const { caller, writer, plan, mask } = session
  const become = async (): Promise<Item> => {
    checkSize(place, caller, writer.committed)
    return plan.carryOut(await writer.finish(), session.mediaType ?? mediaType)
  }
  // A question may come while the file is being made: it waits for the same file.
  session.becoming ??= become()
  try {
    session.done = await session.becoming
  } catch (error) {
    sessions.forget(session)
    throw error
  }
  await answerFile(place, caller, session.done, exchange, mask)
}

/** 308, and how much is stored; nothing at all is said by leaving `Range` out. */
function answerIncomplete(session: Session, { res, fault }: Exchange): void {
  const { committed } = session.writer
  const stored = committed > 0 ? `bytes=0-${committed - 1}` : null
  const range = fault?.range === undefined ? stored : fault.range
  session.toldOffset = fault?.range === undefined ? undefined : offsetIn(range)
  res.statusMessage = 'Resume Incomplete'
  res.writeHead(308, {
    ...(range === null ? {} : { range }),
    ...(fault?.location ? { location: fault.location } : {}),
    'x-guploader-uploadid': session.uploadId,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': 0,
  })
  res.end()
}

/** Where a client goes on that believes this `Range`. */
function offsetIn(range: string | null): number {
  return range === null ? 0 : Number(/-(\d+)$/.exec(range)?.[1] ?? -1) + 1
}

function checkTotal(session: Session, total: number | undefined): void {
  if (total === undefined || session.total === undefined || total === session.total) return
  throw badContentRange(`The upload was announced with ${session.total} bytes, not ${total}`)
}

/** A Drive that is full ends the upload for good. */
function checkQuota(place: Place, sessions: Sessions, session: Session, size: number): void {
  try {
    checkSize(place, session.caller, size)
  } catch (error) {
    sessions.forget(session)
    throw error
  }
}

function readLength(header: string | string[] | undefined): number | undefined {
  const text = first(header)
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw invalidParameter('X-Upload-Content-Length')
  return Number(text)
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
