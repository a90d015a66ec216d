/**
 * Adaptive chunk size (bandwidth-delay product). The bytes that arrive while one chunk is sent form
 * the next one, so that no upload waits for a chunk to fill; only the maximum size is decided here.
 *
 * A chunk may be so large that sending it takes four times the latency. Drive needs that latency for
 * each request, however small; the request that opens the session shows it. So the maximum is four
 * times rate × latency, which costs at most a fifth of the throughput, and usually less, as the next
 * chunk arrives meanwhile.
 */
import { raceAbort } from '../client/abort-signals.ts'
import { chunkUnit, wholeUnits } from '../client/protocol.ts'
import type { Reservation } from './buffer-pool.ts'
import type { SendBuffer } from './send-buffer.ts'

/** Sizes are in bytes, and whole units of 256 KiB. */
export interface ChunkSizer {
  /** Maximum size of the next chunk. */
  readonly max: number
  /** Minimum size for which to wait. */
  readonly min: number
  /** Upper bound of `max`. */
  readonly ceiling: number
  /** Records how long the session took to open. */
  recordLatency(ms: number): void
  /** Records how long a chunk took until its response. */
  recordTransfer(bytes: number, ms: number): void
}

const mebibyte = 1024 * 1024
/** Maximum size of a file that is uploaded in one request, without a session. */
const initialBytes = mebibyte
/** Each request costs as much CPU time as sending half a mebibyte, so small chunks are expensive. */
const minBytes = 4 * mebibyte
/** Two chunks are buffered at a time, which is the whole pool. */
const ceiling = 60 * mebibyte
const latencyFactor = 4
/** Assumed until the first chunk is measured: the rate of many connections. */
const initialBytesPerMs = (25 * mebibyte) / 1000

/** @param fixedBytes size of every chunk; adaptive by default */
export function createChunkSizer(fixedBytes?: number): ChunkSizer {
  return fixedBytes === undefined ? adaptiveChunkSize() : fixedChunkSize(fixedBytes)
}

function adaptiveChunkSize(): ChunkSizer {
  let latency = 1
  let max = initialBytes
  const limitFor = (bytesPerMs: number): number =>
    Math.min(ceiling, Math.max(minBytes, latencyFactor * bytesPerMs * latency))

  return {
    ceiling,
    get max() {
      return wholeUnits(max)
    },
    get min() {
      return Math.max(chunkUnit, wholeUnits(max / 2))
    },
    recordLatency(ms) {
      latency = ms
      max = limitFor(initialBytesPerMs)
    },
    recordTransfer(bytes, ms) {
      if (bytes < initialBytes) return
      latency = Math.min(latency, ms)
      // At most doubled: a single chunk may have been fast by chance.
      const doubled = Math.max(minBytes, 2 * bytes)
      max = Math.min(doubled, limitFor(bytes / Math.max(1, ms - latency)))
    },
  }
}

function fixedChunkSize(bytes: number): ChunkSizer {
  return { max: bytes, min: bytes, ceiling: bytes, recordLatency() {}, recordTransfer() {} }
}

/** The buffered bytes of an upload, and what limits the size of its chunks. */
export interface ChunkSource {
  buffer: SendBuffer
  /** Provides the blocks of the buffer. */
  reservation: Reservation
  chunkSizer: ChunkSizer
}

/**
 * Waits until the buffer has the minimum size of a chunk, or all that it can hold.
 *
 * @param from first byte of the chunk, in the buffer's offsets
 * @returns the maximum size of the chunk, in bytes
 */
export async function waitForChunk(
  { buffer, reservation, chunkSizer }: ChunkSource,
  from: number,
  signal: AbortSignal,
): Promise<number> {
  reservation.demand = 2 * chunkSizer.max // one in flight, one being filled
  // One byte more than a chunk shows that the chunk is not the last one.
  await raceAbort(signal, buffer.waitFor(from + chunkSizer.min + 1))
  return Math.min(chunkSizer.max, wholeUnits(Math.max(chunkUnit, reservation.quota / 2)))
}
