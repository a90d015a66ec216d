import type { IncomingMessage, ServerResponse } from 'node:http'
import { invalidBody, readLimitedBody } from './limited-body.ts'

const error = 'invalid_request'

/**
 * Parses an `application/x-www-form-urlencoded` body of at most 16 KiB (RFC 6749 section 3.2).
 *
 * @throws {GatewayError} `unsupported_media_type`, or `bad_request`, also for a repeated field
 */
export async function readUrlencodedBody(
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Map<string, string>> {
  const text = await readLimitedBody(req, res, 'application/x-www-form-urlencoded', { error })
  try {
    decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw invalidBody('The body has a percent-escape that is not UTF-8', { error })
  }
  const fields = new URLSearchParams(text)
  const form = new Map(fields)
  if (form.size !== fields.size) throw invalidBody('A field of the body is repeated', { error })
  return form
}
