import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { GatewayErrorOptions } from '../errors.ts'
import { readBody } from './body-stream.ts'

const maxBytes = 16 * 1024
const idleTimeoutMs = 10_000

/**
 * Reads a request body of at most 16 KiB as UTF-8 text.
 *
 * @param type the only accepted media type
 * @param error OAuth error code for an invalid body, for OAuth endpoints
 * @throws {GatewayError} `unsupported_media_type`, `bad_request`
 */
export async function readLimitedBody(
  req: IncomingMessage,
  res: ServerResponse,
  type: string,
  error?: string,
): Promise<string> {
  const [mediaType = ''] = (req.headers['content-type'] ?? '').split(';', 1)
  if (mediaType.trim().toLowerCase() !== type) {
    throw new GatewayError('unsupported_media_type', `Content-Type is not ${type}`, {
      detail: `Send ${type}`,
      error,
    })
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of readBody(req, res, idleTimeoutMs)) {
    size += chunk.length
    if (size > maxBytes) throw invalidBody(`The body is longer than ${maxBytes} bytes`, { error })
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw invalidBody('The body is not UTF-8', { cause, error })
  }
}

export function invalidBody(detail: string, options: GatewayErrorOptions = {}): GatewayError {
  return new GatewayError('bad_request', detail, { detail, ...options })
}
