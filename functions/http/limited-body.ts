/** Small bodies of requests, whole. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { GatewayErrorOptions } from '../errors.ts'
import { readBody } from './framework-streaming.ts'

const maxBytes = 16 * 1024
const idleMs = 10_000

/**
 * @param type the one media type that is taken
 * @param error OAuth's name for a body that cannot be read, where the caller speaks OAuth
 * @throws {GatewayError} `unsupported_media_type`, `bad_request`
 */
export async function readSmallBody(
  req: IncomingMessage,
  res: ServerResponse,
  type: string,
  error?: string,
): Promise<string> {
  const [said = ''] = (req.headers['content-type'] ?? '').split(';', 1)
  if (said.trim().toLowerCase() !== type) {
    throw new GatewayError('unsupported_media_type', `Content-Type is not ${type}`, {
      detail: `Send ${type}`,
      error,
    })
  }
  const parts: Buffer[] = []
  let size = 0
  for await (const part of readBody(req, res, idleMs)) {
    size += part.length
    if (size > maxBytes) throw badBody('The body is too long', { error })
    parts.push(part)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch (cause) {
    throw badBody('The body is not UTF-8', { cause, error })
  }
}

export function badBody(detail: string, options: GatewayErrorOptions = {}): GatewayError {
  return new GatewayError('bad_request', detail, { detail, ...options })
}
