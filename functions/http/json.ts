/** Small JSON bodies of requests. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import { readBody } from './body.ts'

const maxBytes = 16 * 1024
const idleMs = 10_000

/** @throws {GatewayError} `unsupported_media_type`, `bad_request` */
export async function readJson(
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Record<string, unknown>> {
  if (!/^application\/json[ \t]*(;|$)/i.test(req.headers['content-type'] ?? '')) {
    throw new GatewayError('unsupported_media_type', 'Content-Type is not JSON', {
      detail: 'Send application/json',
    })
  }
  const parts: Buffer[] = []
  let size = 0
  for await (const part of readBody(req, res, idleMs)) {
    size += part.length
    if (size > maxBytes) throw bad('The body is too long')
    parts.push(part)
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Told below: what is wrong with it is for whoever wrote it to find.
  }
  throw bad('The body is no JSON object')
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
