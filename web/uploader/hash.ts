/** SHA-256 of a file, piece by piece; the same in a worker and in a page. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** To the worker. */
export interface Question {
  readonly id: number
  /** `null` when nobody wants to know any more. */
  readonly file: Blob | null
}

/** From the worker. */
export interface Answer {
  readonly id: number
  /** `null` for a file that cannot be read. */
  readonly hex: string | null
}

/** Some 5 to 30 ms of work, and then a page has its turn. */
const piece = 1024 * 1024

/** @throws when the file can no longer be read, and the signal's reason */
export async function hashOf(file: Blob, signal: AbortSignal): Promise<string> {
  const hash = sha256.create()
  for (let at = 0; at < file.size; at += piece) {
    const bytes = await file.slice(at, at + piece).arrayBuffer()
    signal.throwIfAborted()
    hash.update(new Uint8Array(bytes))
  }
  return bytesToHex(hash.digest())
}
