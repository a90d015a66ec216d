/** Seeded pseudo-random numbers for reproducible tests. */
import { createCipheriv } from 'node:crypto'

/** `SEED`, or a fixed default: a code change makes a test fail, not the date. */
export const seed = Number(process.env['SEED'] ?? 20_260_719)

export type Random = () => number

/** Mulberry32, which has 32 bits of state. */
export function createRandom(from: number): Random {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Creates a generator of integers from 0 to `below - 1`. */
export function createRandomInt(from: number): (below: number) => number {
  const random = createRandom(from)
  return (below) => (random() * 2 ** 32) % below
}

/** Returns pseudo-random bytes, so that a test detects shifted and swapped bytes. */
export function pseudoRandomBytes(size: number, from: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(from >>> 0)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}
