import type { IncomingMessage, ServerResponse } from 'node:http'
import { invalidBody, readLimitedBody } from './limited-body.ts'

/**
 * Parses a JSON object from a request body of at most 16 KiB.
 *
 * @throws {GatewayError} `unsupported_media_type`, `bad_request`
 */
export async function readJsonBody(
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Record<string, unknown>> {
  const text = await readLimitedBody(req, res, 'application/json')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Reported below.
  }
  throw invalidBody('The body is not a JSON object')
}
