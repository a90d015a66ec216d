/** The usage counter and quota reservations at two instances over one store. */
import { expect, test } from '@jest/globals'
import { createQuotas } from '../../functions/identity/quota.ts'
import type { QuotaReservation } from '../../functions/identity/quota.ts'
import type { Limits } from '../../functions/identity/principal.ts'
import { createUsageCounter } from '../../functions/identity/usage-counter.ts'
import type { Usage, UsageCounter } from '../../functions/identity/usage-counter.ts'
import { createMemoryVersionedStore } from '../../functions/store/versioned-store.ts'
import type { VersionedStore } from '../../functions/store/versioned-store.ts'
import { GatewayError } from '../../functions/errors.ts'

const hour = 60 * 60_000
const mebibyte = 1024 * 1024
const key = { id: 'token', expiresAt: 90 * 24 * hour }

interface Setting {
  first: UsageCounter
  second: UsageCounter
  calls: string[]
  clock: { now: number }
  open(limits?: Limits, expectedBytes?: number, usageCounter?: UsageCounter): QuotaReservation
  used(): Promise<Usage | undefined>
}

function setUp(): Setting {
  const records = createMemoryVersionedStore<Usage>()
  const calls: string[] = []
  const counted = new Proxy(records, {
    get: (target, method: keyof VersionedStore<Usage>) => (calls.push(method), target[method]),
  })
  const clock = { now: 1_000 * hour }
  const create = (): UsageCounter =>
    createUsageCounter(
      counted,
      () => clock.now,
      () => Promise.resolve(),
    )
  const first = create()
  return {
    first,
    second: create(),
    calls,
    clock,
    open: (limits, expectedBytes, usageCounter = first) =>
      createQuotas(usageCounter).open({ ...key, ...(limits ? { limits } : {}) }, expectedBytes),
    used: async () => (await records.find(key.id))?.value,
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

/** Sends a file in chunks of 1 MiB until the quota is exceeded. */
async function send(
  reservation: QuotaReservation,
  bytes: number,
  declared?: number,
): Promise<number> {
  let sent = 0
  const source = (async function* () {
    for (let left = bytes; left > 0; left -= mebibyte) yield Buffer.alloc(Math.min(left, mebibyte))
  })()
  await reservation.reserveFile(declared)
  for await (const chunk of reservation.meter(source, ({ length }) => length)) sent += chunk.length
  reservation.commit(sent)
  return sent
}

test('a reservation without limits does not access the store', async () => {
  const { open, calls } = setUp()
  const reservation = open()
  expect(await send(reservation, 5 * mebibyte)).toBe(5 * mebibyte)
  await reservation.settle()
  expect(calls).toEqual([])
})

test('a file of known length is reserved as a whole, with one read and one write', async () => {
  const { open, used, calls } = setUp()
  const reservation = open({ maxBytes: 10 * mebibyte, maxFiles: 2 })
  await send(reservation, 10 * mebibyte, 10 * mebibyte)
  await reservation.settle()
  expect(calls).toEqual(['find', 'create'])
  expect(await used()).toMatchObject({ files: 1, bytes: 10 * mebibyte })
})

test('reserveFile() rejects a file that exceeds the quota by one byte, and reserves nothing', async () => {
  const { open, used } = setUp()
  const reservation = open({ maxBytes: 1_000 })
  expect(await codeOf(reservation.reserveFile(1_001))).toBe('token_quota_exceeded')
  await reservation.settle()
  expect(await used()).toMatchObject({ files: 0, bytes: 0 })
  const exact = open({ maxBytes: 1_000 })
  expect(await codeOf(exact.reserveFile(1_000))).toBe('none')
})

test('a file of unknown length is reserved in growing steps and rejected in the middle', async () => {
  const { open, used, calls } = setUp()
  const reservation = open({ maxBytes: 100 * mebibyte })
  await send(reservation, 64 * mebibyte)
  await reservation.settle()
  expect(calls.filter((call) => call === 'replace').length).toBeLessThan(9)
  expect(await used()).toMatchObject({ files: 1, bytes: 64 * mebibyte })

  const more = open({ maxBytes: 100 * mebibyte })
  expect(await codeOf(send(more, 36 * mebibyte + 1))).toBe('token_quota_exceeded')
  await more.settle()
  expect(await used()).toMatchObject({ files: 1, bytes: 64 * mebibyte })
  const last = open({ maxBytes: 100 * mebibyte })
  await send(last, 36 * mebibyte)
  await last.settle()
  expect(await used()).toMatchObject({ files: 2, bytes: 100 * mebibyte })
})

test('the expected bytes are reserved in one write, up to the quota', async () => {
  const { open, calls } = setUp()
  const form = open({ maxBytes: 20 * mebibyte, maxFiles: 10 }, 15 * mebibyte)
  for (let file = 0; file < 3; file++) await send(form, 5 * mebibyte)
  expect(calls.filter((call) => call !== 'find')).toHaveLength(3) // files: 1, 2; bytes: all of them
  expect(await codeOf(send(form, 6 * mebibyte))).toBe('token_quota_exceeded')
})

test('the file limit is exact, and revert() refunds a file', async () => {
  const { open, used } = setUp()
  const reservation = open({ maxFiles: 3 })
  for (let file = 0; file < 3; file++) await send(reservation, 1)
  expect(await codeOf(reservation.reserveFile())).toBe('token_quota_exceeded')
  reservation.revert(1)
  await reservation.settle()
  expect(await used()).toMatchObject({ files: 2, bytes: 2 })
})

test('100 concurrent reservations at two instances use exactly the quota', async () => {
  const { open, used, first, second } = setUp()
  const reservations = Array.from({ length: 100 }, (_, index) =>
    open({ maxFiles: 40, maxBytes: 35_000 }, undefined, index % 2 ? first : second),
  )
  const codes = await Promise.all(
    reservations.map(async (reservation) => {
      const code = await codeOf(reservation.reserveFile(1_000))
      if (code === 'none') reservation.commit(1_000)
      return code
    }),
  )
  await Promise.all(reservations.map((reservation) => reservation.settle()))
  expect(codes.filter((code) => code === 'none')).toHaveLength(35)
  expect(new Set(codes)).toEqual(new Set(['none', 'token_quota_exceeded']))
  expect(await used()).toMatchObject({ files: 35, bytes: 35_000 })
})

test('concurrent add() calls at one instance share a write', async () => {
  const { first, calls } = setUp()
  await Promise.all(
    Array.from({ length: 50 }, () => first.add(key, () => ({ files: 1, bytes: 1 }))),
  )
  expect(calls.filter((call) => call !== 'find')).toEqual(['create', 'replace'])
})

test('a reservation fails while the store is unavailable, and succeeds afterwards', async () => {
  const failing = createMemoryVersionedStore<Usage>()
  let isDown = true
  const usageCounter = createUsageCounter({
    ...failing,
    find: (id) => {
      if (isDown) throw new GatewayError('store_unavailable', 'Down')
      return failing.find(id)
    },
  })
  const quotas = createQuotas(usageCounter)
  const reservation = quotas.open({ ...key, limits: { maxFiles: 1 } })
  expect(await codeOf(reservation.reserveFile())).toBe('store_unavailable')
  isDown = false
  expect(await codeOf(quotas.open({ ...key, limits: { maxFiles: 1 } }).reserveFile())).toBe('none')
})

test('markUsed() writes once an hour across instances', async () => {
  const { first, second, calls, clock, used } = setUp()
  const start = clock.now
  for (let minute = 0; minute < 60; minute++) {
    await first.markUsed(key)
    await second.markUsed(key)
    clock.now += 60_000
  }
  expect(calls).toEqual(['findAll', 'find', 'create', 'findAll'])
  expect(await used()).toEqual({ files: 0, bytes: 0, lastUsedAt: start })
  await second.markUsed(key)
  expect((await used())?.lastUsedAt).toBe(start + hour)
})
