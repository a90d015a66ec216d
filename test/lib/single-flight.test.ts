import { expect, test } from '@jest/globals'
import { createSingleFlight } from '../../functions/lib/single-flight.ts'

const fail = (): Promise<number> => Promise.reject(new Error('down'))

test('run() starts one operation per key and shares its result', async () => {
  const flights = createSingleFlight<string, string>()
  const started: string[] = []
  const run = (key: string): Promise<string> =>
    flights.run(key, () => {
      started.push(key)
      return Promise.resolve(`${key} ${started.length}`)
    })
  expect(await Promise.all([run('a'), run('a'), run('b')])).toEqual(['a 1', 'a 1', 'b 2'])
  expect(await run('a')).toBe('a 3')
})

test('run() shares an error and starts again afterwards', async () => {
  const flights = createSingleFlight<string, number>()
  const results = await Promise.allSettled([flights.run('a', fail), flights.run('a', fail)])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await flights.run('a', () => Promise.resolve(1))).toBe(1)
})

test('isRunning() is true until the operation ends', async () => {
  const flights = createSingleFlight<string, number>()
  const running = flights.run('a', () => Promise.resolve(1))
  expect([flights.isRunning('a'), flights.isRunning('b')]).toEqual([true, false])
  await running
  expect(flights.isRunning('a')).toBe(false)
})
