/**
 * How much is sent at a time. Whatever has come while one chunk was on its way is the next one, so
 * that nobody waits for a chunk to fill; what is left to decide is how large one may grow.
 *
 * The rule: as long as sending takes four times the time in which nothing moves. Drive takes that time
 * for each request, be it ever so small; the request that opens the session shows it. So the limit
 * is four times rate × latency: it costs at most a fifth of the speed, and mostly less, as the next
 * chunk comes in meanwhile.
 */
import { blockBytes } from './buffer-pool.ts'

export interface Pace {
  /** Bytes that the next chunk may have. */
  readonly most: number
  /** Bytes worth waiting for. */
  readonly least: number
  /** Bytes that any chunk may come to have. */
  readonly largest: number
  /** The session was opened, in so many milliseconds. */
  opened(ms: number): void
  /** A chunk was sent and answered, in so many milliseconds. */
  sent(bytes: number, ms: number): void
}

const mebibyte = 1024 * 1024
/** A file that fits is one request, without a session. */
export const firstBytes = mebibyte
/** Each request costs the CPU of half a mebibyte on its way, so that smaller ones cost the most. */
const smallestBytes = 4 * mebibyte
/** Two of them are held at a time, which is all of the memory there is. */
const largestBytes = 60 * mebibyte
const timesLatency = 4
/** Bytes a millisecond, until the first chunk shows it: what many lines do. */
const firstRate = (25 * mebibyte) / 1000

export function createPace(): Pace {
  let latency = 1
  let most = firstBytes
  const limit = (rate: number): number =>
    Math.min(largestBytes, Math.max(smallestBytes, timesLatency * rate * latency))

  return {
    largest: largestBytes,
    get most() {
      return Math.floor(most / blockBytes) * blockBytes
    },
    get least() {
      return Math.max(blockBytes, Math.floor(most / 2 / blockBytes) * blockBytes)
    },
    opened(ms) {
      latency = ms
      most = limit(firstRate)
    },
    sent(bytes, ms) {
      if (bytes < firstBytes) return
      latency = Math.min(latency, ms)
      // No more than twice as much: one chunk may have been quick by chance.
      const grown = Math.max(smallestBytes, 2 * bytes)
      most = Math.min(grown, limit(bytes / Math.max(1, ms - latency)))
    },
  }
}

/** Chunks of one size, come what may. */
export function createEvenPace(bytes: number): Pace {
  return { most: bytes, least: bytes, largest: bytes, opened() {}, sent() {} }
}
