/** Forms of a few fields, as OAuth has them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { badBody, readSmallBody } from './limited-body.ts'

const error = 'invalid_request'

/**
 * Reads a form's fields (`application/x-www-form-urlencoded`).
 *
 * @throws {GatewayError} `unsupported_media_type`, or `bad_request`, also where a field comes twice
 * @see RFC 6749 section 3.2
 */
export async function readFields(
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Map<string, string>> {
  const text = await readSmallBody(req, res, 'application/x-www-form-urlencoded', error)
  try {
    decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw badBody('The body has a percent-escape that is no UTF-8', { error })
  }
  const fields = new URLSearchParams(text)
  const form = new Map(fields)
  if (form.size !== fields.size) throw badBody('A field of the body is there twice', { error })
  return form
}
