/** SHA-256 of a file, read in chunks; used by the worker and by the main thread. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Message to the worker. */
export interface DigestRequest {
  readonly id: number
  /** `null` cancels the request. */
  readonly file: Blob | null
}

/** Message from the worker. */
export interface DigestResponse {
  readonly id: number
  /** `null` when the file cannot be read. */
  readonly hex: string | null
}

/** About 5 to 30 ms of work, after which the event loop continues. */
const chunkBytes = 1024 * 1024

/** @throws when the file can no longer be read, and the signal's reason */
export async function sha256Of(file: Blob, signal: AbortSignal): Promise<string> {
  const hash = sha256.create()
  for (let offset = 0; offset < file.size; offset += chunkBytes) {
    const bytes = await file.slice(offset, offset + chunkBytes).arrayBuffer()
    signal.throwIfAborted()
    hash.update(new Uint8Array(bytes))
  }
  return bytesToHex(hash.digest())
}
