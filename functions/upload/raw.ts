/** `PUT /upload/{path}`: the body is the file. */
import type { IncomingMessage } from 'node:http'
import { unknownType } from '../drive/upload/conflict-policy.ts'
import { GatewayError } from '../errors.ts'
import { auditUploads } from '../http/audit-uploads.ts'
import { declaredLength, isHeldBack, readBatches } from '../http/framework-streaming.ts'
import { decodePath, readPath } from './file-name.ts'
import { typeOf } from './media-type.ts'
import { readFileId } from '../files/list-query.ts'
import { readMimeType } from './multipart/part-headers.ts'
import { closing } from '../identity/quota.ts'
import type { Call } from '../http/router.ts'
import { capped, checkUnread, sendFile, sizeOf, tooLarge } from './response.ts'
import type { Piece } from './response.ts'
import { uploadFile } from './store-file.ts'
import { readDigest, readIdempotencyKey, readMode } from './upload-headers.ts'
import type { UploadParts } from './routes.ts'

export async function uploadRaw(parts: UploadParts, call: Call): Promise<void> {
  const { req, res, query, params, signal, log } = call
  const principal = await parts.identify(req, 'upload')
  const account = parts.accountOf(principal.sub)
  const path = readTargetPath(req.url ?? '', params[0] ?? '')
  const named = query.has('folder') ? readFileId(query.get('folder') ?? '') : undefined
  const mode = readMode(query.get('mode'))
  const sha256 = readDigest(req, query)
  const key = readIdempotencyKey(req)
  checkUnread(req, parts)
  const length = declaredLength(req)
  if ((length ?? 0) > parts.maxFileBytes) throw tooLarge(parts.maxFileBytes)
  if (length === undefined && sha256 === undefined && !isChunked(req)) {
    throw new GatewayError('length_required', 'Nothing says where the body ends')
  }

  const folder = await parts.inside.writeFolder(principal, named, signal)
  const room = parts.uploads.enter(length)
  const allowance = parts.allowances.open(principal, length)
  const body = readBatches(req, res, parts.idleMs)
  const name = path.at(-1) ?? ''
  const type = req.headers['content-type']
  const folders = path.slice(0, -1)
  const wanted = {
    room,
    name,
    mimeType: type === undefined ? (typeOf(name) ?? unknownType) : readMimeType(type),
    mode,
    folder: () => parts.folders.reach(account, folder, folders, signal),
    length,
    allowance,
    content: capped(exactly(body, length), parts.maxFileBytes),
    isHeldBack: () => isHeldBack(req),
    sha256,
    key,
    fingerprint: ['PUT', folder ?? 'root', path, mode, length ?? null, sha256 ?? null],
  }
  const file = await closing(allowance, async () =>
    uploadFile(parts, account, wanted, call).finally(() => room.leave()),
  )
  // A body that is never asked for would be waited for on this connection; HTTP/2 has streams.
  if (isHeldBack(req) && req.httpVersionMajor < 2) res.setHeader('Connection', 'close')
  sendFile(call, file)
  auditUploads(log, principal, 'raw', [file])
}

/** The segments of the path, of which the last names the file. */
function readTargetPath(url: string, path: string): string[] {
  if (/^[^?#]*\/(?:[?#]|$)/.test(url)) {
    const detail = 'The path ends with a slash; end it with the file’s name'
    throw new GatewayError('invalid_path', detail, { detail })
  }
  return readPath(decodePath(path))
}

/**
 * HTTP/1 tells a chunked body that has ended from one that was cut off. HTTP/2 does not: to Node
 * both look the same, so there the length or the digest has to be known beforehand.
 */
function isChunked(req: IncomingMessage): boolean {
  return req.httpVersionMajor < 2 && req.headers['transfer-encoding'] !== undefined
}

/** The same bytes, whose end is a failure unless there were as many as declared. */
async function* exactly<P extends Piece>(
  content: AsyncIterable<P>,
  length: number | undefined,
): AsyncGenerator<P, void, undefined> {
  let size = 0
  for await (const piece of content) {
    size += sizeOf(piece)
    yield piece
  }
  if (length === undefined || size === length) return
  throw new GatewayError('size_mismatch', `${size} bytes came of ${length}`)
}
