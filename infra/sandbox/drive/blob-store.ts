/** Stores for the bytes of files: in memory, in a folder, or without storage. */
import { mkdirSync, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createReadStream } from 'node:fs'

export interface StoredBlob {
  /** Bytes from `start` (inclusive) to `end` (exclusive). */
  read(start: number, end: number): AsyncIterable<Buffer>
  /** Deletes the bytes. */
  discard(): void
}

/** Writes the bytes of one file, in order. */
export interface BlobWriter {
  /** @returns a promise when the caller must wait before the next call */
  append(parts: Buffer[], size: number): Promise<void> | undefined
  /** Waits until everything is stored. @throws the first write error */
  flush(): Promise<void>
  finish(): Promise<StoredBlob>
  discard(): void
}

export interface BlobStore {
  open(): BlobWriter
  close(): void
}

export function createMemoryBlobStore(): BlobStore {
  return {
    open() {
      let buffers: Buffer[] = []
      return {
        append(parts, size) {
          // Thousands of small buffers cost more than copying them once.
          if (parts.length > 64) buffers.push(Buffer.concat(parts, size))
          else buffers.push(...parts)
          return undefined
        },
        flush: () => Promise.resolve(),
        finish: () => {
          let stored = buffers
          buffers = [] // the session keeps the writer; the bytes belong to the file
          const discard = () => {
            stored = []
          }
          return Promise.resolve({ read: (start, end) => slices(stored, start, end), discard })
        },
        discard() {
          buffers = []
        },
      }
    },
    close() {},
  }
}

/** Stores nothing, for benchmarks with uploads larger than the disk. Reading fails. */
export function createNullBlobStore(): BlobStore {
  const stored: StoredBlob = {
    // oxlint-disable-next-line require-yield
    async *read() {
      await Promise.resolve()
      throw new Error('Cannot read bytes that were not stored')
    },
    discard() {},
  }
  return {
    open: () => ({
      append: () => undefined,
      flush: () => Promise.resolve(),
      finish: () => Promise.resolve(stored),
      discard() {},
    }),
    close() {},
  }
}

/** Above this many unwritten bytes, `append` waits for the disk. */
const maxBytesInFlight = 8 * 1024 * 1024

/** Stores each blob as a file of the folder; deletes them when the sandbox closes. */
export function createFolderBlobStore(folder: string): BlobStore {
  mkdirSync(folder, { recursive: true })
  const paths = new Set<string>()
  let serial = 0

  return {
    open() {
      const path = join(folder, `${process.pid}-${++serial}`)
      paths.add(path)
      const opening = open(path, 'wx')
      opening.catch(() => {}) // reported by flush()
      const writing = new Set<Promise<void>>()
      let position = 0
      let inFlight = 0
      let failure: unknown

      const write = async (parts: Buffer[], size: number, offset: number): Promise<void> => {
        const handle: FileHandle = await opening
        const { bytesWritten } = await handle.writev(parts, offset)
        if (bytesWritten !== size)
          throw new Error(`Cannot store more than ${offset + bytesWritten} bytes`)
      }
      const flush = async (): Promise<void> => {
        await Promise.all(writing)
        if (failure) throw failure
      }
      const remove = (): void => {
        paths.delete(path)
        rmSync(path, { force: true })
      }
      return {
        append(parts, size) {
          const pending = write(parts, size, position)
            .catch((error: unknown) => {
              failure ??= error
            })
            .finally(() => {
              inFlight -= size
              writing.delete(pending)
            })
          writing.add(pending)
          position += size
          inFlight += size
          return inFlight > maxBytesInFlight ? pending : undefined
        },
        flush,
        async finish() {
          await flush()
          await (await opening).close()
          return {
            read: (start, end) =>
              end > start ? createReadStream(path, { start, end: end - 1 }) : slices([], 0, 0),
            discard: remove,
          }
        },
        discard() {
          flush()
            .catch(() => {})
            .then(() => opening)
            .then((handle) => handle.close())
            .catch(() => {})
          remove()
        },
      }
    },
    close() {
      for (const path of paths) rmSync(path, { force: true })
    },
  }
}

async function* slices(parts: Buffer[], start: number, end: number): AsyncGenerator<Buffer> {
  let offset = 0
  for (const part of parts) {
    const from = Math.max(start - offset, 0)
    const to = Math.min(end - offset, part.length)
    if (from < to) yield part.subarray(from, to)
    offset += part.length
    if (offset >= end) return
  }
  await Promise.resolve()
}
