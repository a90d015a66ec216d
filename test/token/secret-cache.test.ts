import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createSecretCache } from '../../functions/token/secret-cache.ts'
import type { SecretCache } from '../../functions/token/secret-cache.ts'

const minute = 60_000
const down = new GatewayError('store_unavailable', 'down')
const gone = new GatewayError('misconfigured', 'disabled')

/** A cache over a store that returns `value` or throws `failure`. */
function setUp(): {
  secrets: SecretCache
  store: { value: string; failure: Error | undefined; fetches: string[] }
  clock: { now: number }
} {
  const store = { value: 'v1', failure: undefined as Error | undefined, fetches: [] as string[] }
  const clock = { now: 1_000_000 }
  const secrets = createSecretCache(
    async (name) => {
      store.fetches.push(name)
      await Promise.resolve()
      if (store.failure) throw store.failure
      return store.value
    },
    () => clock.now,
  )
  return { secrets, store, clock }
}

test('read() fetches a secret once in ten minutes, and once for concurrent calls', async () => {
  const { secrets, store, clock } = setUp()
  const reads = await Promise.all(Array.from({ length: 50 }, () => secrets.read('a')))
  expect(new Set(reads)).toEqual(new Set(['v1']))
  store.value = 'v2'
  clock.now += 10 * minute - 1
  expect(await secrets.read('a')).toBe('v1')
  clock.now += 1
  expect(await secrets.read('a')).toBe('v2')
  expect(store.fetches).toEqual(['a', 'a'])
})

test('read() caches each secret separately', async () => {
  const { secrets, store } = setUp()
  await Promise.all([secrets.read('a'), secrets.read('b')])
  expect(store.fetches).toEqual(['a', 'b'])
})

test('read() with forceRefresh fetches again at most every 30 seconds', async () => {
  const { secrets, store, clock } = setUp()
  await secrets.read('a')
  store.value = 'v2'
  expect(await secrets.read('a', true)).toBe('v1')
  clock.now += 30_000
  expect(await secrets.read('a', true)).toBe('v2')
  for (let count = 0; count < 100; count++) await secrets.read('a', true)
  expect(store.fetches).toHaveLength(2)
})

describe('read() while the store is unavailable', () => {
  test('returns the cached value and retries every 30 seconds', async () => {
    const { secrets, store, clock } = setUp()
    await secrets.read('a')
    store.failure = down
    clock.now += 11 * minute
    for (let count = 0; count < 100; count++) expect(await secrets.read('a')).toBe('v1')
    expect(store.fetches).toHaveLength(2)
    store.failure = undefined
    store.value = 'v2'
    clock.now += 30_000
    expect(await secrets.read('a')).toBe('v2')
  })

  test('rejects all concurrent calls without a cached value, and fetches again on the next call', async () => {
    const { secrets, store } = setUp()
    store.failure = down
    const reads = await Promise.allSettled([secrets.read('a'), secrets.read('a')])
    expect(reads.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(store.fetches).toHaveLength(1)
    store.failure = undefined
    expect(await secrets.read('a')).toBe('v1')
  })
})

test('read() returns a disabled version until its TTL is over', async () => {
  const { secrets, store, clock } = setUp()
  await secrets.read('a')
  store.failure = gone
  clock.now += 9 * minute
  expect(await secrets.read('a')).toBe('v1')
  clock.now += minute
  await expect(secrets.read('a')).rejects.toBe(gone)
})
