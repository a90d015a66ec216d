import { expect, test } from '@jest/globals'
import { blockBytes, createBufferPool } from '../../../functions/drive/upload/buffer-pool.ts'
import type { BufferPool, Reservation } from '../../../functions/drive/upload/buffer-pool.ts'

/** Acquires as many blocks as the quota allows. */
function fill(reservation: Reservation): Buffer[] {
  const blocks: Buffer[] = []
  for (let block = reservation.acquire(); block; block = reservation.acquire()) blocks.push(block)
  return blocks
}

/** Reserves memory for one upload. */
const reserve = async (pool: BufferPool, bytes?: number): Promise<Reservation> => {
  const reservation = pool.reserve(bytes)
  await reservation.admit()
  return reservation
}

/** Makes reservations until the pool refuses one. */
const reserveAll = async (pool: BufferPool): Promise<Reservation[]> => {
  const reservations: Reservation[] = []
  try {
    for (;;) reservations.push(await reserve(pool))
  } catch (error) {
    expect(error).toMatchObject({ code: 'over_capacity', status: 503, retryable: true })
    expect((error as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(0)
    return reservations
  }
}

test('reserve() guarantees two blocks to each upload, and throws over_capacity when the pool is full', async () => {
  const pool = createBufferPool(100 * blockBytes, { maxWaitMs: 1 })
  const reservations = await reserveAll(pool)
  expect(reservations.length).toBe(33)
  expect(reservations.map((each) => fill(each).length)).toEqual(Array.from({ length: 33 }, () => 2))
})

test('a single upload may use most of the pool, and new uploads are still admitted', async () => {
  const pool = createBufferPool(100 * blockBytes, { maxWaitMs: 1 })
  const first = await reserve(pool)
  const blocks = fill(first)
  expect(blocks.length).toBe(87)
  const others = await reserveAll(pool)
  expect(others.length).toBe(4)
  expect(others.every((each) => fill(each).length === 2)).toBe(true)
  // Its quota is its fair share now: blocks that it releases beyond it cannot be acquired again.
  for (const block of blocks.splice(0, 85)) first.release(block)
  expect(first.quota).toBe(Math.floor(60 / 5) * blockBytes)
  expect(fill(first).length).toBe(Math.floor(60 / 5) - 2)
})

test('quotas are equal, and grow when other uploads close', async () => {
  const pool = createBufferPool(100 * blockBytes, { maxWaitMs: 1 })
  const [first, second] = [await reserve(pool), await reserve(pool)]
  expect([first.quota, second.quota]).toEqual([37 * blockBytes, 37 * blockBytes])
  for (const block of fill(second)) second.release(block)
  second.close()
  expect(first.quota).toBe(100 * blockBytes)
  first.demand = 7 * blockBytes
  expect([first.quota, fill(first).length]).toEqual([7 * blockBytes, 7])
})

test('reserve() guarantees one block to an upload smaller than a block', async () => {
  const pool = createBufferPool(16 * blockBytes, { maxWaitMs: 1 })
  const small = await Promise.all(Array.from({ length: 8 }, () => reserve(pool, blockBytes - 1)))
  expect(small.map((each) => fill(each).length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  await expect(reserve(pool, 1)).rejects.toMatchObject({ code: 'over_capacity' })
  small[0]?.close()
  await expect(reserve(pool, blockBytes)).rejects.toMatchObject({ code: 'over_capacity' })
})

test('blocks are reused, and the whole pool is available when all uploads are closed', async () => {
  const pool = createBufferPool(100 * blockBytes, { maxWaitMs: 1 })
  const seen = new Set<Buffer>()
  const permanent = await reserve(pool, 1)
  for (let round = 0; round < 20; round++) {
    for (const reservation of await reserveAll(pool)) {
      const blocks = fill(reservation)
      for (const block of blocks) seen.add(block)
      for (const block of blocks) reservation.release(block)
      reservation.close()
    }
  }
  expect(seen.size).toBeLessThanOrEqual(100)
  permanent.close()
  expect((await reserveAll(pool)).length).toBe(33)
})

test('an upload of a known small size reserves that size and little more', async () => {
  const pool = createBufferPool(140 * 1024 * 1024, { maxWaitMs: 1 })
  const small = await Promise.all(Array.from({ length: 1_000 }, () => reserve(pool, 10 * 1024)))
  const blocks = small.map((each) => each.acquire())
  expect(new Set(blocks.map((block) => block?.length))).toEqual(new Set([12 * 1024]))
})

test('admit() waits for memory in order of arrival, and an aborted upload leaves the queue', async () => {
  const pool = createBufferPool(24 * blockBytes, { maxWaitMs: 60_000 })
  const admitted = await Promise.all(Array.from({ length: 8 }, () => reserve(pool)))
  const order: string[] = []
  const aborted = new AbortController()
  const enter = (name: string, bytes?: number, signal?: AbortSignal): Promise<void> =>
    pool
      .reserve(bytes)
      .admit(signal)
      .then(() => void order.push(name))
  const gone = enter('aborted', undefined, aborted.signal)
  const large = enter('large')
  const small = enter('small', 10)
  aborted.abort(new Error('gone'))
  await expect(gone).rejects.toThrow('gone')
  expect(order).toEqual([])
  admitted[0]?.close()
  await large
  admitted[1]?.close()
  await small
  expect(order).toEqual(['large', 'small'])
})

test('admit() refuses at once when a quarter of the memory is occupied by uploads that wait', async () => {
  const pool = createBufferPool(24 * blockBytes, { maxWaitMs: 60_000 })
  const admitted = await Promise.all(Array.from({ length: 8 }, () => reserve(pool)))
  const waiting = Array.from({ length: 6 }, () => reserve(pool))
  await expect(reserve(pool)).rejects.toMatchObject({ code: 'over_capacity' })
  for (const each of admitted) each.close()
  await Promise.all(waiting)
})
