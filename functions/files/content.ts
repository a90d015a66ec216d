/** `GET /files/{id}/content`: the bytes of a file, or what a document is exported as. */
import type { Downloads } from '../drive/files/download.ts'
import { chooseFormat, formatNames } from '../drive/files/export-formats.ts'
import type { ExportFormat } from '../drive/files/export-formats.ts'
import type { FileDetails } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import { audit } from '../http/audit.ts'
import { isKnown, readRange } from './byte-range.ts'
import { attachment } from './content-disposition.ts'
import { readFileId } from './list-query.ts'
import type { FilesParts } from './routes.ts'
import type { Call } from '../http/router.ts'
import { sendStream } from './write-stream.ts'

export interface ContentParts extends FilesParts {
  downloads: Downloads
  /** Bytes that one answer of HTTP/1 may declare where a front end caps them. */
  maxAnswerBytes: number | null
  /** Milliseconds that a reader may take nothing. */
  idleMs: number
}

/** Even where a browser is made to show it: no script, no form, no origin. */
const contentPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"

export async function sendContent(parts: ContentParts, call: Call): Promise<void> {
  const { req, res, query, params, signal } = call
  const principal = await parts.identify(req, 'files:read')
  const { sub, id: credential } = principal
  const account = parts.accountOf(sub)
  const id = readFileId(params[0] ?? '')
  await parts.inside.checkRead(principal, id, signal)
  const file = await parts.files.get(account, id, signal)
  const format = checkForm(file, query.get('as') ?? undefined)
  checkReadable(file)

  const isHead = req.method === 'HEAD'
  const etag = etagOf(file, format)
  res.setHeader('ETag', etag)
  res.setHeader('Content-Security-Policy', contentPolicy)
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  if (isKnown(req, etag)) return void res.writeHead(304).end()

  const size = file.size ?? 0
  const span = format ? undefined : readRange(req, size, etag)
  const { start, end } = span ?? { start: 0, end: size }
  const source = { id: file.id, size, sha256: file.sha256 }
  const content = isHead
    ? undefined
    : format
      ? await parts.downloads.export(account, file.id, format.mimeType, signal)
      : end > start
        ? await parts.downloads.open(account, source, { start, end }, signal)
        : undefined

  res.setHeader('Content-Type', format?.mimeType ?? mediaTypeOf(file.mimeType))
  res.setHeader('Content-Disposition', attachment(nameOf(file, format)))
  if (!format) {
    res.setHeader('Accept-Ranges', 'bytes')
    if (file.sha256) res.setHeader('Repr-Digest', digestOf(file.sha256)) // RFC 9530
    if (mayDeclare(parts, call, end - start)) res.setHeader('Content-Length', end - start)
  }
  if (span) res.setHeader('Content-Range', `bytes ${start}-${end - 1}/${size}`)
  res.writeHead(span ? 206 : 200)
  if (isHead) return void res.end()

  audit(call.log, 'download', {
    sub,
    credential,
    fileId: file.id,
    bytes: format ? undefined : end - start,
    exportedAs: format?.mimeType,
  })
  await sendStream(res, content ?? none(), parts.idleMs)
}

async function* none(): AsyncGenerator<Buffer, void, undefined> {}

/**
 * @returns what a document is to become; nothing for a file, which stays what it is
 * @throws {GatewayError} `not_downloadable`, `unknown_export_format`: both say what there is instead
 */
function checkForm(file: FileDetails, as: string | undefined): ExportFormat | undefined {
  const { kind, shortcut, exportTypes } = file
  if (kind === 'folder') throw noContent('A folder has none; list it with GET /files?folder=…')
  if (shortcut) {
    throw noContent(`A shortcut has none; what it leads to is /files/${shortcut.targetId}/content`)
  }
  if (kind === 'file') {
    if (as === undefined) return undefined
    throw unknownFormat('This is a file and is had as it is: leave as out')
  }
  if (exportTypes.length === 0) {
    throw noContent('Drive exports nothing of this type; open it at its webViewLink')
  }
  const format = as === undefined ? undefined : chooseFormat(as, exportTypes)
  if (format) return format
  throw unknownFormat(`Say what it is to become: ?as=${formatNames(exportTypes).join(' | ')}`)
}

/** @throws {GatewayError} `drive_forbidden`, where Drive would be asked in vain */
function checkReadable(file: FileDetails): void {
  if (file.capabilities.canDownload) return
  throw new GatewayError('drive_forbidden', 'The content is not ours to read', {
    detail: file.isAppAuthorized
      ? 'Whoever owns this does not let it be downloaded'
      : 'Driveway reads only what it stored itself; open this one in Drive, or have the operator allow more (ACCESS_PROFILE)',
  })
}

/**
 * Strong where Drive's checksum says so. An export is made anew each time, never quite the same, so
 * its tag is weak: it stands for the document's version.
 */
function etagOf({ sha256, version }: FileDetails, format: ExportFormat | undefined): string {
  if (format) return `W/"${version}-${format.mimeType}"`
  return sha256 === undefined ? `W/"${version}"` : `"${sha256}"`
}

function digestOf(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
}

/** @see Cloud Run, "Quotas and limits": a longer answer has to be chunked */
function mayDeclare({ maxAnswerBytes }: ContentParts, { req }: Call, length: number): boolean {
  return maxAnswerBytes === null || req.httpVersionMajor >= 2 || length <= maxAnswerBytes
}

/** What somebody else called a type is repeated only where it is one. */
function mediaTypeOf(mimeType: string): string {
  const isType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(mimeType)
  return isType ? mimeType : 'application/octet-stream'
}

function nameOf({ name }: FileDetails, format: ExportFormat | undefined): string {
  const extension = format?.extension
  if (extension === undefined || name.toLowerCase().endsWith(`.${extension}`)) return name
  return `${name}.${extension}`
}

function noContent(detail: string): GatewayError {
  return new GatewayError('not_downloadable', 'There are no bytes of its own', { detail })
}

function unknownFormat(detail: string): GatewayError {
  return new GatewayError('unknown_export_format', 'Not in that form', { detail })
}
