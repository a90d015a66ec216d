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

/** A checksum that is sent before the body or, as a trailer, behind it. */
export interface PendingChecksum {
  /** The algorithms that the checksum may use. */
  algorithms: readonly string[]
  /**
   * Returns the checksum when the body has ended.
   *
   * @throws {GatewayError} `bad_request` when the trailer is missing or malformed
   */
  read(): Checksum
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

/**
 * Reads the header `Upload-Checksum`, or the announcement of such a trailer.
 *
 * @throws {GatewayError} `bad_request` for an unsupported algorithm or a malformed digest
 * @see tus 1.0.0, "Checksum" (checksum-trailer); RFC 9110 section 6.6.2
 */
export function readChecksum(req: IncomingMessage): PendingChecksum | undefined {
  const header = headerValue(req, 'upload-checksum')
  if (header !== undefined) {
    const checksum = parseChecksum(header)
    return { algorithms: [checksum.algorithm], read: () => checksum }
  }
  const announced = (headerValue(req, 'trailer') ?? '').toLowerCase().split(/[\s,]+/)
  if (!announced.includes('upload-checksum')) return undefined
  return {
    algorithms: checksumAlgorithms,
    read() {
      const trailer = req.trailers['upload-checksum']
      if (trailer === undefined) throw badRequest('The trailer Upload-Checksum is missing')
      return parseChecksum(trailer)
    },
  }
}

function parseChecksum(value: string): Checksum {
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
 * @throws {GatewayError} `checksum_mismatch`, `chunk_too_large`, `bad_request`
 */
export async function* verifyChecksum(
  body: AsyncIterable<Buffer>,
  checksum: PendingChecksum,
  maxBytes = maxChecksumBytes,
): AsyncGenerator<Buffer, void, undefined> {
  const hashes = new Map(checksum.algorithms.map((name) => [name, createHash(name)]))
  for await (const chunk of limitSize(body, maxBytes, chunkTooLarge)) {
    for (const hash of hashes.values()) hash.update(chunk)
    yield chunk
  }
  const { algorithm, digest } = checksum.read()
  if (hashes.get(algorithm)?.digest().equals(digest)) return
  throw new GatewayError('checksum_mismatch', `The ${algorithm} of the body differs`)
}

export function chunkTooLarge(): GatewayError {
  return new GatewayError('chunk_too_large', 'The body is too large to verify its checksum', {
    detail: `The maximum size of a PATCH with Upload-Checksum is ${maxChecksumBytes} bytes.`,
  })
}
