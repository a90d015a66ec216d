import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import type { GatewayErrorOptions } from '../errors.ts'
import { readBody } from './body-stream.ts'

const maxBytes = 16 * 1024
/** For the whole body: a client without a credential must not occupy an instance. */
const bodyTimeoutMs = 5_000

export interface LimitedBodyOptions {
  /** OAuth error code for an invalid body, for OAuth endpoints. */
  error?: string
  /** Time in which the whole body must arrive, in milliseconds. */
  timeoutMs?: number
}

/**
 * Reads a request body of at most 16 KiB as UTF-8 text.
 *
 * @param type the only accepted media type
 * @throws {GatewayError} `unsupported_media_type`, `bad_request`, `too_slow`
 */
export async function readLimitedBody(
  req: IncomingMessage,
  res: ServerResponse,
  type: string,
  { error, timeoutMs = bodyTimeoutMs }: LimitedBodyOptions = {},
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
  for await (const chunk of readBody(req, res, timeoutMs, timeoutMs)) {
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
