/** Small JSON bodies of requests. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { badBody, readSmallBody } from './limited-body.ts'

/** @throws {GatewayError} `unsupported_media_type`, `bad_request` */
export async function readJson(
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Record<string, unknown>> {
  const text = await readSmallBody(req, res, 'application/json')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Told below: what is wrong with it is for whoever wrote it to find.
  }
  throw badBody('The body is no JSON object')
}
