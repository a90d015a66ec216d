/** The daily quota of an account, across all of its credentials. */
import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createQuotas } from '../../functions/identity/quota.ts'
import type { QuotaReservation, Quotas } from '../../functions/identity/quota.ts'
import { withDailyQuota } from '../../functions/identity/daily-quota.ts'
import type { Limits } from '../../functions/identity/principal.ts'
import { createUsageCounter } from '../../functions/identity/usage-counter.ts'
import type { Usage } from '../../functions/identity/usage-counter.ts'
import { createMemoryVersionedStore } from '../../functions/store/versioned-store.ts'

const day = 24 * 60 * 60_000
const clock = { now: 20_000 * day + 1_000 }
const ada = { id: 'a token', sub: 'ada', expiresAt: clock.now + 90 * day }

function setUp(perDay: Limits): Quotas {
  const usageCounter = createUsageCounter(createMemoryVersionedStore<Usage>(), () => clock.now)
  return withDailyQuota(createQuotas(usageCounter), perDay, () => clock.now)
}

/** @returns the number of stored bytes, or the error code */
async function store(reservation: QuotaReservation, bytes: number): Promise<string | number> {
  let stored = 0
  try {
    await reservation.reserveFile()
    const chunks = (async function* () {
      for (let sent = 0; sent < bytes; sent += 10) yield Buffer.alloc(Math.min(10, bytes - sent))
    })()
    for await (const chunk of reservation.meter(chunks, ({ length }) => length)) {
      stored += chunk.length
    }
    reservation.commit(stored)
    return stored
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  } finally {
    await reservation.settle()
  }
}

test('the daily quota counts all credentials of an account together, and each account separately', async () => {
  const quotas = setUp({ maxBytes: 100 })
  expect(await store(quotas.open(ada), 60)).toBe(60)
  const other = { ...ada, id: 'a session' }
  expect(await store(quotas.open(other), 60)).toBe('daily_quota_exceeded')
  expect(await store(quotas.open(other), 40)).toBe(40)
  expect(await store(quotas.open(ada), 1)).toBe('daily_quota_exceeded')
  expect(await store(quotas.open({ ...ada, sub: 'ben' }), 100)).toBe(100)
})

test('the daily quota limits the number of files', async () => {
  const quotas = setUp({ maxFiles: 2 })
  const results = []
  for (let count = 0; count < 3; count++) results.push(await store(quotas.open(ada), 5))
  expect(results).toEqual([5, 5, 'daily_quota_exceeded'])
})

test('the daily quota starts again on the next day, which Retry-After tells', async () => {
  const quotas = setUp({ maxBytes: 10 })
  expect(await store(quotas.open(ada), 10)).toBe(10)
  const rejection = await quotas
    .open(ada)
    .reserveFile(5)
    .catch((error: unknown) => error)
  expect(rejection).toMatchObject({
    code: 'daily_quota_exceeded',
    retryAfterSeconds: day / 1000 - 1,
  })
  clock.now += day
  expect(await store(quotas.open(ada), 10)).toBe(10)
})

describe('withDailyQuota() for a token with limits', () => {
  const limits = { maxBytes: 50 }

  test('enforces both limits, each with its own error code', async () => {
    const quotas = setUp({ maxBytes: 70 })
    expect(await store(quotas.open({ ...ada, limits }), 60)).toBe('token_quota_exceeded')
    expect(await store(quotas.open({ ...ada, limits }), 50)).toBe(50)
    expect(await store(quotas.open(ada), 21)).toBe('daily_quota_exceeded')
    // What one of them rejected was refunded to the other.
    expect(await store(quotas.open(ada), 20)).toBe(20)
  })
})

test('withDailyQuota() without limits returns the quotas unchanged', () => {
  const usageCounter = createUsageCounter(createMemoryVersionedStore<Usage>(), () => clock.now)
  const quotas = createQuotas(usageCounter)
  expect(withDailyQuota(quotas, {}, () => clock.now)).toBe(quotas)
})
