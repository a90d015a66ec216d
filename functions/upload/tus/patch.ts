import type { IncomingMessage } from 'node:http'
import { chunkUnit } from '../../drive/client/protocol.ts'
import type { AppendRequest } from '../../drive/upload/append-chunks.ts'
import { GatewayError } from '../../errors.ts'
import { auditUploads } from '../../http/audit.ts'
import { badRequest } from '../../http/bad-request.ts'
import { declaredLength, readBody } from '../../http/body-stream.ts'
import { abortResponse, closeConnectionAfterResponse } from '../../http/http-compat.ts'
import type { RequestContext } from '../../http/router.ts'
import type { UploadDeps } from '../deps.ts'
import { checkRequestSize, limitSize } from '../size-limits.ts'
import { chunkTooLarge, maxChecksumBytes, readChecksum, verifyChecksum } from './checksum.ts'
import {
  checkContentType,
  exceedsLength,
  expiryHeaders,
  fileHeaders,
  readByteCount,
  readUploadLength,
} from './headers.ts'
import { refundIfGone, withQuota } from './quota.ts'
import { loadUpload } from './upload-url.ts'
import type { TusUpload } from './upload-url.ts'

/**
 * `PATCH`: appends bytes at the offset where Drive's session ends.
 *
 * Drive accepts multiples of 256 KiB until the last bytes of a file, so the rest of a body may stay
 * with the client, which resumes at the `Upload-Offset` of the response. When the offset has not
 * changed, the response is an error; the client would otherwise repeat the same PATCH forever.
 *
 * @throws {GatewayError} `chunk_too_small`, `chunk_too_large`, `bad_request`, `offset_mismatch`, …
 * @see tus 1.0.0, "PATCH"
 */
export async function appendBytes(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, res, signal, log } = context
  const { principal, account, upload } = await loadUpload(deps, context)
  checkContentType(req)
  checkRequestSize(req, deps)
  const offset = readByteCount(req, 'upload-offset')
  if (offset === undefined) throw badRequest('Upload-Offset is required')
  const checksum = readChecksum(req)
  const declared = declaredLength(req)
  const length = await resolveLength(deps, req, upload, offset)
  const maxBytes = (length ?? deps.maxFileBytes) - offset
  if (maxBytes >= 0 && (declared ?? 0) > maxBytes) throw exceedsLength()
  if (checksum && (declared ?? 0) > maxChecksumBytes) throw chunkTooLarge()

  const body = limitSize(readBody(req, res, deps.idleTimeoutMs), maxBytes, exceedsLength)
  const target = { principal, account, upload, offset, declared }
  const appended = withQuota(deps, target, (meter) => {
    const metered = meter(body)
    const request: AppendRequest = {
      offset,
      length,
      source: checksum ? verifyChecksum(metered, checksum) : metered,
      size: declared,
      isAtomic: checksum !== undefined,
    }
    return deps.uploadSessions.append(account, upload, request, signal)
  })
  const position = await refundIfGone(deps, upload, appended).catch(closeIfTooSlow(context))
  if (position.offset === offset && !position.file) {
    throw new GatewayError('chunk_too_small', `The body is shorter than ${chunkUnit} bytes`, {
      detail: `A PATCH that does not complete the file needs at least ${chunkUnit} bytes.`,
    })
  }
  // A newer request took over before the body was read to its end.
  if (!req.complete) closeConnectionAfterResponse(res)
  const { file } = position
  res.writeHead(204, {
    'upload-offset': String(position.offset),
    ...(file ? fileHeaders(file) : expiryHeaders(upload.expiresAt)),
  })
  res.end()
  if (file) auditUploads(log, principal, 'tus', [{ id: file.id, size: position.offset }])
}

/**
 * Returns the length of the upload, which a PATCH may set once when the creation has deferred it.
 *
 * @throws {GatewayError} `bad_request`, `too_large`
 * @see tus 1.0.0, "Creation With Deferred Length"
 */
async function resolveLength(
  { maxFileBytes, uploadLengths }: UploadDeps,
  req: IncomingMessage,
  { id, length, expiresAt }: TusUpload,
  offset: number,
): Promise<number | undefined> {
  const requested = readUploadLength(req, maxFileBytes)
  if (requested === undefined) return length ?? uploadLengths.find(id)
  if (requested < offset) throw badRequest('Upload-Length is less than Upload-Offset')
  const known = length ?? (await uploadLengths.set(id, requested, expiresAt))
  if (requested !== known) throw badRequest(`Upload-Length of this upload is ${known}`)
  return known
}

/** A stalled client resumes sooner when its connection is closed. */
function closeIfTooSlow({ res }: RequestContext): (error: unknown) => never {
  return (error) => {
    if (error instanceof GatewayError && error.code === 'too_slow') abortResponse(res)
    throw error
  }
}
