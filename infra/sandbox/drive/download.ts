/** Downloads of a file: whole, a byte range, or an export of a Google Doc. */
import { pipeline } from 'node:stream/promises'
import type { Exchange } from '../router.ts'
import { cutConnection } from '../apply-fault.ts'
import { findFile } from './permissions.ts'
import { isAppFile, canReadContent, requireScope } from './auth-context.ts'
import type { Caller } from './auth-context.ts'
import { DriveError, appNotAuthorized, badRequest, insufficientScopes } from './errors.ts'
import { exportTypes } from './google-types.ts'
import { readBoolean, requireParameter } from './params.ts'
import type { DriveContext } from './service.ts'
import type { Item } from './tree.ts'

/** Google limits exports to 10 MB: 403, but 500 for a PDF. */
const maxExportBytes = 10 * 1024 * 1024

export async function sendContent(
  caller: Caller,
  item: Item,
  { req, res, url, fault }: Exchange,
): Promise<void> {
  checkReadable(caller, item)
  const { content } = item
  if (!content) {
    const message =
      'Only files with binary content can be downloaded. Use Export with Docs Editors files.'
    throw new DriveError(403, 'fileNotDownloadable', message, { location: 'alt' })
  }
  checkFlag(caller, item, url)
  const range = readRange(req.headers.range, content.size)
  if (range === null) {
    res.setHeader('content-range', `bytes */${content.size}`)
    throw new DriveError(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable', {
      location: 'Range',
      locationType: 'header',
    })
  }
  const { start, end } = range ?? { start: 0, end: content.size }
  res.writeHead(range ? 206 : 200, {
    'content-type': item.mimeType,
    'content-length': end - start,
    'content-disposition': 'attachment',
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=0, must-revalidate',
    ...(range ? { 'content-range': `bytes ${start}-${end - 1}/${content.size}` } : {}),
  })
  const cutAt = fault?.resetAfterBytes ?? fault?.stallAfterBytes
  if (cutAt === undefined) {
    await pipeline(content.read(start, end), res).catch(ignoreAborts)
    return
  }
  res.flushHeaders()
  for await (const part of content.read(start, Math.min(end, start + cutAt))) {
    await new Promise<void>((resolve) => res.write(part, () => resolve()))
  }
  if (fault?.resetAfterBytes !== undefined) cutConnection(fault, req)
}

export async function exportFile(
  context: DriveContext,
  { req, res, url, params, fault }: Exchange,
): Promise<void> {
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.export')
  const item = findFile(context.tree, caller, url, params[0] ?? '')
  checkReadable(caller, item)
  const mimeType = requireParameter(url, 'mimeType')
  const types = exportTypes(item.mimeType)
  if (types.length === 0) {
    const message = 'Export only supports Docs Editors files.'
    throw new DriveError(403, 'fileNotExportable', message)
  }
  if (!types.includes(mimeType)) throw badRequest('The requested conversion is not supported.')
  const body = exportContent(item, mimeType)
  if (body.length > maxExportBytes) {
    if (mimeType === 'application/pdf') throw new DriveError(500, 'internalError', 'Internal Error')
    const message = 'This file is too large to be exported.'
    throw new DriveError(403, 'exportSizeLimitExceeded', message)
  }
  // Google sends neither a length nor a range here.
  res.writeHead(200, { 'content-type': mimeType, 'content-disposition': 'attachment' })
  const cutAt = fault?.resetAfterBytes
  if (cutAt === undefined) return void res.end(body)
  await new Promise<void>((resolve) => res.write(body.subarray(0, cutAt), () => resolve()))
  cutConnection(fault, req)
}

/** Exports text; the other formats are placeholders. */
function exportContent(item: Item, mimeType: string): Buffer {
  if (mimeType === 'text/html') return Buffer.from(`<html><body>${item.text}</body></html>`)
  if (mimeType.startsWith('text/')) return Buffer.from(item.text)
  if (mimeType === 'application/pdf') return Buffer.from(`%PDF-1.4\n% ${item.text}\n%%EOF\n`)
  return Buffer.from(`${item.name} as ${mimeType}\n${item.text}`)
}

/** Rejects tokens for metadata alone, and `drive.file` tokens for files of other applications. */
function checkReadable(caller: Caller, item: Item): void {
  if (canReadContent(caller, item)) return
  if (caller.scopes.has('drive.file') && !isAppFile(caller, item)) throw appNotAuthorized(item.id)
  throw insufficientScopes('drive.files.get')
}

/**
 * Rejects a file that Google classifies as malware or spam, unless its owner acknowledges that; and an
 * acknowledgement for any other file.
 */
function checkFlag(caller: Caller, { owner, driveId, conditions }: Item, url: URL): void {
  const isAcknowledged = readBoolean(url, 'acknowledgeAbuse')
  const location = { location: 'acknowledgeAbuse' }
  if (!conditions.has('flagged')) {
    if (!isAcknowledged) return
    const message = 'This file has not been flagged for abuse.'
    throw new DriveError(403, 'invalidAbuseAcknowledgment', message, location)
  }
  if (!isAcknowledged) {
    const message = 'This file has been identified as malware or spam and cannot be downloaded.'
    throw new DriveError(403, 'cannotDownloadAbusiveFile', message)
  }
  // In a shared drive, each member of the sandbox is an organizer.
  if (owner === caller.sub || driveId !== undefined) return
  const message = 'Only the owner can download abusive files.'
  throw new DriveError(403, 'cannotDownloadAbusiveFile', message, location)
}

/** @returns undefined for the whole file, `null` for a range outside of it */
function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | null | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const [, first = '', last = ''] = match
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? null : { start: size - length, end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? null : { start, end }
}

function ignoreAborts(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ECONNRESET' && code !== 'EPIPE') {
    throw error
  }
}
