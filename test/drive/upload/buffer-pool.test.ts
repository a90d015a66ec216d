import { expect, test } from '@jest/globals'
import { blockBytes, createBufferPool } from '../../../functions/drive/upload/buffer-pool.ts'
import type { BufferPool, Reservation } from '../../../functions/drive/upload/buffer-pool.ts'

/** Acquires as many blocks as the quota allows. */
function fill(reservation: Reservation): Buffer[] {
  const blocks: Buffer[] = []
  for (let block = reservation.acquire(); block; block = reservation.acquire()) blocks.push(block)
  return blocks
}

/** Makes reservations until the pool refuses one. */
const reserveAll = (pool: BufferPool): Reservation[] => {
  const reservations: Reservation[] = []
  try {
    for (;;) reservations.push(pool.reserve())
  } catch (error) {
    expect(error).toMatchObject({ code: 'over_capacity', status: 503, retryable: true })
    expect((error as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(0)
    return reservations
  }
}

test('reserve() guarantees two blocks to each upload, and throws over_capacity when the pool is full', () => {
  const pool = createBufferPool(100 * blockBytes)
  const reservations = reserveAll(pool)
  expect(reservations.length).toBe(33)
  expect(reservations.map((each) => fill(each).length)).toEqual(Array.from({ length: 33 }, () => 2))
})

test('a single upload may use most of the pool, and new uploads are still admitted', () => {
  const pool = createBufferPool(100 * blockBytes)
  const first = pool.reserve()
  const blocks = fill(first)
  expect(blocks.length).toBe(87)
  const others = reserveAll(pool)
  expect(others.length).toBe(4)
  expect(others.every((each) => fill(each).length === 2)).toBe(true)
  // Its quota is its fair share now: blocks that it releases beyond it cannot be acquired again.
  for (const block of blocks.splice(0, 85)) first.release(block)
  expect(first.quota).toBe(Math.floor(60 / 5) * blockBytes)
  expect(fill(first).length).toBe(Math.floor(60 / 5) - 2)
})

test('quotas are equal, and grow when other uploads close', () => {
  const pool = createBufferPool(100 * blockBytes)
  const [first, second] = [pool.reserve(), pool.reserve()]
  expect([first.quota, second.quota]).toEqual([37 * blockBytes, 37 * blockBytes])
  for (const block of fill(second)) second.release(block)
  second.close()
  expect(first.quota).toBe(100 * blockBytes)
  first.demand = 7 * blockBytes
  expect([first.quota, fill(first).length]).toEqual([7 * blockBytes, 7])
})

test('reserve() guarantees one block to an upload smaller than a block', () => {
  const pool = createBufferPool(16 * blockBytes)
  const small = Array.from({ length: 8 }, () => pool.reserve(blockBytes - 1))
  expect(small.map((each) => fill(each).length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  expect(() => pool.reserve(1)).toThrow(expect.objectContaining({ code: 'over_capacity' }))
  small[0]?.close()
  expect(() => pool.reserve(blockBytes)).toThrow(expect.objectContaining({ code: 'over_capacity' }))
})

test('blocks are reused, and the whole pool is available when all uploads are closed', () => {
  const pool = createBufferPool(100 * blockBytes)
  const seen = new Set<Buffer>()
  const permanent = pool.reserve(1)
  for (let round = 0; round < 20; round++) {
    for (const reservation of reserveAll(pool)) {
      const blocks = fill(reservation)
      for (const block of blocks) seen.add(block)
      for (const block of blocks) reservation.release(block)
      reservation.close()
    }
  }
  expect(seen.size).toBeLessThanOrEqual(100)
  permanent.close()
  expect(reserveAll(pool).length).toBe(33)
})
