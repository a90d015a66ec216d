/** Parses the headers and parameters that the upload methods share. */
import type { IncomingMessage } from 'node:http'
import { conflictModes } from '../drive/upload/conflict-policy.ts'
import type { ConflictMode } from '../drive/upload/conflict-policy.ts'
import { GatewayError } from '../errors.ts'
import { badRequest } from '../http/bad-request.ts'
import type { OriginPolicy } from '../http/cors.ts'

/** Reads the conflict mode, by default `new`. @throws {GatewayError} `bad_request` */
export function readConflictMode(value: string | null | undefined): ConflictMode {
  const mode = conflictModes.find((candidate) => candidate === (value ?? 'new'))
  if (mode === undefined) throw badRequest(`mode must be one of ${conflictModes.join(', ')}`)
  return mode
}

/**
 * Reads the `Idempotency-Key`, with or without quotes.
 *
 * @throws {GatewayError} `bad_request` unless it is one key of 1 to 255 printable ASCII characters
 * @see IETF draft "The Idempotency-Key HTTP Header Field"
 */
export function readIdempotencyKey(req: IncomingMessage): string | undefined {
  const values = headerValues(req, 'idempotency-key')
  if (values.length === 0) return undefined
  const [value = '', ...others] = values
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value)?.[1]
  const key = quoted === undefined ? value : quoted.replaceAll(/\\(.)/g, '$1')
  if (others.length > 0 || !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw badRequest('Send one Idempotency-Key, of 1 to 255 printable ASCII characters')
  }
  return key
}

/**
 * Reads the expected SHA-256 of the body from `Repr-Digest` or the parameter `sha256`.
 *
 * @returns in hex; `undefined` without a digest
 * @throws {GatewayError} `bad_request` when a digest is malformed, two digests differ, or no digest is
 *   a SHA-256: a digest that the gateway cannot verify is never ignored
 * @see RFC 9530 section 3
 */
export function readDigest(req: IncomingMessage, query: URLSearchParams): string | undefined {
  const parameter = query.get('sha256')?.toLowerCase()
  if (parameter !== undefined && !/^[\da-f]{64}$/.test(parameter)) {
    throw badRequest('sha256 must be 64 hexadecimal digits')
  }
  const header = readReprDigest(headerValues(req, 'repr-digest'))
  if (header !== undefined && parameter !== undefined && header !== parameter) {
    throw badRequest('Repr-Digest and sha256 differ')
  }
  return header ?? parameter
}

/** Parses a dictionary of byte sequences, `sha-256=:…:, sha-512=:…:`. @see RFC 9651 */
function readReprDigest(headers: readonly string[]): string | undefined {
  if (headers.length === 0) return undefined
  const digests = new Map<string, string>()
  for (const member of headers.join(',').split(',')) {
    const [, name, value] =
      /^[ \t]*([a-z*][\w*.-]*)=:([A-Za-z\d+/]*={0,2}):[ \t]*$/.exec(member) ?? []
    if (name === undefined || value === undefined || digests.has(name)) {
      throw invalidDigest('Repr-Digest is malformed; send sha-256=:…base64…:')
    }
    digests.set(name, value)
  }
  const digest = digests.get('sha-256')
  if (digest === undefined) throw invalidDigest('Repr-Digest must contain sha-256')
  const bytes = Buffer.from(digest, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== digest) {
    throw invalidDigest('The sha-256 of Repr-Digest must be 32 bytes in Base64')
  }
  return bytes.toString('hex')
}

/** Returns each value of a header; `req.headers` joins repeated ones. */
function headerValues({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  )
}

function invalidDigest(detail: string): GatewayError {
  return badRequest(detail, { headers: { 'want-repr-digest': 'sha-256=10' } })
}

/**
 * Returns the origin of the page that sent the request, for Drive's CORS.
 *
 * @throws {GatewayError} `origin_not_allowed` for an origin whose pages may not read the response
 */
export function readAllowedOrigin(
  { headers: { origin } }: IncomingMessage,
  origins: Pick<OriginPolicy, 'isAllowed'>,
): string | undefined {
  if (origin === undefined || origins.isAllowed(origin)) return origin
  throw new GatewayError('origin_not_allowed', 'The origin of a direct upload is not allowed')
}
