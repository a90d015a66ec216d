/** What chance decides in a test, the same for the same seed. */
import { createCipheriv } from 'node:crypto'

/** `SEED`, or always the same one: a change is what makes a test fail, and not the day. */
export const seed = Number(process.env['SEED'] ?? 20_260_719)

export type Random = () => number

/** Mulberry32: 32 bits of state are enough for a test. */
export function createRandom(from: number): Random {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Whole numbers from 0, each smaller than what it is asked for. */
export function createDice(from: number): (below: number) => number {
  const random = createRandom(from)
  return (below) => (random() * 2 ** 32) % below
}

/** Bytes that look like chance: no shift and no swap among them goes unseen. */
export function noise(size: number, from: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(from >>> 0)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}
