/**
 * Replay buffer of the bytes that Drive has not acknowledged. A source cannot be rewound, so its bytes
 * are buffered until Drive's `Range` confirms that they are stored. While one chunk is sent, the next
 * one is read.
 *
 * The bytes are copied once, into blocks of the instance's pool: the buffers of a socket become
 * garbage while they are young, which is nearly free, and the pool counts exactly what is held.
 */
import type { Reservation } from './buffer-pool.ts'

export interface SendBuffer {
  /** Offset of the first byte still held. */
  readonly start: number
  /** Offset behind the last byte read so far. */
  readonly end: number
  /** Whether the source has ended; then `end` is the file's size. */
  readonly isComplete: boolean
  /** Aborts with the source's error as soon as it throws, or when `ending` is aborted. */
  readonly failed: AbortSignal
  /**
   * Waits until the bytes up to `offset` are read, the source has ended, or the buffer is full.
   *
   * @throws the source's error
   */
  waitFor(offset: number): Promise<void>
  /** @returns views of the held bytes from one offset to another */
  slice(from: number, to: number): Buffer[]
  /** Discards everything before `offset`, which frees blocks for more bytes. */
  acknowledge(offset: number): void
  /**
   * Stops reading, and releases all blocks and the source; a stuck source is released as soon as it
   * yields. None of the bytes may be in flight to Drive any more.
   */
  close(): void
}

/** The bytes of a file, in single pieces or in batches. */
export type ByteSource = AsyncIterable<Buffer | readonly Buffer[]>

/**
 * @param source read ahead while blocks are available; at most one read at a time
 * @param reservation provides the blocks
 * @param onBytes called with all bytes once, in order, as they are read
 * @param ending aborted with the source's error
 */
export function createSendBuffer(
  source: ByteSource,
  reservation: Pick<Reservation, 'acquire' | 'release'>,
  onBytes: (bytes: Buffer) => void,
  ending = new AbortController(),
): SendBuffer {
  /** All are full but the last one. */
  let blocks: Buffer[] = []
  /** Offset of the first block. */
  let base = 0
  /** Free bytes of the last block. */
  let free = 0
  let start = 0
  let end = 0
  let isComplete = false
  let isClosed = false
  let isFull = false
  let onSpace: (() => void) | undefined
  let onProgress: (() => void) | undefined

  const hasSpace = (): boolean => {
    if (free > 0) return true
    const block = isClosed ? undefined : reservation.acquire()
    if (!block) return false
    blocks.push(block)
    free = block.length
    return true
  }

  const waitForSpace = async (): Promise<void> => {
    while (!isClosed && !hasSpace()) {
      isFull = true
      onProgress?.()
      await new Promise<void>((resolve) => (onSpace = resolve))
    }
  }

  /** @returns the number of bytes that fitted into the last block */
  const copyIn = (bytes: Buffer): number => {
    const block = blocks.at(-1)
    if (!block) return 0
    const fitting = bytes.length > free ? bytes.subarray(0, free) : bytes
    onBytes(fitting)
    // `copy` into shared memory goes byte by byte when source and target are aligned differently.
    block.fill(fitting, block.length - free, block.length - free + fitting.length)
    free -= fitting.length
    end += fitting.length
    return fitting.length
  }

  const read = async (): Promise<void> => {
    for await (const batch of source) {
      for (const piece of Buffer.isBuffer(batch) ? [batch] : batch) {
        for (let at = 0; at < piece.length;) {
          if (!hasSpace()) await waitForSpace()
          if (isClosed) return
          at += copyIn(at === 0 ? piece : piece.subarray(at))
        }
      }
      onProgress?.()
      if (free === 0 && end > 0 && !hasSpace()) await waitForSpace()
      if (isClosed) return
    }
    isComplete = true
  }
  void read()
    .catch((cause: unknown) => ending.abort(cause))
    .finally(() => onProgress?.())

  return {
    get start() {
      return start
    },
    get end() {
      return end
    },
    get isComplete() {
      return isComplete
    },
    failed: ending.signal,
    async waitFor(offset) {
      while (end < offset && !isComplete && !isFull) {
        ending.signal.throwIfAborted()
        await new Promise<void>((resolve) => (onProgress = resolve))
      }
    },
    slice(from, to) {
      const views: Buffer[] = []
      let at = base
      for (const block of blocks) {
        if (at >= to) break
        const first = Math.max(0, from - at)
        const last = Math.min(block.length, to - at)
        if (first < last) views.push(block.subarray(first, last))
        at += block.length
      }
      return views
    },
    acknowledge(offset) {
      start = offset
      for (;;) {
        const [block] = blocks
        if (!block || base + block.length > offset) break
        blocks.shift()
        base += block.length
        reservation.release(block)
      }
      isFull = false
      onSpace?.()
    },
    close() {
      isClosed = true
      for (const block of blocks) reservation.release(block)
      blocks = []
      isFull = false
      onSpace?.()
    },
  }
}
