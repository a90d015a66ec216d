/** `POST`: a new upload, with some of its bytes, all of them, or none yet. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { DriveAccount } from '../../drive/client/account.ts'
import type { OpenUpload, Position } from '../../drive/upload/upload-offset.ts'
import { GatewayError } from '../../errors.ts'
import { closing } from '../../identity/quota.ts'
import type { Allowance } from '../../identity/quota.ts'
import type { Principal } from '../../identity/principal.ts'
import { auditUploads } from '../../http/audit-uploads.ts'
import { declaredLength, hasBody, readBody } from '../../http/framework-streaming.ts'
import type { Call } from '../../http/router.ts'
import { checkUnread } from '../response.ts'
import { checked, readChecksum } from './checksum.ts'
import {
  bad,
  bodyType,
  checkBodyType,
  directUrl,
  expiry,
  fileHeaders,
  header,
  readLength,
  wantsDirect,
} from './headers.ts'
import { readOrigin } from '../tickets.ts'
import { readMetadata } from './metadata.ts'
import type { Described } from './metadata.ts'
import { beyond, within } from './patch.ts'
import type { TusParts } from './routes.ts'
import { lifetimeMs, uploadUrl } from './upload-url.ts'

/** An upload that was asked for, and what of it has come already. */
interface Wanted {
  account: DriveAccount
  length: number | undefined
  described: Described
  /** The page that wants to send its bytes straight to Drive. */
  origin: string | undefined
  source: AsyncIterable<Buffer>
}

interface Begun {
  upload: OpenUpload
  now: Position
}

export async function create(parts: TusParts, call: Call): Promise<void> {
  const principal = await parts.identify(call.req, 'upload')
  const length = readNewLength(call.req, parts.maxFileBytes)
  if (length === undefined && principal.limits?.maxBytes !== undefined) {
    throw new GatewayError('length_required', 'An upload of no length for a token with a limit', {
      detail: 'This token may upload so many bytes: say with Upload-Length how many these are',
    })
  }
  const allowance = parts.allowances.open(principal, length)
  const now = await closing(allowance, () =>
    createWithin(parts, call, { principal, length, allowance }),
  )
  // Whoever hears of it may come with more at once: what was reserved too much is there for that.
  call.res.end()
  if (!now.file) return
  auditUploads(call.log, principal, 'tus', [{ id: now.file.id, size: now.offset }])
}

interface Asked {
  principal: Principal
  length: number | undefined
  allowance: Allowance
}

/** Writes the head of the answer. */
async function createWithin(
  parts: TusParts,
  call: Call,
  { principal, length, allowance }: Asked,
): Promise<Position> {
  const { req, res } = call
  const metadata = header(req, 'upload-metadata') ?? ''
  const described = readMetadata(metadata)
  const origin = wantsDirect(req) ? readOrigin(parts.origins, req.headers.origin) : undefined
  if (origin !== undefined && length === undefined && allowance.limitsBytes) {
    throw new GatewayError('length_required', 'Bytes past us, of no length, within a limit', {
      detail:
        'There is a limit for bytes here: say with Upload-Length how many go straight to Drive',
    })
  }
  const body = readBytes(parts, call, length)
  const source = length === undefined ? allowance.metered(body, (piece) => piece.length) : body
  const account = parts.accountOf(principal.sub)
  const { file, path } = described
  const from = await parts.inside.writeFolder(principal, file.folder, call.signal)
  await allowance.file(length)
  const folder = await parts.folders.reach(account, from, path, call.signal)
  if (folder !== undefined) file.folder = folder

  const begin = length !== undefined && (declaredLength(req) ?? 0) === length ? storeWhole : open
  const { upload, now } = await begin(parts, call, { account, length, described, origin, source })
  const bytes = length ?? now.offset
  const counted = allowance.counts.map((record) => ({ ...record, files: 1, bytes }))
  allowance.keep(bytes)
  try {
    const expiresAt = parts.now() + lifetimeMs
    const location = await uploadUrl(parts, principal, {
      ...upload,
      metadata,
      expiresAt,
      ...(origin === undefined ? {} : { origin }),
      ...(counted.length > 0 ? { counted } : {}),
    })
    res.writeHead(201, {
      location,
      'upload-offset': String(now.offset),
      ...(now.file ? fileHeaders(now.file) : expiry(expiresAt)),
      ...(origin === undefined || now.file ? {} : directUrl(upload.sessionUri)),
    })
  } catch (error) {
    await parts.resumes.cancel(account, upload)
    allowance.drop(bytes)
    throw error
  }
  return now
}

/** All of it is here: one file as any other, and an upload that only tells of it. */
async function storeWhole(
  { uploads }: TusParts,
  { signal }: Call,
  { account, length = 0, described: { file, sha256 }, source }: Wanted,
): Promise<Begun> {
  const stored = await uploads.store(account, file, exactly(length, source), signal, { sha256 })
  return { upload: { id: stored.id, length }, now: { offset: length, file: stored } }
}

/** A client that leaves before it knows the upload's URL can never come back to it. */
async function open(
  { resumes }: TusParts,
  { signal }: Call,
  { account, length, described: { file, sha256 }, origin, source }: Wanted,
): Promise<Begun> {
  const upload: OpenUpload = {
    ...(await resumes.open(account, file, { length, origin }, signal)),
    ...(length === undefined ? {} : { length }),
    ...(sha256 === undefined ? {} : { sha256 }),
  }
  const addition = { offset: 0, length, source, isFirst: true }
  try {
    const now = await resumes.append(account, upload, addition, signal)
    signal.throwIfAborted()
    return { upload, now }
  } catch (error) {
    await resumes.cancel(account, upload)
    throw error
  }
}

/** The bytes that came along; none where there is no body. */
function readBytes(
  parts: TusParts,
  { req, res }: Call,
  length: number | undefined,
): AsyncIterable<Buffer> {
  const isTyped = header(req, 'content-type') === bodyType
  if (!hasBody(req) && !isTyped) return Readable.from([])
  // Over HTTP/2 a body may be announced and be empty.
  if (!isTyped && declaredLength(req) === undefined)
    return within(0, readBody(req, res, parts.idleMs))
  checkBodyType(req)
  checkUnread(req, parts)
  const most = length ?? parts.maxFileBytes
  if ((declaredLength(req) ?? 0) > most) throw beyond()
  const checksum = readChecksum(req)
  const body = within(most, readBody(req, res, parts.idleMs))
  return checksum ? checked(body, checksum, Infinity) : body
}

async function* exactly(
  length: number,
  body: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let size = 0
  for await (const piece of body) {
    size += piece.length
    yield piece
  }
  if (size < length) throw new GatewayError('truncated', 'Less came than was announced')
}

/** @throws {GatewayError} `bad_request`, `too_large` */
function readNewLength(req: IncomingMessage, maxFileBytes: number): number | undefined {
  if (header(req, 'upload-concat') !== undefined) {
    throw bad('Uploads in parts at the same time (Upload-Concat) are not taken here')
  }
  const length = readLength(req, maxFileBytes)
  const deferred = header(req, 'upload-defer-length')
  if (deferred !== undefined && deferred !== '1') throw bad('Upload-Defer-Length must be 1')
  if ((length === undefined) === (deferred === undefined)) {
    throw bad('Send either Upload-Length or Upload-Defer-Length: 1')
  }
  return length
}
