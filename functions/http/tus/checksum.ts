/** `Upload-Checksum`: bytes that are looked at before they are passed on. */
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

/** Bytes that are held back until their checksum is known. */
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
 * The same bytes, all of them held back until they are known to be right: what Drive has taken it
 * does not give back.
 *
 * @throws {GatewayError} `checksum_mismatch`, `chunk_too_large`
 */
export async function* checkedFirst(
  body: AsyncIterable<Buffer>,
  checksum: Checksum,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of checkedLast(body, checksum)) {
    size += piece.length
    if (size > maxCheckedBytes) throw tooMuch()
    pieces.push(piece)
  }
  while (pieces.length > 0) yield pieces.shift() as Buffer
}

/** The same bytes, whose end is a failure where they are not right. */
export async function* checkedLast(
  body: AsyncIterable<Buffer>,
  { algorithm, digest }: Checksum,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash(algorithm)
  for await (const piece of body) {
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
