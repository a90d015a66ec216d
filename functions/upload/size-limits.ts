/** Size limits of all upload methods. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { declaredLength } from '../http/body-stream.ts'
import { isHttp2 } from '../http/http-compat.ts'

/** Bytes that arrived together; several buffers are not joined, to avoid a copy. */
export type BodyChunk = Buffer | readonly Buffer[]

export function byteLength(chunk: BodyChunk): number {
  if (Buffer.isBuffer(chunk)) return chunk.length
  return chunk.reduce((sum, { length }) => sum + length, 0)
}

/**
 * Passes content through and throws beyond `maxBytes`; it never truncates.
 *
 * @throws {GatewayError} `too_large`, or the error that `exceeded` creates
 */
export async function* limitSize<C extends BodyChunk>(
  content: AsyncIterable<C>,
  maxBytes: number,
  exceeded = (): GatewayError => fileTooLarge(maxBytes),
): AsyncGenerator<C, void, undefined> {
  let size = 0
  for await (const chunk of content) {
    size += byteLength(chunk)
    if (size > maxBytes) throw exceeded()
    yield chunk
  }
}

export function fileTooLarge(maxBytes: number): GatewayError {
  return new GatewayError('too_large', `The file exceeds ${maxBytes} bytes`, {
    detail: `The maximum file size is ${maxBytes} bytes.`,
  })
}

/** Response header that announces the maximum bytes of one HTTP/1 request. */
export const maxRequestBytesHeader = 'Driveway-Max-Request-Bytes'

/**
 * Checks Content-Length before the body is read.
 *
 * @throws {GatewayError} `too_large` with a command that uploads in chunks
 */
export function checkRequestSize(
  req: IncomingMessage,
  { maxRequestBytes, publicUrl }: { maxRequestBytes: number | null; publicUrl: string },
): void {
  const length = declaredLength(req) ?? 0
  if (maxRequestBytes === null || length <= maxRequestBytes || isHttp2(req)) return
  throw new GatewayError('too_large', `The request has ${length} bytes`, {
    detail: `The maximum request size is ${maxRequestBytes} bytes. Upload in chunks: ${tusCurlCommand(publicUrl)}`,
    headers: { [maxRequestBytesHeader]: String(maxRequestBytes) },
  })
}

/** Returns a shell command that uploads the file `$f` by tus, with the token `$TOKEN`. */
function tusCurlCommand(publicUrl: string): string {
  const chunkBytes = 16 * 1024 * 1024
  const headers = `-H "Authorization: Bearer $TOKEN" -H "Tus-Resumable: 1.0.0"`
  const filename = `$(basename "$f" | tr -d '\\n' | base64 | tr -d '\\n')`
  return [
    `export TOKEN u; u=$(curl -fsS -D - -o /dev/null -X POST ${publicUrl}/upload/tus ${headers}`,
    `-H "Upload-Length: $(($(wc -c < "$f")))" -H "Upload-Metadata: filename ${filename}"`,
    `| tr -d '\\r' | sed -n 's/^[Ll]ocation: //p');`,
    `split -b ${chunkBytes} -a 6 -d --filter='curl -fsS -o /dev/null -X PATCH "$u" ${headers}`,
    `-H "Content-Type: application/offset+octet-stream"`,
    `-H "Upload-Offset: $(expr "\${FILE#x}" \\* ${chunkBytes})" --data-binary @-' "$f"`,
  ].join(' ')
}
