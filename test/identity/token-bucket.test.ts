/** Token buckets: what a caller may take, alone and at several instances, and what it costs. */
import { describe, expect, test } from '@jest/globals'
import { createBuckets } from '../../functions/identity/token-bucket.ts'
import type { Buckets } from '../../functions/identity/token-bucket.ts'
import type { Count } from '../../functions/identity/fixed-window-limiter.ts'
import { createMemoryRecords } from '../../functions/store/versioned-store.ts'
import type { Records } from '../../functions/store/versioned-store.ts'

const clock = { now: 1_800_000_000_000 }

/** Records that count what is asked of them. */
function counting(): { records: Records<Count>; calls: string[] } {
  const inner = createMemoryRecords<Count>()
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

const bucketsOf = (perMinute: number, records = counting().records, mostKept = 100): Buckets =>
  createBuckets({ what: 'test', perMinute, records, mostKept, now: () => clock.now })

/** How many of so many tries are let through; what is told is told in between. */
async function letThrough(buckets: Buckets, who: string, tries: number): Promise<number> {
  let passed = 0
  for (let count = 0; count < tries; count++) {
    if (buckets.take(who) === 0) passed++
    if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return passed
}

test('so many a minute, refilled as time goes', async () => {
  const buckets = bucketsOf(60)
  expect(await letThrough(buckets, 'a', 100)).toBe(60)
  expect(buckets.take('a')).toBe(1_000)
  clock.now += 1_000
  expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 1_000])
  clock.now += 600_000
  expect(await letThrough(buckets, 'a', 100)).toBe(60)
})

test('callers have buckets of their own', async () => {
  const buckets = bucketsOf(10)
  expect(await letThrough(buckets, 'a', 20)).toBe(10)
  expect(await letThrough(buckets, 'b', 20)).toBe(10)
})

test('a clock that jumps refills nothing that is not due (case 100)', async () => {
  const buckets = bucketsOf(60)
  await letThrough(buckets, 'a', 60)
  clock.now -= 600_000
  expect(buckets.take('a')).toBeGreaterThan(0)
  clock.now += 1_000
  expect(buckets.take('a')).toBe(0)
  clock.now += 8 * 24 * 3_600_000
  expect(await letThrough(buckets, 'a', 100)).toBe(60)
})

describe('several instances', () => {
  test('let through at most a quarter more each', async () => {
    for (const instances of [2, 3, 5]) {
      const { records } = counting()
      const houses = Array.from({ length: instances }, () => bucketsOf(400, records))
      let passed = 0
      for (let round = 0; round < 500; round++) {
        for (const house of houses) if (house.take(`caller of ${instances}`) === 0) passed++
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(passed).toBeGreaterThanOrEqual(400)
      expect(passed).toBeLessThanOrEqual(400 + instances * 100)
    }
  })

  test('tell each other nothing of a caller below a quarter, and a little of others', async () => {
    const { records, calls } = counting()
    const buckets = bucketsOf(400, records)
    await letThrough(buckets, 'slow', 99)
    expect(calls).toEqual([])
    await letThrough(buckets, 'quick', 400)
    expect(calls.length).toBeLessThanOrEqual(8)
  })

  test('count by themselves while the store is down', async () => {
    const down = new Error('down')
    const buckets = bucketsOf(40, { ...counting().records, find: () => Promise.reject(down) })
    expect(await letThrough(buckets, 'a', 100)).toBe(40)
    clock.now += 60_000
    expect(await letThrough(buckets, 'a', 100)).toBe(40)
  })
})

test('what is kept is bounded: who came longest ago starts afresh', async () => {
  const buckets = bucketsOf(5, counting().records, 10)
  await letThrough(buckets, 'first', 5)
  expect(buckets.take('first')).toBeGreaterThan(0)
  for (let other = 0; other < 10; other++) buckets.take(`other ${other}`)
  expect(buckets.take('first')).toBe(0)
})

test('what is given back may be taken again, and never more', () => {
  const buckets = bucketsOf(2)
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a') > 0]).toEqual([0, 0, true])
  buckets.giveBack('a')
  expect(buckets.take('a')).toBe(0)
  for (let count = 0; count < 9; count++) buckets.giveBack('a')
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a') > 0]).toEqual([0, 0, true])
})

test('what is drained leaves nothing below nothing', () => {
  const buckets = bucketsOf(60)
  buckets.drain('a', 1_000)
  expect(buckets.take('a')).toBe(1_000)
})
