import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { withResourceKeys } from '../../drive/client/account.ts'
import type { DriveAccount } from '../../drive/client/account.ts'
import type { OpenUpload, UploadOffset } from '../../drive/upload/upload-offset.ts'
import { GatewayError } from '../../errors.ts'
import { auditUploads } from '../../http/audit.ts'
import { badRequest } from '../../http/bad-request.ts'
import { declaredLength, hasBody, readBody } from '../../http/body-stream.ts'
import type { RequestContext } from '../../http/router.ts'
import type { Principal } from '../../identity/principal.ts'
import { runAndSettle } from '../../identity/quota.ts'
import type { QuotaReservation } from '../../identity/quota.ts'
import type { UploadDeps } from '../deps.ts'
import { uploadTtlMs } from '../upload-ttl.ts'
import { checkRequestSize, limitSize } from '../size-limits.ts'
import { readAllowedOrigin } from '../upload-headers.ts'
import { readChecksum, verifyChecksum } from './checksum.ts'
import {
  checkContentType,
  directUrlHeaders,
  exceedsLength,
  expiryHeaders,
  fileHeaders,
  headerValue,
  readUploadLength,
  requestsDirectUpload,
  tusContentType,
} from './headers.ts'
import { readMetadata } from './metadata.ts'
import type { FileDescription } from './metadata.ts'
import { uploadUrl } from './upload-url.ts'

/** A validated request for a new upload. */
interface CreationRequest {
  account: DriveAccount
  length: number | undefined
  description: FileDescription
  /** Origin of the page that requests a direct upload. */
  origin: string | undefined
  source: AsyncIterable<Buffer>
}

interface CreatedUpload {
  upload: OpenUpload
  position: UploadOffset
}

/**
 * `POST`: creates an upload, with none, some or all of its bytes.
 *
 * @throws {GatewayError} `length_required`, `bad_request`, `too_large`, …
 * @see tus 1.0.0, "Creation", "Creation With Upload", "Creation With Deferred Length"
 */
export async function createUpload(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, res, log } = context
  const principal = await deps.authenticate(req, 'upload')
  const length = readNewLength(req, deps.maxFileBytes)
  if (length === undefined && principal.limits?.maxBytes !== undefined) {
    throw new GatewayError('length_required', 'A deferred length with a byte quota', {
      detail: 'The token has a byte quota. Send Upload-Length.',
    })
  }
  const quota = deps.quotas.open(principal, length)
  const { offset, file } = await runAndSettle(quota, () =>
    createWithinQuota(deps, context, { principal, length, quota }),
  )
  // Sent after unused quota is settled: the client may start its next upload at once.
  res.end()
  if (file) auditUploads(log, principal, 'tus', [{ id: file.id, size: offset }])
}

/** Creates the upload and writes the head of the response. */
async function createWithinQuota(
  deps: UploadDeps,
  context: RequestContext,
  {
    principal,
    length,
    quota,
  }: { principal: Principal; length: number | undefined; quota: QuotaReservation },
): Promise<UploadOffset> {
  const { req, res, signal } = context
  const metadata = headerValue(req, 'upload-metadata') ?? ''
  const description = readMetadata(metadata)
  const origin = requestsDirectUpload(req) ? readAllowedOrigin(req, deps.origins) : undefined
  if (origin !== undefined && length === undefined && quota.limitsBytes) {
    throw new GatewayError('length_required', 'A direct upload of deferred length with a quota', {
      detail: 'A byte quota applies. Send Upload-Length for a direct upload.',
    })
  }
  const body = readCreationBody(deps, context, length)
  const source = length === undefined ? quota.meter(body, (chunk) => chunk.length) : body
  const { file, path, folder: requested } = description
  const account = withResourceKeys(deps.accountOf(principal.sub), principal.folder, requested)
  const parent = await deps.folderScope.resolveWriteFolder(principal, requested, signal)
  await quota.reserveFile(length)
  const folder = await deps.folders.ensurePath(account, parent, path, signal, principal.folder?.id)
  if (folder !== undefined) file.folder = folder
  file.modifiedTime = new Date(deps.now()).toISOString()

  const isComplete = length !== undefined && (declaredLength(req) ?? 0) === length
  const request: CreationRequest = { account, length, description, origin, source }
  const { upload, position } = isComplete
    ? await storeComplete(deps, request, signal)
    : await openSession(deps, request, signal)
  const bytes = length ?? position.offset
  const charges = quota.counters.map((counter) => ({ ...counter, files: 1, bytes }))
  quota.commit(bytes)
  try {
    if (origin !== undefined) await deps.confirm(req) // the session URI works without a credential
    const expiresAt = deps.now() + uploadTtlMs
    const location = await uploadUrl(deps, principal, {
      ...upload,
      modifiedTime: file.modifiedTime,
      metadata,
      expiresAt,
      ...(origin === undefined ? {} : { origin }),
      ...(charges.length > 0 ? { charges } : {}),
    })
    res.writeHead(201, {
      location,
      'upload-offset': String(position.offset),
      ...(position.file ? fileHeaders(position.file) : expiryHeaders(expiresAt)),
      ...(origin === undefined || position.file ? {} : directUrlHeaders(upload.sessionUri)),
    })
  } catch (error) {
    await deps.uploadSessions.cancel(account, upload)
    quota.revert(bytes)
    throw error
  }
  return position
}

