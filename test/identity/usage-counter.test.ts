/** Counting across instances: each test has two, over one store. */
import { expect, test } from '@jest/globals'
import { createAllowances } from '../../functions/identity/quota.ts'
import type { Allowance } from '../../functions/identity/quota.ts'
import type { Limits } from '../../functions/identity/principal.ts'
import { createUsages } from '../../functions/identity/usage-counter.ts'
import type { Usage, Usages } from '../../functions/identity/usage-counter.ts'
import { createMemoryRecords } from '../../functions/store/versioned-store.ts'
import type { Records } from '../../functions/store/versioned-store.ts'
import { GatewayError } from '../../functions/errors.ts'

const hour = 60 * 60_000
const mebibyte = 1024 * 1024
const who = { id: 'token', expiresAt: 90 * 24 * hour }

interface World {
  one: Usages
  other: Usages
  calls: string[]
  clock: { now: number }
  open(limits?: Limits, about?: number, usages?: Usages): Allowance
  used(): Promise<Usage | undefined>
}

function setUp(): World {
  const records = createMemoryRecords<Usage>()
  const calls: string[] = []
  const counted = new Proxy(records, {
    get: (target, key: keyof Records<Usage>) => (calls.push(key), target[key]),
  })
  const clock = { now: 1_000 * hour }
  const create = (): Usages =>
    createUsages(
      counted,
      () => clock.now,
      () => Promise.resolve(),
    )
  const one = create()
  return {
    one,
    other: create(),
    calls,
    clock,
    open: (limits, about, usages = one) =>
      createAllowances(usages).open({ ...who, ...(limits ? { limits } : {}) }, about),
    used: async () => (await records.find(who.id))?.value,
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

/** Sends a file of so many bytes in pieces of 1 MiB, as far as it may. */
async function send(allowance: Allowance, bytes: number, declared?: number): Promise<number> {
  let sent = 0
  const source = (async function* () {
    for (let left = bytes; left > 0; left -= mebibyte) yield Buffer.alloc(Math.min(left, mebibyte))
  })()
  await allowance.file(declared)
  for await (const piece of allowance.metered(source, ({ length }) => length)) sent += piece.length
  allowance.keep(sent)
  return sent
}

test('a credential without limits costs nothing', async () => {
  const { open, calls } = setUp()
  const allowance = open()
  expect(await send(allowance, 5 * mebibyte)).toBe(5 * mebibyte)
  await allowance.close()
  expect(calls).toEqual([])
})

test('a file of known length is reserved as a whole, in one look and one write', async () => {
  const { open, used, calls } = setUp()
  const allowance = open({ maxBytes: 10 * mebibyte, maxFiles: 2 })
  await send(allowance, 10 * mebibyte, 10 * mebibyte)
  await allowance.close()
  expect(calls).toEqual(['find', 'create'])
  expect(await used()).toMatchObject({ files: 1, bytes: 10 * mebibyte })
})

test('one that is too long by a byte is refused before anything is sent, and leaves nothing', async () => {
  const { open, used } = setUp()
  const allowance = open({ maxBytes: 1_000 })
  expect(await codeOf(allowance.file(1_001))).toBe('token_quota_exceeded')
  await allowance.close()
  expect(await used()).toMatchObject({ files: 0, bytes: 0 })
  const exact = open({ maxBytes: 1_000 })
  expect(await codeOf(exact.file(1_000))).toBe('none')
})

test('one of unknown length is reserved in steps that grow, and refused in the middle', async () => {
  const { open, used, calls } = setUp()
  const allowance = open({ maxBytes: 100 * mebibyte })
  await send(allowance, 64 * mebibyte)
  await allowance.close()
  expect(calls.filter((call) => call === 'replace').length).toBeLessThan(9)
  expect(await used()).toMatchObject({ files: 1, bytes: 64 * mebibyte })

  const more = open({ maxBytes: 100 * mebibyte })
  expect(await codeOf(send(more, 36 * mebibyte + 1))).toBe('token_quota_exceeded')
  await more.close()
  expect(await used()).toMatchObject({ files: 1, bytes: 64 * mebibyte })
  const last = open({ maxBytes: 100 * mebibyte })
  await send(last, 36 * mebibyte)
  await last.close()
  expect(await used()).toMatchObject({ files: 2, bytes: 100 * mebibyte })
})

test('what is likely to come is reserved at once, as far as there is room', async () => {
  const { open, calls } = setUp()
  const form = open({ maxBytes: 20 * mebibyte, maxFiles: 10 }, 15 * mebibyte)
  for (let file = 0; file < 3; file++) await send(form, 5 * mebibyte)
  expect(calls.filter((call) => call !== 'find')).toHaveLength(3) // files: 1, 2; bytes: all of them
  expect(await codeOf(send(form, 6 * mebibyte))).toBe('token_quota_exceeded')
})

test('files are counted to the last one', async () => {
  const { open, used } = setUp()
  const allowance = open({ maxFiles: 3 })
  for (let file = 0; file < 3; file++) await send(allowance, 1)
  expect(await codeOf(allowance.file())).toBe('token_quota_exceeded')
  allowance.drop(1)
  await allowance.close()
  expect(await used()).toMatchObject({ files: 2, bytes: 2 })
})

test('hundred at once at two instances: as many are let in as there is room for', async () => {
  const { open, used, one, other } = setUp()
  const allowances = Array.from({ length: 100 }, (_, index) =>
    open({ maxFiles: 40, maxBytes: 35_000 }, undefined, index % 2 ? one : other),
  )
  const codes = await Promise.all(
    allowances.map(async (allowance) => {
      const code = await codeOf(allowance.file(1_000))
      if (code === 'none') allowance.keep(1_000)
      return code
    }),
  )
  await Promise.all(allowances.map((allowance) => allowance.close()))
  expect(codes.filter((code) => code === 'none')).toHaveLength(35)
  expect(new Set(codes)).toEqual(new Set(['none', 'token_quota_exceeded']))
  expect(await used()).toMatchObject({ files: 35, bytes: 35_000 })
})

test('those that count at the same time at one instance share a write', async () => {
  const { one, calls } = setUp()
  await Promise.all(Array.from({ length: 50 }, () => one.add(who, () => ({ files: 1, bytes: 1 }))))
  expect(calls.filter((call) => call !== 'find')).toEqual(['create', 'replace'])
})

test('a store that fails lets nobody in, and recovers', async () => {
  const failing = createMemoryRecords<Usage>()
  let isDown = true
  const usages = createUsages({
    ...failing,
    find: (id) => {
      if (isDown) throw new GatewayError('store_unavailable', 'Down')
      return failing.find(id)
    },
  })
  const allowances = createAllowances(usages)
  const allowance = allowances.open({ ...who, limits: { maxFiles: 1 } })
  expect(await codeOf(allowance.file())).toBe('store_unavailable')
  isDown = false
  expect(await codeOf(allowances.open({ ...who, limits: { maxFiles: 1 } }).file())).toBe('none')
})

test('use is noted once an hour, whichever instances it comes to', async () => {
  const { one, other, calls, clock, used } = setUp()
  const start = clock.now
  for (let minute = 0; minute < 60; minute++) {
    await one.touch(who)
    await other.touch(who)
    clock.now += 60_000
  }
  expect(calls).toEqual(['findAll', 'find', 'create', 'findAll'])
  expect(await used()).toEqual({ files: 0, bytes: 0, lastUsedAt: start })
  await other.touch(who)
  expect((await used())?.lastUsedAt).toBe(start + hour)
})
