/** What every way of uploading has in common: the size limits, and the answer. */
import type { IncomingMessage } from 'node:http'
import type { UploadedFile } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import { declaredLength } from '../http/framework-streaming.ts'
import type { Call } from '../http/router.ts'
import { sendJson } from '../http/problem.ts'

/** A file in Drive, and what became of one that was there before. */
export type Outcome = UploadedFile & { replaced?: true; skipped?: true }

/** What arrives together; its bytes are never copied together. */
export type Piece = Buffer | readonly Buffer[]

/** Answers with what Drive has; `Accept: text/plain` gets a line a file. */
export function sendFiles(call: Call, files: readonly Outcome[]): void {
  if (sendLines(call, files)) return
  sendJson(call.res, statusOf(files), { files })
}

/** The same for the way in that takes one file. */
export function sendFile(call: Call, file: Outcome): void {
  const sha256 = Buffer.from(file.sha256, 'hex').toString('base64')
  call.res.setHeader('Repr-Digest', `sha-256=:${sha256}:`) // RFC 9530
  if (sendLines(call, [file])) return
  sendJson(call.res, statusOf([file]), file)
}

/** 201 where anything was made, 200 where everything was there before. */
function statusOf(files: readonly Outcome[]): number {
  return files.some(isNew) ? 201 : 200
}

/** Whether the request made the file. */
export function isNew({ replaced, skipped }: Outcome): boolean {
  return !replaced && !skipped
}

function sendLines({ req, res }: Call, files: readonly Outcome[]): boolean {
  if (!/^text\/plain\b/.test(req.headers.accept ?? '')) return false
  const lines = files.map(({ name, size, sha256, webViewLink = '' }) =>
    [name, size, sha256, webViewLink].join('\t'),
  )
  res.writeHead(statusOf(files), { 'content-type': 'text/plain; charset=utf-8' })
  res.end(`${lines.join('\n')}\n`)
  return true
}

/** Refuses rather than cuts: a file over the limit is an error, never a shorter file. */
export async function* capped<P extends Piece>(
  content: AsyncIterable<P>,
  max: number,
): AsyncGenerator<P, void, undefined> {
  let size = 0
  for await (const piece of content) {
    size += sizeOf(piece)
    if (size > max) throw tooLarge(max)
    yield piece
  }
}

export function sizeOf(piece: Piece): number {
  if (Buffer.isBuffer(piece)) return piece.length
  return piece.reduce((sum, { length }) => sum + length, 0)
}

export function tooLarge(max: number): GatewayError {
  return new GatewayError('too_large', `A file over ${max} bytes`, {
    detail: `A file may have ${max} bytes`,
  })
}

/** The header in which an OPTIONS request to `/upload` is told how long one request may be. */
export const ceilingHeader = 'Driveway-Max-Request-Bytes'

/**
 * What can be refused before a byte of the body is.
 *
 * @param maxRequestBytes what a front end lets through in one request of HTTP/1
 * @throws {GatewayError} `unsupported_media_type`, or `too_large` with the line to use instead
 */
export function checkUnread(
  req: IncomingMessage,
  { maxRequestBytes, publicUrl }: { maxRequestBytes: number | null; publicUrl: string },
): void {
  if (req.headers['content-encoding'] !== undefined) {
    throw new GatewayError('unsupported_media_type', 'The request body is encoded', {
      detail: 'Send the body without a Content-Encoding',
    })
  }
  const length = declaredLength(req) ?? 0
  if (maxRequestBytes === null || length <= maxRequestBytes || req.httpVersionMajor >= 2) return
  throw new GatewayError('too_large', `A request of ${length} bytes`, {
    detail: `One request may have ${maxRequestBytes} bytes here; send it in several: ${inChunks(publicUrl)}`,
    headers: { [ceilingHeader]: String(maxRequestBytes) },
  })
}

/** For a shell that has the token in `TOKEN` and the file's path in `f`: a tus upload by curl. */
function inChunks(publicUrl: string): string {
  const chunk = 16 * 1024 * 1024
  const each = `-H "Authorization: Bearer $TOKEN" -H "Tus-Resumable: 1.0.0"`
  const name = `$(basename "$f" | tr -d '\\n' | base64 | tr -d '\\n')`
  return [
    `export TOKEN u; u=$(curl -fsS -D - -o /dev/null -X POST ${publicUrl}/upload/tus ${each}`,
    `-H "Upload-Length: $(($(wc -c < "$f")))" -H "Upload-Metadata: filename ${name}"`,
    `| tr -d '\\r' | sed -n 's/^[Ll]ocation: //p');`,
    `split -b ${chunk} -a 6 -d --filter='curl -fsS -o /dev/null -X PATCH "$u" ${each}`,
    `-H "Content-Type: application/offset+octet-stream"`,
    `-H "Upload-Offset: $(expr "\${FILE#x}" \\* ${chunk})" --data-binary @-' "$f"`,
  ].join(' ')
}
