import { expect, test } from '@jest/globals'
import { createTtlCache } from '../../functions/lib/ttl-cache.ts'
import type { TtlCache } from '../../functions/lib/ttl-cache.ts'

const clock = { now: 1_000_000 }

function createCache(maxEntries = 10): TtlCache<string, number> {
  return createTtlCache({ maxEntries, ttlMs: 1_000, now: () => clock.now })
}

test('get() returns a value until its TTL is over', () => {
  const cache = createCache()
  cache.set('a', 1)
  clock.now += 999
  expect(cache.get('a')).toBe(1)
  clock.now += 1
  expect(cache.get('a')).toBeUndefined()
})

test('get() does not extend the TTL, and set() restarts it', () => {
  const cache = createCache()
  cache.set('a', 1)
  clock.now += 600
  expect(cache.get('a')).toBe(1)
  clock.now += 600
  expect(cache.get('a')).toBeUndefined()
  cache.set('a', 2)
  clock.now += 600
  cache.set('a', 3)
  clock.now += 600
  expect(cache.get('a')).toBe(3)
})

test('an entry expires when the clock is set back', () => {
  const cache = createCache()
  cache.set('a', 1)
  clock.now -= 1
  expect(cache.get('a')).toBeUndefined()
  clock.now += 1
})

test('without a TTL an entry stays, also when the clock is set back', () => {
  const cache = createTtlCache<string, number>({ maxEntries: 1, now: () => clock.now })
  cache.set('a', 1)
  clock.now += 1e12
  expect(cache.get('a')).toBe(1)
  clock.now -= 2e12
  expect(cache.get('a')).toBe(1)
  clock.now += 1e12
})

test('a full cache evicts the entry that was set longest ago', () => {
  const cache = createCache(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('a', 3)
  cache.set('c', 4)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([3, undefined, 4])
})

test('delete() and deleteWhere() remove entries', () => {
  const cache = createCache()
  for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) cache.set(key, index)
  cache.delete('a')
  cache.deleteWhere((value) => value > 1)
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual([
    undefined,
    1,
    undefined,
    undefined,
  ])
})

test('load() caches the value that it fetches', async () => {
  const cache = createCache()
  expect(await cache.load('a', () => Promise.resolve(1))).toBe(1)
  expect(cache.get('a')).toBe(1)
})

test('load() caches no missing value and drops the entry that was there', async () => {
  const cache = createCache()
  cache.set('a', 1)
  expect(await cache.load('a', () => Promise.resolve(undefined))).toBeUndefined()
  expect(cache.get('a')).toBeUndefined()
})

test('load() keeps the cached entry when the fetch fails', async () => {
  const cache = createCache()
  cache.set('a', 1)
  await expect(cache.load('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
  expect(cache.get('a')).toBe(1)
})

test.each([
  ['delete()', (cache: TtlCache<string, number>) => cache.delete('a')],
  ['deleteWhere()', (cache: TtlCache<string, number>) => cache.deleteWhere(() => false)],
])('load() does not cache a value when %s is called during the fetch', async (_, remove) => {
  const cache = createCache()
  const loading = cache.load('a', () => Promise.resolve(1))
  remove(cache)
  expect(await loading).toBe(1)
  expect(cache.get('a')).toBeUndefined()
})
