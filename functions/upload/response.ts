/** Responses of the upload methods. */
import type { ExistingFile } from '../drive/upload/conflict-policy.ts'
import { sendJson } from '../http/problem.ts'
import type { RequestContext } from '../http/router.ts'

/** A stored file; `replaced` or `skipped` when it existed before the request. */
export type UploadResult = ExistingFile & { replaced?: true; skipped?: true }

/** Sends the files of a form, as JSON or, for `Accept: text/plain`, one line per file. */
export function sendUploadResults(context: RequestContext, files: readonly UploadResult[]): void {
  if (sendPlainText(context, files)) return
  sendJson(context.res, statusOf(files), { files })
}

/**
 * Sends one file and its `Repr-Digest`, unless Drive has no checksum of a skipped file.
 *
 * @see RFC 9530
 */
export function sendUploadResult(context: RequestContext, file: UploadResult): void {
  if (file.sha256 !== undefined) {
    const sha256 = Buffer.from(file.sha256, 'hex').toString('base64')
    context.res.setHeader('Repr-Digest', `sha-256=:${sha256}:`)
  }
  if (sendPlainText(context, [file])) return
  sendJson(context.res, statusOf([file]), file)
}

/** Whether the request created the file. */
export function isCreated({ replaced, skipped }: UploadResult): boolean {
  return !replaced && !skipped
}

function statusOf(files: readonly UploadResult[]): number {
  return files.some(isCreated) ? 201 : 200
}

/** @returns false when the client does not accept text/plain */
function sendPlainText({ req, res }: RequestContext, files: readonly UploadResult[]): boolean {
  if (!/^text\/plain\b/.test(req.headers.accept ?? '')) return false
  const lines = files.map(({ name, size, sha256 = '', webViewLink = '' }) =>
    [name, size, sha256, webViewLink].join('\t'),
  )
  res.writeHead(statusOf(files), { 'content-type': 'text/plain; charset=utf-8' })
  res.end(`${lines.join('\n')}\n`)
  return true
}
