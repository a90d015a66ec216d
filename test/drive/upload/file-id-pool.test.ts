import { expect, test } from '@jest/globals'
import type { DriveAccount } from '../../../functions/drive/client/account.ts'
import { createIds } from '../../../functions/drive/upload/file-id-pool.ts'

const person = (sub: string): DriveAccount => ({ sub, token: () => Promise.resolve('t') })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Reserves ids that nobody else has, and remembers how it was asked. */
function createReserve(): {
  asked: [string, number][]
  fail: boolean
  reserve(account: DriveAccount, count: number): Promise<string[]>
} {
  let serial = 0
  const it = {
    asked: [] as [string, number][],
    fail: false,
    async reserve({ sub }: DriveAccount, count: number) {
      it.asked.push([sub, count])
      await turn()
      if (it.fail) throw new Error('no ids today')
      return Array.from({ length: count }, () => `${sub}${serial++}`)
    },
  }
  return it
}

test('waiters at once share one refill, and no two get the same id', async () => {
  const reserve = createReserve()
  const ids = createIds(reserve.reserve)
  const taken = await Promise.all(Array.from({ length: 10 }, () => ids.take(person('a'))))
  expect(new Set(taken).size).toBe(10)
  expect(reserve.asked[0]).toEqual(['a', 10])
  expect(reserve.asked.length).toBeLessThanOrEqual(2) // the second is ahead of need
})

test('many more waiters than a batch has are all served', async () => {
  const reserve = createReserve()
  const ids = createIds(reserve.reserve)
  const taken = await Promise.all(Array.from({ length: 500 }, () => ids.take(person('a'))))
  expect(new Set(taken).size).toBe(500)
  expect(reserve.asked.length).toBeLessThanOrEqual(7)
})

test('batches grow with use, up to a limit, and are reserved ahead of need', async () => {
  const reserve = createReserve()
  const ids = createIds(reserve.reserve)
  for (let count = 0; count < 3000; count++) await ids.take(person('a'))
  const batches = reserve.asked.map(([, count]) => count)
  expect(batches.slice(0, 6)).toEqual([10, 20, 40, 80, 160, 320])
  expect(Math.max(...batches)).toBe(500)
})

test('a refill that fails fails all who wait for it once, and the next one asks again', async () => {
  const reserve = createReserve()
  const ids = createIds(reserve.reserve)
  reserve.fail = true
  const results = await Promise.allSettled([1, 2, 3].map(() => ids.take(person('a'))))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(reserve.asked).toHaveLength(1)
  reserve.fail = false
  expect(await ids.take(person('a'))).toBe('a0')
})

test('a refill ahead of need that fails is nobody’s error', async () => {
  const reserve = createReserve()
  const ids = createIds(reserve.reserve)
  await ids.take(person('a'))
  reserve.fail = true
  for (let count = 1; count < 10; count++) await ids.take(person('a'))
  await turn()
  reserve.fail = false
  expect(await ids.take(person('a'))).toBe('a10')
})

test('ids are for one account alone', async () => {
  const ids = createIds(createReserve().reserve)
  const taken = await Promise.all([ids.take(person('a')), ids.take(person('b'))])
  expect(taken.map((id) => id[0])).toEqual(['a', 'b'])
})
