/** Where the bytes of files go: into memory, into a folder, or nowhere. */
import { mkdirSync, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createReadStream } from 'node:fs'

export interface Stored {
  /** Bytes `start` to before `end`. */
  read(start: number, end: number): AsyncIterable<Buffer>
  /** Lets the bytes go. */
  discard(): void
}

/** Takes the bytes of one file, in order. */
export interface Sink {
  /** @returns a promise when the caller should wait before it hands over more */
  append(parts: Buffer[], size: number): Promise<void> | undefined
  /** Waits until everything is stored. @throws what went wrong in storing it */
  settled(): Promise<void>
  finish(): Promise<Stored>
  discard(): void
}

export interface Sinks {
  open(): Sink
  close(): void
}

export function createMemorySinks(): Sinks {
  return {
    open() {
      let held: Buffer[] = []
      return {
        append(parts, size) {
          // Thousands of tiny buffers cost more than one copy of them.
          if (parts.length > 64) held.push(Buffer.concat(parts, size))
          else held.push(...parts)
          return undefined
        },
        settled: () => Promise.resolve(),
        finish: () => {
          let kept = held
          held = [] // the writer lives on in its session; the bytes belong to the file now
          const discard = () => {
            kept = []
          }
          return Promise.resolve({ read: (start, end) => slices(kept, start, end), discard })
        },
        discard() {
          held = []
        },
      }
    },
    close() {},
  }
}

/** Only counts: for measuring uploads larger than this machine. Reading fails. */
export function createNoSinks(): Sinks {
  const stored: Stored = {
    // oxlint-disable-next-line require-yield
    async *read() {
      await Promise.resolve()
      throw new Error('Cannot read bytes that were not kept')
    },
    discard() {},
  }
  return {
    open: () => ({
      append: () => undefined,
      settled: () => Promise.resolve(),
      finish: () => Promise.resolve(stored),
      discard() {},
    }),
    close() {},
  }
}

/** A disk that is this far behind is waited for. */
const mostInFlight = 8 * 1024 * 1024

/** A file of the folder for each file of Drive; removed when the sandbox closes. */
export function createFolderSinks(folder: string): Sinks {
  mkdirSync(folder, { recursive: true })
  const paths = new Set<string>()
  let serial = 0

  return {
    open() {
      const path = join(folder, `${process.pid}-${++serial}`)
      paths.add(path)
      const opening = open(path, 'wx')
      opening.catch(() => {}) // said by settled()
      const writing = new Set<Promise<void>>()
      let position = 0
      let inFlight = 0
      let failure: unknown

      const write = async (parts: Buffer[], size: number, at: number): Promise<void> => {
        const handle: FileHandle = await opening
        const { bytesWritten } = await handle.writev(parts, at)
        if (bytesWritten !== size) throw new Error(`Cannot store more than ${at + bytesWritten}`)
      }
      const settled = async (): Promise<void> => {
        await Promise.all(writing)
        if (failure) throw failure
      }
      const remove = (): void => {
        paths.delete(path)
        rmSync(path, { force: true })
      }
      return {
        append(parts, size) {
          const one = write(parts, size, position)
            .catch((error: unknown) => {
              failure ??= error
            })
            .finally(() => {
              inFlight -= size
              writing.delete(one)
            })
          writing.add(one)
          position += size
          inFlight += size
          return inFlight > mostInFlight ? one : undefined
        },
        settled,
        async finish() {
          await settled()
          await (await opening).close()
          return {
            read: (start, end) =>
              end > start ? createReadStream(path, { start, end: end - 1 }) : slices([], 0, 0),
            discard: remove,
          }
        },
        discard() {
          settled()
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
  let at = 0
  for (const part of parts) {
    const from = Math.max(start - at, 0)
    const to = Math.min(end - at, part.length)
    if (from < to) yield part.subarray(from, to)
    at += part.length
    if (at >= end) return
  }
  await Promise.resolve()
}
