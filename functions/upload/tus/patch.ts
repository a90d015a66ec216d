/** `PATCH`: bytes at the offset where Drive stopped. */
import { chunkUnit } from '../../drive/client/protocol.ts'
import { GatewayError } from '../../errors.ts'
import { auditUploads } from '../../http/audit-uploads.ts'
import { declaredLength, readBody } from '../../http/framework-streaming.ts'
import type { Call } from '../../http/router.ts'
import { breakOff, closeAfter } from '../../http/http-compat.ts'
import { checkUnread } from '../response.ts'
import { checked, maxCheckedBytes, readChecksum, tooMuch } from './checksum.ts'
import { counting, forgivingGone } from './quota.ts'
import { bad, checkBodyType, expiry, fileHeaders, readBytes, readLength } from './headers.ts'
import type { TusParts } from './routes.ts'
import { openUpload } from './upload-url.ts'
import type { TusUpload } from './upload-url.ts'

/**
 * Drive takes whole units of 256 KiB until the last bytes of a file: the rest of a body that is not
 * its file's last is left with the client, which goes on where we say that we stopped. It is told so
 * when that is where it was before, or it would come back with the same bytes for ever.
 */
export async function addBytes(parts: TusParts, call: Call): Promise<void> {
  const { req, res, signal, log } = call
  const { principal, account, upload } = await openUpload(parts, call)
  checkBodyType(req)
  checkUnread(req, parts)
  const offset = readBytes(req, 'upload-offset')
  if (offset === undefined) throw bad('Upload-Offset is missing')
  const checksum = readChecksum(req)
  const declared = declaredLength(req)
  const length = lengthByNow(parts, call, upload, offset)
  const most = (length ?? parts.maxFileBytes) - offset
  if (most >= 0 && (declared ?? 0) > most) throw beyond()
  if (checksum && (declared ?? 0) > maxCheckedBytes) throw tooMuch()

  const body = within(most, readBody(req, res, parts.idleMs))
  const isAllOrNothing = checksum !== undefined
  const about = { principal, account, upload, offset, declared }
  const adding = counting(parts, about, (meter) => {
    const metered = meter(body)
    const source = checksum ? checked(metered, checksum) : metered
    const addition = { offset, length, source, size: declared, isAllOrNothing }
    return parts.resumes.append(account, upload, addition, signal)
  })
  const now = await forgivingGone(parts, upload, adding).catch(closeOnSlow(call))
  if (now.offset === offset && !now.file) {
    throw new GatewayError('chunk_too_small', 'Less than a unit came, and not the file’s end', {
      detail: `Unless it ends the file, a PATCH must have at least ${chunkUnit} bytes`,
    })
  }
  if (!req.complete) closeAfter(res) // a newer request came before all was read
  res.writeHead(204, {
    'upload-offset': String(now.offset),
    ...(now.file ? fileHeaders(now.file) : expiry(upload.expiresAt)),
  })
  res.end()
  if (now.file) auditUploads(log, principal, 'tus', [{ id: now.file.id, size: now.offset }])
}

/**
 * A length that comes late comes with the bytes that end the file: the upload's URL cannot learn it,
 * and so a length that is told can never be another later.
 */
function lengthByNow(
  { maxFileBytes }: TusParts,
  { req }: Call,
  upload: TusUpload,
  offset: number,
): number | undefined {
  const told = readLength(req, maxFileBytes)
  if (told === undefined) return upload.length
  if (upload.length !== undefined) {
    if (told !== upload.length) throw bad(`Upload-Length is ${upload.length} for this upload`)
    return told
  }
  const declared = declaredLength(req)
  if (declared !== undefined && offset + declared < told) {
    throw bad('Send Upload-Length with the PATCH that ends the file, and not before')
  }
  return told
}

/** No byte more than there is room for: what goes beyond is an error, never cut off. */
export async function* within(
  most: number,
  body: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > most) throw beyond()
    yield piece
  }
}

export function beyond(): GatewayError {
  const detail = 'The body goes beyond the end of the upload'
  return new GatewayError('bad_request', detail, { detail })
}

/** A client that stands still comes back sooner when its connection is closed on it. */
function closeOnSlow({ res }: Call): (error: unknown) => never {
  return (error) => {
    if (error instanceof GatewayError && error.code === 'too_slow') breakOff(res)
    throw error
  }
}
