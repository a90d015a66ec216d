/**
 * SHA-256 of a file, while it is being sent. The browser's own `digest` wants the whole file in
 * memory; this reads it piece by piece, beside the upload, and lets the page breathe between two.
 * Nothing waits for it at the start: it is compared with Drive's at the end.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Some 5 to 30 ms of work, and then the page has its turn. */
const piece = 1024 * 1024

/**
 * @returns hex
 * @throws when the file can no longer be read, and the signal's reason
 */
export async function digestOf(file: Blob, signal: AbortSignal): Promise<string> {
  const hash = sha256.create()
  for (let at = 0; at < file.size; at += piece) {
    const bytes = await file.slice(at, at + piece).arrayBuffer()
    signal.throwIfAborted()
    hash.update(new Uint8Array(bytes))
  }
  return bytesToHex(hash.digest())
}
