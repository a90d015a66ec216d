/**
 * The bytes of files: hashed once while they arrive, never copied, and stored in whole units of
 * 256 KiB, so that what is left of a broken request is a whole number of them.
 */
import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { Sink, Stored } from './blob-store.ts'

/** Drive's chunk granularity, in bytes. */
export const unit = 256 * 1024

export interface Content extends Stored {
  size: number
  /** Hexadecimal. */
  sha256: string
}

export interface Writer {
  /** Bytes that are stored for good; more may be waiting for their unit to fill. */
  readonly committed: number
  /** @returns a promise when the store wants to be waited for */
  take: (part: Buffer) => Promise<void> | undefined
  /** Stores what waits for its unit to fill, and waits until all is stored. */
  commit(): Promise<void>
  /** Forgets what waits for its unit to fill. */
  dropRest(): void
  /** After `commit`: the whole file. */
  finish(): Promise<Content>
  discard(): void
}

export function createWriter(sink: Sink): Writer {
  const hash: Hash = createHash('sha256')
  let waiting: Buffer[] = []
  let waitingSize = 0
  let committed = 0

  const store = (): Promise<void> | undefined => {
    const parts = waiting
    const size = waitingSize
    waiting = []
    waitingSize = 0
    for (const part of parts) hash.update(part)
    committed += size
    return sink.append(parts, size)
  }

  return {
    get committed() {
      return committed
    },
    take(part) {
      const total = committed + waitingSize + part.length
      const rest = total % unit
      if (total - rest <= committed) {
        waiting.push(part)
        waitingSize += part.length
        return undefined
      }
      const cut = part.length - rest
      waiting.push(rest === 0 ? part : part.subarray(0, cut))
      waitingSize += cut
      const stored = store()
      if (rest > 0) {
        waiting.push(part.subarray(cut))
        waitingSize = rest
      }
      return stored
    },
    async commit() {
      if (waitingSize > 0) await store()
      await sink.settled()
    },
    dropRest() {
      waiting = []
      waitingSize = 0
    },
    async finish() {
      const stored = await sink.finish()
      return { ...stored, size: committed, sha256: hash.digest('hex') }
    },
    discard() {
      waiting = []
      sink.discard()
    },
  }
}

/** A checksum that is not kept: reads the whole content, so it is made only when asked for. */
export async function checksum(content: Content, algorithm: 'md5' | 'sha1'): Promise<string> {
  const hash = createHash(algorithm)
  for await (const part of content.read(0, content.size)) hash.update(part)
  return hash.digest('hex')
}
