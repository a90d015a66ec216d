/** `GET /files/{id}/content`: downloads a file or exports a document. */
import { withResourceKeys } from '../drive/client/account.ts'
import { chooseFormat, formatNames } from '../drive/files/export-formats.ts'
import type { ExportFormat } from '../drive/files/export-formats.ts'
import type { FileDetails } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import { audit } from '../http/audit.ts'
import { badRequest } from '../http/bad-request.ts'
import { readPathReference } from '../http/file-id.ts'
import { isHttp2 } from '../http/http-compat.ts'
import type { RequestContext } from '../http/router.ts'
import { isMediaType } from '../lib/media-type.ts'
import { matchesIfNoneMatch, readRange } from './byte-range.ts'
import { attachment } from './content-disposition.ts'
import type { FilesDeps } from './deps.ts'
import { writeStream } from './write-stream.ts'

/** Denies scripts, forms and the origin, in case a browser renders the file. */
const contentSecurityPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"

/**
 * Sends the content of a file, a range of it, or an export.
 *
 * @throws {GatewayError} `not_downloadable`, `unknown_export_format`, `range_not_satisfiable`, …
 */
export async function sendContent(deps: FilesDeps, context: RequestContext): Promise<void> {
  const { req, res, query, params, signal, log } = context
  const principal = await deps.authenticate(req, 'files:read')
  const { sub, id: credential } = principal
  const item = readPathReference(params[0] ?? '')
  const account = withResourceKeys(deps.accountOf(sub), principal.folder, item)
  const acknowledgesAbuse = readAcknowledgement(query.get('acknowledgeAbuse'))
  await deps.folderScope.checkRead(principal, item, signal)
  const file = await deps.files.get(account, item.id, signal)
  const format = selectExportFormat(file, query.get('as') ?? undefined)
  assertDownloadable(file)

  const isHead = req.method === 'HEAD'
  const etag = etagOf(file, format)
  res.setHeader('ETag', etag)
  res.setHeader('Content-Security-Policy', contentSecurityPolicy)
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  if (matchesIfNoneMatch(req, etag)) return void res.writeHead(304).end()

  const size = file.size ?? 0
  const range = format ? undefined : readRange(req, size, etag)
  const { start, end } = range ?? { start: 0, end: size }
  const revision = { id: file.id, size, sha256: file.sha256, acknowledgesAbuse }
  const content = isHead
    ? undefined
    : format
      ? await deps.downloads.export(account, file.id, format.mimeType, signal)
      : end > start
        ? await deps.downloads.open(account, revision, { start, end }, signal)
        : undefined

  res.setHeader('Content-Type', format?.mimeType ?? validMediaType(file.mimeType))
  res.setHeader('Content-Disposition', attachment(downloadName(file, format)))
  if (!format) {
    res.setHeader('Accept-Ranges', 'bytes')
    if (file.sha256) res.setHeader('Repr-Digest', digestOf(file.sha256)) // RFC 9530
    if (allowsContentLength(deps, context, end - start)) {
      res.setHeader('Content-Length', end - start)
    }
  }
  if (range) res.setHeader('Content-Range', `bytes ${start}-${end - 1}/${size}`)
  res.writeHead(range ? 206 : 200)
  if (isHead) return void res.end()

  audit(log, 'download', {
    sub,
    credential,
    fileId: file.id,
    bytes: format ? undefined : end - start,
    exportedAs: format?.mimeType,
  })
  await writeStream(res, content ?? emptyBody(), deps.idleTimeoutMs)
}

/** @throws {GatewayError} `bad_request` */
function readAcknowledgement(value: string | null): boolean {
  if (value === null || value === 'true' || value === 'false') return value === 'true'
  throw badRequest('acknowledgeAbuse must be true or false')
}

async function* emptyBody(): AsyncGenerator<Buffer, void, undefined> {}

/**
 * Selects the export format of a document.
 *
 * @returns `undefined` for a file, which is sent unchanged
 * @throws {GatewayError} `not_downloadable`, `unknown_export_format`; the detail names the alternatives
 */
function selectExportFormat(file: FileDetails, as: string | undefined): ExportFormat | undefined {
  const { kind, shortcut, exportTypes } = file
  if (kind === 'folder') {
    throw notDownloadable('A folder has no content. List it with GET /files?folder=….')
  }
  if (shortcut) {
    throw notDownloadable(
      `A shortcut has no content. Its target is /files/${shortcut.targetId}/content.`,
    )
  }
  if (kind === 'file') {
    if (as === undefined) return undefined
    throw unknownExportFormat('Only documents are exported. Omit the parameter as.')
  }
  if (exportTypes.length === 0) {
    throw notDownloadable('Drive cannot export this type. Open it at its webViewLink.')
  }
  const format = as === undefined ? undefined : chooseFormat(as, exportTypes)
  if (format) return format
  throw unknownExportFormat(`Choose an export format: ?as=${formatNames(exportTypes).join(' | ')}`)
}

/** @throws {GatewayError} `drive_forbidden` for a file that Drive would not send */
function assertDownloadable(file: FileDetails): void {
  if (file.capabilities.canDownload) return
  throw new GatewayError('drive_forbidden', 'Driveway may not read the content', {
    detail: file.isAppAuthorized
      ? 'The owner does not allow downloads of this file.'
      : 'Driveway reads only files that it stored itself. Open this one in Drive, or ask the operator for a wider ACCESS_PROFILE.',
  })
}

/**
 * Creates the entity tag. Drive's checksum makes it strong. Exports differ from one to the next, so
 * theirs is weak and identifies the version of the document.
 *
 * @see RFC 9110 section 8.8.3
 */
function etagOf({ sha256, version }: FileDetails, format: ExportFormat | undefined): string {
  if (format) return `W/"${version}-${format.mimeType}"`
  return sha256 === undefined ? `W/"${version}"` : `"${sha256}"`
}

function digestOf(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
}

/** A longer HTTP/1 response must be chunked. @see Cloud Run, "Quotas and limits" */
function allowsContentLength(
  { maxResponseBytes }: FilesDeps,
  { req }: RequestContext,
  length: number,
): boolean {
  return maxResponseBytes === null || isHttp2(req) || length <= maxResponseBytes
}

/** Any client can set a file's type, so an invalid one is replaced. */
function validMediaType(mimeType: string): string {
  return isMediaType(mimeType) ? mimeType : 'application/octet-stream'
}

function downloadName({ name }: FileDetails, format: ExportFormat | undefined): string {
  const extension = format?.extension
  if (extension === undefined || name.toLowerCase().endsWith(`.${extension}`)) return name
  return `${name}.${extension}`
}

function notDownloadable(detail: string): GatewayError {
  return new GatewayError('not_downloadable', 'The item has no content', { detail })
}

function unknownExportFormat(detail: string): GatewayError {
  return new GatewayError('unknown_export_format', 'The export format is unknown', { detail })
}
