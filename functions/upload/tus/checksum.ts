/** Verifies `Upload-Checksum`. @see tus 1.0.0, "Checksum" */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../../errors.ts'
import { badRequest } from '../../http/bad-request.ts'
import { limitSize } from '../size-limits.ts'
import { headerValue } from './headers.ts'

export interface Checksum {
  algorithm: string
  digest: Buffer
}

/** Bytes of each algorithm's digest. */
const digestBytes = new Map([
  ['sha1', 20],
  ['sha256', 32],
  ['md5', 16],
])

export const checksumAlgorithms = [...digestBytes.keys()]

/** Drive cannot discard bytes, so the body of a PATCH is buffered until its checksum is verified. */
export const maxChecksumBytes = 16 * 1024 * 1024

/** @throws {GatewayError} `bad_request` for an unsupported algorithm or a malformed digest */
export function readChecksum(req: IncomingMessage): Checksum | undefined {
  const value = headerValue(req, 'upload-checksum')
  if (value === undefined) return undefined
  const [algorithm = '', text = '', ...rest] = value.split(' ')
  const length = digestBytes.get(algorithm)
  if (length === undefined) {
    throw badRequest(`Upload-Checksum must use one of ${checksumAlgorithms.join(', ')}`)
  }
  const digest = Buffer.from(text, 'base64')
  if (rest.length > 0 || digest.length !== length || digest.toString('base64') !== text) {
    throw badRequest(`Upload-Checksum must contain a ${algorithm} digest in Base64`)
  }
  return { algorithm, digest }
}

/**
 * Passes a body through, and fails at its end when the checksum differs.
 *
 * @throws {GatewayError} `checksum_mismatch`, `chunk_too_large`
 */
export async function* verifyChecksum(
  body: AsyncIterable<Buffer>,
  { algorithm, digest }: Checksum,
  maxBytes = maxChecksumBytes,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash(algorithm)
  for await (const chunk of limitSize(body, maxBytes, chunkTooLarge)) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest().equals(digest)) return
  throw new GatewayError('checksum_mismatch', `The ${algorithm} of the body differs`)
}

export function chunkTooLarge(): GatewayError {
  return new GatewayError('chunk_too_large', 'The body is too large to verify its checksum', {
    detail: `The maximum size of a PATCH with Upload-Checksum is ${maxChecksumBytes} bytes.`,
  })
}
