import { expect, test } from '@jest/globals'
import type { DriveAccount } from '../../../functions/drive/client/account.ts'
import { createFileIdPool } from '../../../functions/drive/upload/file-id-pool.ts'

const account = (sub: string): DriveAccount => ({ sub, token: () => Promise.resolve('t') })
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Generates unique ids, and records its calls. */
function createGenerator(): {
  calls: [string, number][]
  fails: boolean
  generate(account: DriveAccount, count: number): Promise<string[]>
} {
  let serial = 0
  const generator = {
    calls: [] as [string, number][],
    fails: false,
    async generate({ sub }: DriveAccount, count: number) {
      generator.calls.push([sub, count])
      await nextTurn()
      if (generator.fails) throw new Error('no ids')
      return Array.from({ length: count }, () => `${sub}${serial++}`)
    },
  }
  return generator
}

test('take() shares one refill between concurrent calls, and returns each id once', async () => {
  const generator = createGenerator()
  const ids = createFileIdPool(generator.generate)
  const taken = await Promise.all(Array.from({ length: 10 }, () => ids.take(account('a'))))
  expect(new Set(taken).size).toBe(10)
  expect(generator.calls[0]).toEqual(['a', 10])
  expect(generator.calls.length).toBeLessThanOrEqual(2) // the second one prefetches
})

test('take() serves more concurrent calls than a batch has ids', async () => {
  const generator = createGenerator()
  const ids = createFileIdPool(generator.generate)
  const taken = await Promise.all(Array.from({ length: 500 }, () => ids.take(account('a'))))
  expect(new Set(taken).size).toBe(500)
  expect(generator.calls.length).toBeLessThanOrEqual(7)
})

test('take() doubles the batch size with use, up to the maximum', async () => {
  const generator = createGenerator()
  const ids = createFileIdPool(generator.generate)
  for (let count = 0; count < 3000; count++) await ids.take(account('a'))
  const batches = generator.calls.map(([, count]) => count)
  expect(batches.slice(0, 6)).toEqual([10, 20, 40, 80, 160, 320])
  expect(Math.max(...batches)).toBe(500)
})

test('take() rejects all waiting calls when a refill fails, and the next call tries again', async () => {
  const generator = createGenerator()
  const ids = createFileIdPool(generator.generate)
  generator.fails = true
  const results = await Promise.allSettled([1, 2, 3].map(() => ids.take(account('a'))))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(generator.calls).toHaveLength(1)
  generator.fails = false
  expect(await ids.take(account('a'))).toBe('a0')
})

test('take() ignores a failed prefetch', async () => {
  const generator = createGenerator()
  const ids = createFileIdPool(generator.generate)
  await ids.take(account('a'))
  generator.fails = true
  for (let count = 1; count < 10; count++) await ids.take(account('a'))
  await nextTurn()
  generator.fails = false
  expect(await ids.take(account('a'))).toBe('a10')
})

test('take() keeps the ids of two accounts apart', async () => {
  const ids = createFileIdPool(createGenerator().generate)
  const taken = await Promise.all([ids.take(account('a')), ids.take(account('b'))])
  expect(taken.map((id) => id[0])).toEqual(['a', 'b'])
})
