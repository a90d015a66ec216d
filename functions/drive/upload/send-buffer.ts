/**
 * The bytes that Drive has not acknowledged, all of them. A source cannot be rewound, so its bytes
 * stay here until Drive's own `Range` says that they are stored; while one chunk is on its way the
 * next one flows in.
 *
 * They are copied into the instance's blocks, once: what comes from a socket is then garbage while
 * it is young, which costs next to nothing, and what is held is exactly what the budget counts.
 */
import type { Room } from './buffer-pool.ts'

export interface Window {
  /** The offset of the first byte still held. */
  readonly start: number
  /** The offset behind the last byte that has come so far. */
  readonly end: number
  /** Whether the source is exhausted: then `end` is the file's size. */
  readonly ended: boolean
  /** Aborts with what the source throws, as soon as it does, or when `ending` is aborted otherwise. */
  readonly failed: AbortSignal
  /**
   * Waits until bytes up to `offset` have come, the source has ended, or nothing more can come
   * before something is released.
   *
   * @throws what the source throws
   */
  filled(offset: number): Promise<void>
  /** The held bytes from one offset to another, as views. */
  slice(from: number, to: number): Buffer[]
  /** Lets go of everything before `offset`, and so makes room for more. */
  release(offset: number): void
  /**
   * Stops reading, lets go of everything and of the source; a source that is stuck is let go of
   * once it moves. Nothing of it may be on its way to Drive any more.
   */
  close(): void
}

/** What the bytes of a file come as: pieces, or those that came together. */
export type Source = AsyncIterable<Buffer | readonly Buffer[]>

/**
 * @param source read ahead as far as there is room; never more than one read at a time
 * @param room where the blocks come from
 * @param onBytes sees all bytes once, in order, as they come in
 * @param ending is aborted with what the source throws
 */
export function createWindow(
  source: Source,
  room: Pick<Room, 'take' | 'give'>,
  onBytes: (bytes: Buffer) => void,
  ending = new AbortController(),
): Window {
  /** All are full but the last one. */
  let blocks: Buffer[] = []
  /** The offset of the first block, and of the last one's free bytes. */
  let base = 0
  let free = 0
  let start = 0
  let end = 0
  let ended = false
  let closed = false
  let full = false
  let roomAgain: (() => void) | undefined
  let arrived: (() => void) | undefined

  const hasRoom = (): boolean => {
    if (free > 0) return true
    const block = closed ? undefined : room.take()
    if (!block) return false
    blocks.push(block)
    free = block.length
    return true
  }

  const untilRoom = async (): Promise<void> => {
    while (!closed && !hasRoom()) {
      full = true
      arrived?.()
      await new Promise<void>((resolve) => (roomAgain = resolve))
    }
  }

  /** @returns how many of the bytes fitted into the last block */
  const copyIn = (bytes: Buffer): number => {
    const block = blocks.at(-1)
    if (!block) return 0
    const fitting = bytes.length > free ? bytes.subarray(0, free) : bytes
    onBytes(fitting)
    // `copy` goes byte by byte into shared memory where the two are not aligned alike.
    block.fill(fitting, block.length - free, block.length - free + fitting.length)
    free -= fitting.length
    end += fitting.length
    return fitting.length
  }

  const read = async (): Promise<void> => {
    for await (const batch of source) {
      for (const piece of Buffer.isBuffer(batch) ? [batch] : batch) {
        for (let at = 0; at < piece.length;) {
          if (!hasRoom()) await untilRoom()
          if (closed) return
          at += copyIn(at === 0 ? piece : piece.subarray(at))
        }
      }
      arrived?.()
      if (free === 0 && end > 0 && !hasRoom()) await untilRoom()
      if (closed) return
    }
    ended = true
  }
  void read()
    .catch((cause: unknown) => ending.abort(cause))
    .finally(() => arrived?.())

  return {
    get start() {
      return start
    },
    get end() {
      return end
    },
    get ended() {
      return ended
    },
    failed: ending.signal,
    async filled(offset) {
      while (end < offset && !ended && !full) {
        ending.signal.throwIfAborted()
        await new Promise<void>((resolve) => (arrived = resolve))
      }
    },
    slice(from, to) {
      const out: Buffer[] = []
      let at = base
      for (const block of blocks) {
        if (at >= to) break
        const first = Math.max(0, from - at)
        const last = Math.min(block.length, to - at)
        if (first < last) out.push(block.subarray(first, last))
        at += block.length
      }
      return out
    },
    release(offset) {
      start = offset
      for (;;) {
        const [block] = blocks
        if (!block || base + block.length > offset) break
        blocks.shift()
        base += block.length
        room.give(block)
      }
      full = false
      roomAgain?.()
    },
    close() {
      closed = true
      for (const block of blocks) room.give(block)
      blocks = []
      full = false
      roomAgain?.()
    },
  }
}
