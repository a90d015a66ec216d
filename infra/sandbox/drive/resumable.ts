/**
 * Resumable uploads: opening a session, chunks, status queries and completion.
 *
 * @see Google Drive API, "Upload file data": Perform a resumable upload
 */
import type { IncomingMessage } from 'node:http'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Exchange } from '../router.ts'
import { createContentWriter, chunkUnit } from './content-writer.ts'
import { streamBody, readJson } from './body.ts'
import type { ContentRange } from './content-range.ts'
import { badContentRange, readContentRange } from './content-range.ts'
import { allowOrigin } from './cors.ts'
import { DriveError, badRequest, invalidParameter } from './errors.ts'
import { sendFile, fileMask } from './files.ts'
import { readMetadata } from './metadata.ts'
import type { DriveContext } from './service.ts'
import type { Session, Sessions } from './sessions.ts'
import type { Item } from './tree.ts'
import { checkSize } from './upload-limits.ts'
import { limitWriter, prepareUpload, authenticateUpload } from './uploads.ts'

/** Responds 200 with the session URI. Everything that Drive can reject without a byte is rejected here. */
export async function openSession(
  context: DriveContext,
  sessions: Sessions,
  exchange: Exchange,
): Promise<void> {
  const { req, res, url, params, origin, fault } = exchange
  const caller = authenticateUpload(context, exchange)
  const mask = fileMask(url)
  const total = readLength(req.headers['x-upload-content-length'])
  const metadata = readMetadata(await readJson(exchange), params[0] !== undefined)
  const mutation = prepareUpload(context, caller, exchange, metadata)
  checkSize(context, caller, total ?? 0)
  const session = sessions.open({
    caller,
    mutation,
    mask,
    writer: createContentWriter(context.blobStore.open()),
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

/** Handles a chunk, a status query, or the completion without another byte. */
export async function putSession(
  context: DriveContext,
  sessions: Sessions,
  exchange: Exchange,
): Promise<void> {
  const { req } = exchange
  const session = findSession(context, sessions, exchange)
  const header = req.headers['content-range']
  const range = header === undefined ? undefined : readContentRange(header)
  const length = readLength(req.headers['content-length'])
  if (session.file) {
    req.resume()
    await sendFile(context, session.caller, session.file, exchange, session.mask)
    return
  }
  await waitForActiveRequest(session, range !== undefined && !range.chunk)
  if (range && !range.chunk) await status(context, sessions, session, range, length, exchange)
  else await chunk(context, sessions, session, range, length, exchange)
}

/** Responds 499 and deletes the upload. */
export function cancelSession(context: DriveContext, sessions: Sessions, exchange: Exchange): void {
  sessions.remove(findSession(context, sessions, exchange))
  exchange.res.statusMessage = 'Client Closed Request'
  exchange.res.writeHead(499, { 'content-length': 0 })
  exchange.res.end()
}

/** @throws 404 for an unknown session, 401 and 403 for a bearer token that may not use it */
function findSession(context: DriveContext, sessions: Sessions, exchange: Exchange): Session {
  const { req, res, url, fault } = exchange
  const session = sessions.find(url.searchParams.get('upload_id'))
  if (session) allowOrigin(req, res, session.origin)
  if (session && fault?.expireSession) sessions.remove(session)
  if (!session || fault?.expireSession) {
    throw new DriveError(fault?.status ?? 404, 'notFound', 'The upload session was not found.')
  }
  // A bearer token is optional, but must be valid when it is sent.
  if (req.headers.authorization !== undefined) {
    const { sub, clientId } = context.authenticate(req)
    if (sub !== session.caller.sub || clientId !== session.caller.clientId) {
      throw new DriveError(
        403,
        'forbidden',
        'The upload session belongs to another user or client.',
      )
    }
  }
  return session
}

/**
 * Waits briefly for an active request, whose end may be in transit. Then new bytes replace it; a status
 * query leaves it active.
 */
async function waitForActiveRequest(session: Session, isStatusQuery: boolean): Promise<void> {
  // Received bytes of a disconnected client may not have been processed yet.
  if (isStatusQuery) for (let tick = 0; tick < 3; tick++) await setImmediate()
  const { activeRequest } = session
  if (!activeRequest) return
  const timeout = new AbortController()
  await Promise.race([activeRequest.ended, sleep(50, null, timeout).catch(() => {})])
  timeout.abort()
  if (isStatusQuery || session.activeRequest !== activeRequest) return
  activeRequest.stop()
  await activeRequest.ended
}

async function status(
  context: DriveContext,
  sessions: Sessions,
  session: Session,
  { total }: ContentRange,
  length: number | undefined,
  exchange: Exchange,
): Promise<void> {
  if (length !== undefined && length > 0) throw badContentRange('A status query has no body')
  checkTotal(session, total)
  if (total !== undefined && total < session.writer.committed) {
    throw badContentRange(`More than ${total} bytes are already stored`)
  }
  const isEnd = total !== undefined && total === session.writer.committed && !session.activeRequest
  if (isEnd) await complete(context, sessions, session, undefined, exchange)
  else sendIncomplete(session, exchange)
}

async function chunk(
  context: DriveContext,
  sessions: Sessions,
  session: Session,
  range: ContentRange | undefined,
  length: number | undefined,
  exchange: Exchange,
): Promise<void> {
  const { req, res, fault } = exchange
  const { writer } = session
  // Without Content-Range, the body is the whole file.
  const start = range?.chunk?.first ?? 0
  const end = range?.chunk ? range.chunk.last + 1 : length
  const total = range ? range.total : (length ?? session.total)
  if (length !== undefined && end !== start + length) {
    throw badContentRange(`Content-Range ${req.headers['content-range']} is not ${length} bytes`)
  }
  checkTotal(session, total)
  const isLast = range === undefined || end === total
  if (!isLast && end !== undefined && (end - start) % chunkUnit !== 0) {
    throw badRequest(
      `The length of every chunk but the last must be a multiple of ${chunkUnit} bytes`,
    )
  }
  const skip = storedPrefix(session, start, context.acceptsResentBytes, res)
  if (skip === undefined) return
  if (session.total === undefined) checkQuota(context, sessions, session, end ?? 0)

  const received = await receive(session, exchange, skip, fault?.acceptBytes)
  if (received === undefined) return
  if (end !== undefined && start + received !== end) {
    throw badContentRange(`Content-Range ${req.headers['content-range']} is not ${received} bytes`)
  }
  if (end === undefined) checkTotal(session, received)
  if (total !== undefined) session.total ??= total
  const mediaType = req.headers['content-type']
  if (isLast && writer.committed === (end ?? received)) {
    await complete(context, sessions, session, mediaType, exchange)
  } else sendIncomplete(session, exchange)
}

/**
 * Computes how many bytes of the chunk are already stored: 0, unless a fault reported a lower offset or
 * the sandbox accepts them.
 *
 * @returns undefined when the chunk is rejected with 503, because it leaves a gap or overlaps
 */
function storedPrefix(
  session: Session,
  start: number,
  acceptsResentBytes: boolean,
  res: Exchange['res'],
): number | undefined {
  const { committed } = session.writer
  if (start === committed) return 0
  const isExpected = acceptsResentBytes || start === session.reportedOffset
  if (isExpected && start < committed) return committed - start
  const text =
    start > committed
      ? `Invalid request.  According to the Content-Range header, the upload offset is ${start} byte(s), which exceeds already uploaded size of ${committed} byte(s).`
      : `The chunk starts at ${start}, but ${committed} bytes are stored`
  res.writeHead(503, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) })
  res.end(text)
  return undefined
}

/** @returns the number of received bytes; undefined when the connection ended early */
async function receive(
  session: Session,
  exchange: Exchange,
  skip: number,
  maxBytes: number | undefined,
): Promise<number | undefined> {
  const { req } = exchange
  const { writer } = session
  const { write } = limitWriter(writer, maxBytes)
  let received = 0
  let ended: (() => void) | undefined
  session.activeRequest = {
    stop: () => stop(req),
    ended: new Promise<void>((resolve) => {
      ended = resolve
    }),
  }
  try {
    const isComplete = await streamBody(exchange, (part) => {
      const before = received
      received += part.length
      if (before >= skip) return write(part)
      return received > skip ? write(part.subarray(skip - before)) : undefined
    })
    // A broken request keeps whole units; a complete one keeps everything.
    if (!isComplete) writer.discardPartialUnit()
    await writer.commit()
    return isComplete ? received : undefined
  } finally {
    session.activeRequest = undefined
    ended?.()
  }
}

function stop(req: IncomingMessage): void {
  req.socket.resetAndDestroy()
}

async function complete(
  context: DriveContext,
  sessions: Sessions,
  session: Session,
  mediaType: string | undefined,
  exchange: Exchange,
): Promise<void> {
  const { caller, writer, mutation, mask } = session
  const createItem = async (): Promise<Item> => {
    checkSize(context, caller, writer.committed)
    return mutation.apply(await writer.finish(), session.mediaType ?? mediaType)
  }
  // A status query during completion waits for the same file.
  session.completion ??= createItem()
  try {
    session.file = await session.completion
  } catch (error) {
    sessions.remove(session)
    throw error
  }
  await sendFile(context, caller, session.file, exchange, mask)
}

/** Responds 308 with the stored range; without `Range` when nothing is stored. */
function sendIncomplete(session: Session, { res, fault }: Exchange): void {
  const { committed } = session.writer
  const stored = committed > 0 ? `bytes=0-${committed - 1}` : null
  const range = fault?.range === undefined ? stored : fault.range
  session.reportedOffset = fault?.range === undefined ? undefined : parseOffset(range)
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

/** The offset at which a client resumes after this `Range`. */
function parseOffset(range: string | null): number {
  return range === null ? 0 : Number(/-(\d+)$/.exec(range)?.[1] ?? -1) + 1
}

function checkTotal(session: Session, total: number | undefined): void {
  if (total === undefined || session.total === undefined || total === session.total) return
  throw badContentRange(`The announced length is ${session.total} bytes, not ${total}`)
}

/** An exceeded quota deletes the session. */
function checkQuota(
  context: DriveContext,
  sessions: Sessions,
  session: Session,
  size: number,
): void {
  try {
    checkSize(context, session.caller, size)
  } catch (error) {
    sessions.remove(session)
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
