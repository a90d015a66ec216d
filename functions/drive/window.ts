/**
 * The bytes that Drive has not acknowledged, all of them. A source cannot be rewound, so its bytes
 * stay here until Drive's own `Range` says that they are stored; while one chunk is on its way the
 * next one flows in.
 */

export interface Window {
  /** The offset of the first byte still held. */
  readonly start: number
  /** The offset behind the last byte that has come so far. */
  readonly end: number
  /** Whether the source is exhausted: then `end` is the file's size. */
  readonly ended: boolean
  /** Aborts with what the source throws, as soon as it does. */
  readonly failed: AbortSignal
  /**
   * Waits until bytes up to `offset` have come or the source has ended.
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
   * once it moves.
   */
  close(): void
}

/** Smaller pieces are copied together: a piece of one byte would otherwise cost a hundred. */
const smallPiece = 16 * 1024
const slabBytes = 64 * 1024

/**
 * @param source read ahead as far as there is room; never more than one read at a time
 * @param capacity bytes to hold; what one read brings may exceed it
 * @param onBytes sees each piece once, in order, as it comes
 */
export function createWindow(
  source: AsyncIterable<Buffer>,
  capacity: number,
  onBytes: (piece: Buffer) => void,
): Window {
  let pieces: Buffer[] = []
  let start = 0
  let end = 0
  let ended = false
  let closed = false
  const failure = new AbortController()
  let slab = Buffer.alloc(0)
  let slabUsed = 0
  let roomAgain: (() => void) | undefined
  let arrived: (() => void) | undefined

  function take(piece: Buffer): void {
    onBytes(piece)
    end += piece.length
    if (piece.length >= smallPiece) {
      pieces.push(piece)
      return
    }
    const last = pieces.at(-1)
    if (slabUsed + piece.length > slab.length) {
      slab = Buffer.allocUnsafeSlow(slabBytes)
      slabUsed = 0
    }
    const from = slabUsed
    slabUsed += piece.copy(slab, slabUsed)
    if (last?.buffer === slab.buffer) {
      // The last piece is the slab's own: a longer view of it rather than one more.
      pieces[pieces.length - 1] = slab.subarray(last.byteOffset - slab.byteOffset, slabUsed)
    } else {
      pieces.push(slab.subarray(from, slabUsed))
    }
  }

  void (async () => {
    for await (const piece of source) {
      if (closed) return
      if (piece.length > 0) take(piece)
      arrived?.()
      while (end - start >= capacity && !closed) {
        await new Promise<void>((resolve) => (roomAgain = resolve))
      }
      if (closed) return
    }
    ended = true
  })()
    .catch((cause: unknown) => failure.abort(cause))
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
    failed: failure.signal,
    async filled(offset) {
      while (end < offset && !ended) {
        failure.signal.throwIfAborted()
        await new Promise<void>((resolve) => (arrived = resolve))
      }
    },
    slice(from, to) {
      const out: Buffer[] = []
      let at = start
      for (const piece of pieces) {
        if (at >= to) break
        const first = Math.max(0, from - at)
        const last = Math.min(piece.length, to - at)
        if (first < last) out.push(piece.subarray(first, last))
        at += piece.length
      }
      return out
    },
    release(offset) {
      let whole = 0
      while (whole < pieces.length && start + (pieces[whole]?.length ?? 0) <= offset) {
        start += pieces[whole]?.length ?? 0
        whole++
      }
      pieces = pieces.slice(whole)
      const first = pieces[0]
      if (first && offset > start) {
        pieces[0] = first.subarray(offset - start)
        start = offset
      }
      roomAgain?.()
    },
    close() {
      closed = true
      pieces = []
      roomAgain?.()
    },
  }
}
