/** What an account may upload in a day, whichever of its credentials it uses. */
import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createAllowances } from '../../functions/identity/quota.ts'
import type { Allowance, Allowances } from '../../functions/identity/quota.ts'
import { withDailyLimits } from '../../functions/identity/daily-quota.ts'
import type { Limits } from '../../functions/identity/principal.ts'
import { createUsages } from '../../functions/identity/usage-counter.ts'
import type { Usage } from '../../functions/identity/usage-counter.ts'
import { createMemoryRecords } from '../../functions/store/versioned-store.ts'

const day = 24 * 60 * 60_000
const clock = { now: 20_000 * day + 1_000 }
const ada = { id: 'a token', sub: 'ada', expiresAt: clock.now + 90 * day }

function setUp(perDay: Limits): Allowances {
  const usages = createUsages(createMemoryRecords<Usage>(), () => clock.now)
  return withDailyLimits(createAllowances(usages), perDay, () => clock.now)
}

/** @returns the code of the refusal, or how many bytes were let through */
async function store(allowance: Allowance, bytes: number): Promise<string | number> {
  let stored = 0
  try {
    await allowance.file()
    const pieces = (async function* () {
      for (let sent = 0; sent < bytes; sent += 10) yield Buffer.alloc(Math.min(10, bytes - sent))
    })()
    for await (const piece of allowance.metered(pieces, ({ length }) => length)) {
      stored += piece.length
    }
    allowance.keep(stored)
    return stored
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  } finally {
    await allowance.close()
  }
}

test('all credentials of an account count together, and other accounts do not', async () => {
  const allowances = setUp({ maxBytes: 100 })
  expect(await store(allowances.open(ada), 60)).toBe(60)
  const other = { ...ada, id: 'a session' }
  expect(await store(allowances.open(other), 60)).toBe('daily_quota_exceeded')
  expect(await store(allowances.open(other), 40)).toBe(40)
  expect(await store(allowances.open(ada), 1)).toBe('daily_quota_exceeded')
  expect(await store(allowances.open({ ...ada, sub: 'ben' }), 100)).toBe(100)
})

test('files are counted as well', async () => {
  const allowances = setUp({ maxFiles: 2 })
  const outcomes = []
  for (let count = 0; count < 3; count++) outcomes.push(await store(allowances.open(ada), 5))
  expect(outcomes).toEqual([5, 5, 'daily_quota_exceeded'])
})

test('the next day is a new one, and the answer says when that is', async () => {
  const allowances = setUp({ maxBytes: 10 })
  expect(await store(allowances.open(ada), 10)).toBe(10)
  const refused = await allowances
    .open(ada)
    .file(5)
    .catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'daily_quota_exceeded', retryAfterSeconds: day / 1000 - 1 })
  clock.now += day
  expect(await store(allowances.open(ada), 10)).toBe(10)
})

describe('a token with limits of its own', () => {
  const limits = { maxBytes: 50 }

  test('is held to both, and each says its own name', async () => {
    const allowances = setUp({ maxBytes: 70 })
    expect(await store(allowances.open({ ...ada, limits }), 60)).toBe('token_quota_exceeded')
    expect(await store(allowances.open({ ...ada, limits }), 50)).toBe(50)
    expect(await store(allowances.open(ada), 21)).toBe('daily_quota_exceeded')
    // What was refused by one was given back to the other.
    expect(await store(allowances.open(ada), 20)).toBe(20)
  })
})

test('without limits of the day nothing is wrapped, and nothing is looked up', () => {
  const usages = createUsages(createMemoryRecords<Usage>(), () => clock.now)
  const allowances = createAllowances(usages)
  expect(withDailyLimits(allowances, {}, () => clock.now)).toBe(allowances)
})
