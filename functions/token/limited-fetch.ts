/** Fetch with an end to what it reads, however well packed. */
import { GatewayError } from '../errors.ts'

const answerBytes = 256 * 1024

/** @throws {GatewayError} `auth_bad_response` for an answer that goes on and on */
export async function cappedFetch(
  url: string,
  { body, ...init }: Omit<RequestInit, 'body'> & { body?: unknown },
): Promise<Response> {
  const response = await fetch(url, { ...init, body: (body ?? null) as BodyInit | null })
  const parts: Uint8Array[] = []
  let size = 0
  const chunks = response.body as AsyncIterable<Uint8Array> | null
  for await (const part of chunks ?? []) {
    size += part.length
    if (size > answerBytes)
      throw new GatewayError('auth_bad_response', 'Google’s answer is too long')
    parts.push(part)
  }
  const { status, headers } = response
  const hasNoBody = status === 204 || status === 205 || status === 304
  return new Response(hasNoBody ? null : Buffer.concat(parts), { status, headers })
}
