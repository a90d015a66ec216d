/** Responses of the upload methods. */
import type { ExistingFile } from '../drive/upload/conflict-policy.ts'
import { sendJson } from '../http/problem.ts'
import type { RequestContext } from '../http/router.ts'
import type { Principal } from '../identity/principal.ts'

/** A stored file; `replaced` or `skipped` when it existed before the request. */
export type UploadResult = ExistingFile & { replaced?: true; skipped?: true }

/** What a credential may know of a result: the name alone of a skipped file that it may not read. */
type VisibleResult = Partial<UploadResult> & Pick<UploadResult, 'name'>

/** Sends the files of a form, as JSON or, for `Accept: text/plain`, one line per file. */
export function sendUploadResults(
  context: RequestContext,
  principal: Pick<Principal, 'scopes'>,
  results: readonly UploadResult[],
): void {
  const files = results.map((file) => visibleResult(principal, file))
  if (sendPlainText(context, files)) return
  sendJson(context.res, statusOf(files), { files })
}

/**
 * Sends one file and its `Repr-Digest`, unless Drive has no checksum of a skipped file.
 *
 * @see RFC 9530
 */
export function sendUploadResult(
  context: RequestContext,
  principal: Pick<Principal, 'scopes'>,
  result: UploadResult,
): void {
  const file = visibleResult(principal, result)
  if (file.sha256 !== undefined) {
    const sha256 = Buffer.from(file.sha256, 'hex').toString('base64')
    context.res.setHeader('Repr-Digest', `sha-256=:${sha256}:`)
  }
  if (sendPlainText(context, [file])) return
  sendJson(context.res, statusOf([file]), file)
}

function visibleResult({ scopes }: Pick<Principal, 'scopes'>, file: UploadResult): VisibleResult {
  return file.skipped && !scopes.includes('files:read') ? { name: file.name, skipped: true } : file
}

/** Whether the request created the file. */
export function isCreated({ replaced, skipped }: Partial<UploadResult>): boolean {
  return !replaced && !skipped
}

function statusOf(files: readonly VisibleResult[]): number {
  return files.some(isCreated) ? 201 : 200
}

/** @returns false when the client does not accept text/plain */
function sendPlainText({ req, res }: RequestContext, files: readonly VisibleResult[]): boolean {
  if (!/^text\/plain\b/.test(req.headers.accept ?? '')) return false
  const lines = files.map(({ name, size = '', sha256 = '', webViewLink = '' }) =>
    [name, size, sha256, webViewLink].join('\t'),
  )
  res.writeHead(statusOf(files), { 'content-type': 'text/plain; charset=utf-8' })
  res.end(`${lines.join('\n')}\n`)
  return true
}
