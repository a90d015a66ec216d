/**
 * Writes the content of a file: hashes the bytes once, never copies them, and stores whole units of
 * 256 KiB, so that a broken request leaves whole units.
 */
import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { BlobWriter, StoredBlob } from './blob-store.ts'

/** Drive's chunk granularity, in bytes. */
export const chunkUnit = 256 * 1024

export interface Content extends StoredBlob {
  size: number
  /** Hexadecimal. */
  sha256: string
}

export interface ContentWriter {
  /** Committed bytes; an incomplete unit may be pending. */
  readonly committed: number
  /** @returns a promise when the caller must wait before the next call */
  write: (chunk: Buffer) => Promise<void> | undefined
  /** Stores the pending bytes, and waits until everything is stored. */
  commit(): Promise<void>
  /** Discards the pending bytes. */
  discardPartialUnit(): void
  /** Returns the whole file; requires `commit` first. */
  finish(): Promise<Content>
  discard(): void
}

export function createContentWriter(blob: BlobWriter): ContentWriter {
  const hash: Hash = createHash('sha256')
  let pending: Buffer[] = []
  let pendingSize = 0
  let committed = 0

  const store = (): Promise<void> | undefined => {
    const parts = pending
    const size = pendingSize
    pending = []
    pendingSize = 0
    for (const part of parts) hash.update(part)
    committed += size
    return blob.append(parts, size)
  }

  return {
    get committed() {
      return committed
    },
    write(part) {
      const total = committed + pendingSize + part.length
      const remainder = total % chunkUnit
      if (total - remainder <= committed) {
        pending.push(part)
        pendingSize += part.length
        return undefined
      }
      const cut = part.length - remainder
      pending.push(remainder === 0 ? part : part.subarray(0, cut))
      pendingSize += cut
      const stored = store()
      if (remainder > 0) {
        pending.push(part.subarray(cut))
        pendingSize = remainder
      }
      return stored
    },
    async commit() {
      if (pendingSize > 0) await store()
      await blob.flush()
    },
    discardPartialUnit() {
      pending = []
      pendingSize = 0
    },
    async finish() {
      const stored = await blob.finish()
      return { ...stored, size: committed, sha256: hash.digest('hex') }
    },
    discard() {
      pending = []
      blob.discard()
    },
  }
}

/** Computes a checksum from the whole content, on request only. */
export async function checksum(content: Content, algorithm: 'md5' | 'sha1'): Promise<string> {
  const hash = createHash(algorithm)
  for await (const part of content.read(0, content.size)) hash.update(part)
  return hash.digest('hex')
}
