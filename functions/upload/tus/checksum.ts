/** `Upload-Checksum`: bytes that count only where they are the right ones. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../../errors.ts'
import { bad, header } from './headers.ts'

export interface Checksum {
  algorithm: string
  digest: Buffer
}

/** Each algorithm, and how many bytes its digest has. */
const algorithms = new Map([
  ['sha1', 20],
  ['sha256', 32],
  ['md5', 16],
])

export const checksumAlgorithms = [...algorithms.keys()]

/** What Drive has taken it does not give back: so many bytes are held until they are known. */
export const maxCheckedBytes = 16 * 1024 * 1024

/** @throws {GatewayError} `bad_request` for an algorithm that is unknown here, or no digest of it */
export function readChecksum(req: IncomingMessage): Checksum | undefined {
  const value = header(req, 'upload-checksum')
  if (value === undefined) return undefined
  const [algorithm = '', text = '', ...rest] = value.split(' ')
  const length = algorithms.get(algorithm)
  if (length === undefined) throw bad(`Upload-Checksum may use ${checksumAlgorithms.join(', ')}`)
  const digest = Buffer.from(text, 'base64')
  if (rest.length > 0 || digest.length !== length || digest.toString('base64') !== text) {
    throw bad(`Upload-Checksum has no ${algorithm} in Base64`)
  }
  return { algorithm, digest }
}

/**
 * The same bytes, whose end is a failure where they are not right.
 *
 * @throws {GatewayError} `checksum_mismatch`, `chunk_too_large`
 */
export async function* checked(
  body: AsyncIterable<Buffer>,
  { algorithm, digest }: Checksum,
  most = maxCheckedBytes,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash(algorithm)
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > most) throw tooMuch()
    hash.update(piece)
    yield piece
  }
  if (hash.digest().equals(digest)) return
  throw new GatewayError('checksum_mismatch', `The ${algorithm} of the body is another one`)
}

export function tooMuch(): GatewayError {
  return new GatewayError('chunk_too_large', 'A body with a checksum is too long to be held', {
    detail: `A PATCH with Upload-Checksum may have ${maxCheckedBytes} bytes`,
  })
}
