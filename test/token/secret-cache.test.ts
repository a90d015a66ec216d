import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createSecrets } from '../../functions/token/secret-cache.ts'
import type { Secrets } from '../../functions/token/secret-cache.ts'

const minute = 60_000
const down = new GatewayError('store_unavailable', 'down')
const gone = new GatewayError('misconfigured', 'disabled')

/** Secrets from a store that answers `value`, or throws what is set. */
function setUp(): {
  secrets: Secrets
  store: { value: string; failure: Error | undefined; asked: string[] }
  clock: { now: number }
} {
  const store = { value: 'v1', failure: undefined as Error | undefined, asked: [] as string[] }
  const clock = { now: 1_000_000 }
  const secrets = createSecrets(
    async (name) => {
      store.asked.push(name)
      await Promise.resolve()
      if (store.failure) throw store.failure
      return store.value
    },
    () => clock.now,
  )
  return { secrets, store, clock }
}

test('a secret is fetched once for ten minutes, and once for all who wait', async () => {
  const { secrets, store, clock } = setUp()
  const reads = await Promise.all(Array.from({ length: 50 }, () => secrets.read('a')))
  expect(new Set(reads)).toEqual(new Set(['v1']))
  store.value = 'v2'
  clock.now += 10 * minute - 1
  expect(await secrets.read('a')).toBe('v1')
  clock.now += 1
  expect(await secrets.read('a')).toBe('v2')
  expect(store.asked).toEqual(['a', 'a'])
})

test('secrets of different names are different', async () => {
  const { secrets, store } = setUp()
  await Promise.all([secrets.read('a'), secrets.read('b')])
  expect(store.asked).toEqual(['a', 'b'])
})

test('a fresh one is fetched when the held one proved wrong, twice a minute at most', async () => {
  const { secrets, store, clock } = setUp()
  await secrets.read('a')
  store.value = 'v2'
  expect(await secrets.read('a', true)).toBe('v1')
  clock.now += 30_000
  expect(await secrets.read('a', true)).toBe('v2')
  for (let count = 0; count < 100; count++) await secrets.read('a', true)
  expect(store.asked).toHaveLength(2)
})

describe('while the store is down (case 88)', () => {
  test('what is held is good, and the store is asked twice a minute', async () => {
    const { secrets, store, clock } = setUp()
    await secrets.read('a')
    store.failure = down
    clock.now += 11 * minute
    for (let count = 0; count < 100; count++) expect(await secrets.read('a')).toBe('v1')
    expect(store.asked).toHaveLength(2)
    store.failure = undefined
    store.value = 'v2'
    clock.now += 30_000
    expect(await secrets.read('a')).toBe('v2')
  })

  test('nothing held is a failure for all who wait, and is tried again', async () => {
    const { secrets, store } = setUp()
    store.failure = down
    const reads = await Promise.allSettled([secrets.read('a'), secrets.read('a')])
    expect(reads.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(store.asked).toHaveLength(1)
    store.failure = undefined
    expect(await secrets.read('a')).toBe('v1')
  })
})

test('a version that was disabled is not believed beyond its ten minutes (case 88)', async () => {
  const { secrets, store, clock } = setUp()
  await secrets.read('a')
  store.failure = gone
  clock.now += 9 * minute
  expect(await secrets.read('a')).toBe('v1')
  clock.now += minute
  await expect(secrets.read('a')).rejects.toBe(gone)
})
