/** Fetch with a limit to the size of the (decompressed) response. */
import { GatewayError } from '../errors.ts'

const maxResponseBytes = 256 * 1024

/** @throws {GatewayError} `auth_bad_response` when the response is larger than 256 KiB */
export async function limitedFetch(
  url: string,
  { body, ...init }: Omit<RequestInit, 'body'> & { body?: unknown },
): Promise<Response> {
  const response = await fetch(url, { ...init, body: (body ?? null) as BodyInit | null })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxResponseBytes) {
      throw new GatewayError('auth_bad_response', `The response exceeds ${maxResponseBytes} bytes`)
    }
    chunks.push(chunk)
  }
  const { status, headers } = response
  const hasNoBody = status === 204 || status === 205 || status === 304
  return new Response(hasNoBody ? null : Buffer.concat(chunks), { status, headers })
}