/** Stores a complete body like any other file; its upload serves HEAD and DELETE only. */
async function storeComplete(
  { uploads }: UploadDeps,
  { account, length = 0, description: { file, sha256 }, source }: CreationRequest,
  signal: AbortSignal,
): Promise<CreatedUpload> {
  const stored = await uploads.store(account, file, requireLength(source, length), signal, {
    sha256,
  })
  return { upload: { id: stored.id, length }, position: { offset: length, file: stored } }
}

/** Opens a session, and cancels it when the client leaves: without the URL, it cannot resume. */
async function openSession(
  { uploadSessions }: UploadDeps,
  { account, length, description: { file, sha256 }, origin, source }: CreationRequest,
  signal: AbortSignal,
): Promise<CreatedUpload> {
  const upload: OpenUpload = {
    ...(await uploadSessions.open(account, file, { length, origin }, signal)),
    ...(length === undefined ? {} : { length }),
    ...(sha256 === undefined ? {} : { sha256 }),
  }
  try {
    const request = { offset: 0, length, source, isFirst: true }
    const position = await uploadSessions.append(account, upload, request, signal)
    signal.throwIfAborted()
    return { upload, position }
  } catch (error) {
    await uploadSessions.cancel(account, upload)
    throw error
  }
}

/** Reads the body of a creation; empty without one. */
function readCreationBody(
  deps: UploadDeps,
  { req, res }: RequestContext,
  length: number | undefined,
): AsyncIterable<Buffer> {
  const isTyped = headerValue(req, 'content-type') === tusContentType
  if (!hasBody(req) && !isTyped) return Readable.from([])
  const body = (maxBytes: number): AsyncIterable<Buffer> =>
    limitSize(readBody(req, res, deps.idleTimeoutMs), maxBytes, exceedsLength)
  // Over HTTP/2, an announced body may be empty.
  if (!isTyped && declaredLength(req) === undefined) return body(0)
  checkContentType(req)
  checkRequestSize(req, deps)
  const maxBytes = length ?? deps.maxFileBytes
  if ((declaredLength(req) ?? 0) > maxBytes) throw exceedsLength()
  const checksum = readChecksum(req)
  return checksum ? verifyChecksum(body(maxBytes), checksum, Infinity) : body(maxBytes)
}

/** Passes a body through. @throws {GatewayError} `truncated` when it ends before `length` bytes */
async function* requireLength(
  body: AsyncIterable<Buffer>,
  length: number,
): AsyncGenerator<Buffer, void, undefined> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    yield chunk
  }
  if (size < length) throw new GatewayError('truncated', `The body has ${size} of ${length} bytes`)
}

/** @throws {GatewayError} `bad_request`, `too_large` */
function readNewLength(req: IncomingMessage, maxFileBytes: number): number | undefined {
  if (headerValue(req, 'upload-concat') !== undefined) {
    throw badRequest(
      'Upload-Concat is not supported: Drive cannot join parts. Send the file as one upload (tus-js-client: parallelUploads: 1)',
    )
  }
  const length = readUploadLength(req, maxFileBytes)
  const deferred = headerValue(req, 'upload-defer-length')
  if (deferred !== undefined && deferred !== '1') throw badRequest('Upload-Defer-Length must be 1')
  if ((length === undefined) === (deferred === undefined)) {
    throw badRequest('Send either Upload-Length or Upload-Defer-Length: 1')
  }
  return length
}
