/** `PUT /upload/{path}`: stores the request body as one file. */
import type { IncomingMessage } from 'node:http'
import { withResourceKeys } from '../drive/client/account.ts'
import { GatewayError } from '../errors.ts'
import { auditUploads } from '../http/audit.ts'
import { declaredLength, awaitsContinue, readBodyBatches } from '../http/body-stream.ts'
import { readFileReference } from '../http/file-id.ts'
import { decodePath, readPath } from '../http/file-name.ts'
import { isHttp2 } from '../http/http-compat.ts'
import type { RequestContext } from '../http/router.ts'
import { runAndSettle } from '../identity/quota.ts'
import { mediaTypeOf } from '../lib/media-type.ts'
import type { UploadDeps } from './deps.ts'
import { readMimeType } from './multipart/part-headers.ts'
import { sendUploadResult } from './response.ts'
import { byteLength, checkRequestSize, fileTooLarge, limitSize } from './size-limits.ts'
import type { BodyChunk } from './size-limits.ts'
import { uploadFile } from './store-file.ts'
import type { UploadRequest } from './store-file.ts'
import { readConflictMode, readDigest, readIdempotencyKey } from './upload-headers.ts'

export async function uploadRaw(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, res, query, params, signal, log } = context
  const principal = await deps.authenticate(req, 'upload')
  const path = readFilePath(req.url ?? '', params[0] ?? '')
  const folder = query.get('folder')
  const requestedFolder = folder === null ? undefined : readFileReference(folder)
  const account = withResourceKeys(deps.accountOf(principal.sub), principal.folder, requestedFolder)
  const mode = readConflictMode(query.get('mode'))
  const sha256 = readDigest(req, query)
  const key = readIdempotencyKey(req)
  checkRequestSize(req, deps)
  const length = declaredLength(req)
  if ((length ?? 0) > deps.maxFileBytes) throw fileTooLarge(deps.maxFileBytes)
  if (length === undefined && sha256 === undefined && !isChunked(req)) {
    throw new GatewayError('length_required', 'The request has neither a length nor a digest')
  }

  const parent = await deps.folderScope.resolveWriteFolder(principal, requestedFolder, signal)
  const reservation = deps.uploads.reserve(length)
  if (awaitsContinue(req)) await reservation.waitForCapacity(signal)
  const quota = deps.quotas.open(principal, length)
  const body = readBodyBatches(req, res, deps.idleTimeoutMs)
  const name = path.at(-1) ?? ''
  const request: UploadRequest = {
    reservation,
    name,
    mimeType: mediaTypeOf(name, readMimeType(req.headers['content-type'])),
    mode,
    folder: () =>
      deps.folders.ensurePath(account, parent, path.slice(0, -1), signal, principal.folder?.id),
    length,
    quota,
    content: limitSize(requireLength(body, length), deps.maxFileBytes),
    awaitsContinue: () => awaitsContinue(req),
    sha256,
    key,
    fingerprint: ['PUT', parent ?? 'root', path, mode, length ?? null, sha256 ?? null],
  }
  const file = await runAndSettle(quota, async () =>
    uploadFile(deps, account, request, context).finally(() => reservation.close()),
  )
  // An HTTP/1 connection would wait for the body that never got its 100 Continue.
  if (awaitsContinue(req) && !isHttp2(req)) res.setHeader('Connection', 'close')
  sendUploadResult(context, principal, file)
  auditUploads(log, principal, 'raw', [file])
}

/** Decodes the path; its last segment names the file. */
function readFilePath(url: string, path: string): string[] {
  if (/^[^?#]*\/(?:[?#]|$)/.test(url)) {
    const detail = 'The path ends with a slash. End it with the file name.'
    throw new GatewayError('invalid_path', detail, { detail })
  }
  return readPath(decodePath(path))
}

/**
 * Whether the body uses chunked coding (RFC 9112 §7.1), whose last chunk marks a complete body. Over
 * HTTP/2, Node does not distinguish a complete body from an interrupted one, so a length or a digest
 * is required there.
 */
function isChunked(req: IncomingMessage): boolean {
  return !isHttp2(req) && req.headers['transfer-encoding'] !== undefined
}

/** Passes a body through. @throws {GatewayError} `size_mismatch` unless it has the declared length */
async function* requireLength<C extends BodyChunk>(
  content: AsyncIterable<C>,
  length: number | undefined,
): AsyncGenerator<C, void, undefined> {
  let size = 0
  for await (const chunk of content) {
    size += byteLength(chunk)
    yield chunk
  }
  if (length === undefined || size === length) return
  throw new GatewayError('size_mismatch', `The body has ${size} of ${length} bytes`)
}
