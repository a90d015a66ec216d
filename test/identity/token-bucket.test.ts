/** Token buckets, at one and at several instances, and their store accesses. */
import { describe, expect, test } from '@jest/globals'
import { createTokenBuckets } from '../../functions/identity/token-bucket.ts'
import type { TokenBuckets } from '../../functions/identity/token-bucket.ts'
import type { Count } from '../../functions/identity/fixed-window-limiter.ts'
import { createMemoryVersionedStore } from '../../functions/store/versioned-store.ts'
import type { VersionedStore } from '../../functions/store/versioned-store.ts'

const clock = { now: 1_800_000_000_000 }

/** A store that records its calls. */
function countingStore(): { records: VersionedStore<Count>; calls: string[] } {
  const inner = createMemoryVersionedStore<Count>()
  const calls: string[] = []
  return {
    calls,
    records: {
      ...inner,
      find: (id) => (calls.push('find'), inner.find(id)),
      create: (id, ...rest) => (calls.push('create'), inner.create(id, ...rest)),
      replace: (id, ...rest) => (calls.push('replace'), inner.replace(id, ...rest)),
    },
  }
}

const bucketsOf = (
  perMinute: number,
  records = countingStore().records,
  maxBuckets = 100,
): TokenBuckets =>
  createTokenBuckets({
    namespace: 'test',
    perMinute,
    records,
    maxBuckets,
    now: () => clock.now,
  })

/** @returns how many of the requests are allowed; reports to the store run in between */
async function countAllowed(buckets: TokenBuckets, key: string, requests: number): Promise<number> {
  let allowed = 0
  for (let count = 0; count < requests; count++) {
    if (buckets.take(key) === 0) allowed++
    if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return allowed
}

test('take() allows the limit per minute and refills continuously', async () => {
  const buckets = bucketsOf(60)
  expect(await countAllowed(buckets, 'a', 100)).toBe(60)
  expect(buckets.take('a')).toBe(1_000)
  clock.now += 1_000
  expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 1_000])
  clock.now += 600_000
  expect(await countAllowed(buckets, 'a', 100)).toBe(60)
})

test('take() has a bucket per key', async () => {
  const buckets = bucketsOf(10)
  expect(await countAllowed(buckets, 'a', 20)).toBe(10)
  expect(await countAllowed(buckets, 'b', 20)).toBe(10)
})

test('take() refills nothing when the clock is set back, and at most the limit when it is set forward', async () => {
  const buckets = bucketsOf(60)
  await countAllowed(buckets, 'a', 60)
  clock.now -= 600_000
  expect(buckets.take('a')).toBeGreaterThan(0)
  clock.now += 1_000
  expect(buckets.take('a')).toBe(0)
  clock.now += 8 * 24 * 3_600_000
  expect(await countAllowed(buckets, 'a', 100)).toBe(60)
})

describe('take() at several instances', () => {
  test('allow at most a quarter of the limit more each', async () => {
    for (const instances of [2, 3, 5]) {
      const { records } = countingStore()
      const gateways = Array.from({ length: instances }, () => bucketsOf(400, records))
      let allowed = 0
      for (let round = 0; round < 500; round++) {
        for (const gateway of gateways) if (gateway.take(`key of ${instances}`) === 0) allowed++
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(allowed).toBeGreaterThanOrEqual(400)
      expect(allowed).toBeLessThanOrEqual(400 + instances * 100)
    }
  })

  test('access the store for a key above a quarter of the limit only, at most eight times', async () => {
    const { records, calls } = countingStore()
    const buckets = bucketsOf(400, records)
    await countAllowed(buckets, 'slow', 99)
    expect(calls).toEqual([])
    await countAllowed(buckets, 'quick', 400)
    expect(calls.length).toBeLessThanOrEqual(8)
  })

  test('count separately while the store is unavailable', async () => {
    const down = new Error('down')
    const buckets = bucketsOf(40, { ...countingStore().records, find: () => Promise.reject(down) })
    expect(await countAllowed(buckets, 'a', 100)).toBe(40)
    clock.now += 60_000
    expect(await countAllowed(buckets, 'a', 100)).toBe(40)
  })
})

test('take() evicts the least recently used bucket, which starts full again', async () => {
  const buckets = bucketsOf(5, countingStore().records, 10)
  await countAllowed(buckets, 'first', 5)
  expect(buckets.take('first')).toBeGreaterThan(0)
  for (let other = 0; other < 10; other++) buckets.take(`other ${other}`)
  expect(buckets.take('first')).toBe(0)
})

test('refund() returns a token, and never exceeds the limit', () => {
  const buckets = bucketsOf(2)
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a') > 0]).toEqual([0, 0, true])
  buckets.refund('a')
  expect(buckets.take('a')).toBe(0)
  for (let count = 0; count < 9; count++) buckets.refund('a')
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a') > 0]).toEqual([0, 0, true])
})

test('drain() does not make the level negative', () => {
  const buckets = bucketsOf(60)
  buckets.drain('a', 1_000)
  expect(buckets.take('a')).toBe(1_000)
})
