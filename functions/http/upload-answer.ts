/** What every way of uploading has in common: the size limit, and the answer. */
import type { UploadedFile } from '../drive/upload.ts'
import { GatewayError } from '../errors.ts'
import type { Call } from './handler.ts'
import { sendJson } from './problem.ts'

/** Answers 201 with what Drive has; `Accept: text/plain` gets a line a file. */
export function sendFiles({ req, res }: Call, stored: readonly UploadedFile[]): void {
  if (/^text\/plain\b/.test(req.headers.accept ?? '')) {
    const lines = stored.map(({ name, size, sha256, webViewLink = '' }) =>
      [name, size, sha256, webViewLink].join('\t'),
    )
    res.writeHead(201, { 'content-type': 'text/plain; charset=utf-8' })
    res.end(`${lines.join('\n')}\n`)
    return
  }
  sendJson(res, 201, { files: stored })
}

/** Refuses rather than cuts: a file over the limit is an error, never a shorter file. */
export async function* capped(
  content: AsyncIterable<Buffer>,
  max: number,
): AsyncGenerator<Buffer, void, undefined> {
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > max) throw tooLarge(max)
    yield chunk
  }
}

export function tooLarge(max: number): GatewayError {
  return new GatewayError('too_large', `A file over ${max} bytes`, {
    detail: `A file may have ${max} bytes`,
  })
}
