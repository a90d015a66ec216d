/** What an uploader says in headers and parameters, read one way or refused. */
import type { IncomingMessage } from 'node:http'
import { modes } from '../drive/upload/conflict-policy.ts'
import type { Mode } from '../drive/upload/conflict-policy.ts'
import { GatewayError } from '../errors.ts'

/** @throws {GatewayError} `bad_request` */
export function readMode(value: string | null | undefined): Mode {
  const mode = modes.find((one) => one === (value ?? 'new'))
  if (mode === undefined) throw bad(`mode is one of ${modes.join(', ')}`)
  return mode
}

/**
 * The key under which an upload may be tried again; with quotes around it or without.
 *
 * @throws {GatewayError} `bad_request` unless it is 1 to 255 printable characters, once
 * @see IETF draft "The Idempotency-Key HTTP Header Field"
 */
export function readIdempotencyKey(req: IncomingMessage): string | undefined {
  const values = valuesOf(req, 'idempotency-key')
  if (values.length === 0) return undefined
  const [value = '', ...others] = values
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value)?.[1]
  const key = quoted === undefined ? value : quoted.replaceAll(/\\(.)/g, '$1')
  if (others.length > 0 || !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw bad('Send one Idempotency-Key, of 1 to 255 printable ASCII characters')
  }
  return key
}

/**
 * The SHA-256 that a body must have, from `Repr-Digest` or the parameter `sha256`.
 *
 * @returns in hex; nothing where the caller gave none
 * @throws {GatewayError} `bad_request` for what cannot be read or says two things, and for digests
 *   of which none is a SHA-256: what cannot be checked is not let pass as if it had been
 * @see RFC 9530 section 3
 */
export function readDigest(req: IncomingMessage, query: URLSearchParams): string | undefined {
  const parameter = query.get('sha256')?.toLowerCase()
  if (parameter !== undefined && !/^[\da-f]{64}$/.test(parameter)) {
    throw bad('sha256 is 64 hexadecimal digits')
  }
  const header = readReprDigest(valuesOf(req, 'repr-digest'))
  if (header !== undefined && parameter !== undefined && header !== parameter) {
    throw bad('Repr-Digest and sha256 differ')
  }
  return header ?? parameter
}

/** A dictionary of byte sequences (RFC 9651): `sha-256=:…:, sha-512=:…:`. */
function readReprDigest(headers: readonly string[]): string | undefined {
  if (headers.length === 0) return undefined
  const digests = new Map<string, string>()
  for (const member of headers.join(',').split(',')) {
    const [, name, value] =
      /^[ \t]*([a-z*][\w*.-]*)=:([A-Za-z\d+/]*={0,2}):[ \t]*$/.exec(member) ?? []
    if (name === undefined || value === undefined || digests.has(name)) {
      throw wantsDigest('Repr-Digest cannot be read; it looks like sha-256=:…base64…:')
    }
    digests.set(name, value)
  }
  const digest = digests.get('sha-256')
  if (digest === undefined) throw wantsDigest('Give the Repr-Digest as sha-256')
  const bytes = Buffer.from(digest, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== digest) {
    throw wantsDigest('The sha-256 of Repr-Digest is no SHA-256')
  }
  return bytes.toString('hex')
}

/** A header’s values one by one, as often as it came; in `headers` they are joined. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}

function wantsDigest(detail: string): GatewayError {
  const headers = { 'want-repr-digest': 'sha-256=10' }
  return new GatewayError('bad_request', detail, { detail, headers })
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
