import { describe, expect, test } from '@jest/globals'
import { createIdempotencyStore } from '../../../functions/drive/upload/idempotency.ts'
import type {
  Lease,
  IdempotencyRecord,
  IdempotencyStore,
} from '../../../functions/drive/upload/idempotency.ts'
import { createMemoryVersionedStore } from '../../../functions/store/versioned-store.ts'
import type { VersionedStore } from '../../../functions/store/versioned-store.ts'
import { waitFor } from '../../kit/wait-for.ts'

const leaseMs = 60_000
const dayMs = 24 * 60 * 60_000
const account = { sub: 'p', token: () => Promise.resolve('t') }
const fingerprint = ['PUT', 'a.txt']

let clock = 0
let serial = 0
const fileIds = { take: () => Promise.resolve(`id ${++serial}`) }

function create(
  records: VersionedStore<IdempotencyRecord> = createMemoryVersionedStore(),
): IdempotencyStore {
  return createIdempotencyStore({ records, fileIds, now: () => clock, leaseMs })
}

/** Begins a new attempt. */
async function begin(
  store: IdempotencyStore,
  key = 'key',
  properties = fingerprint,
): Promise<Lease> {
  const lease = await store.begin(account, key, properties)
  if ('result' in lease) throw new Error('A result is stored already')
  return lease
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  )

describe('begin()', () => {
  test('grants the lease to one of four concurrent attempts', async () => {
    const store = create()
    const codes = await Promise.all(
      [1, 2, 3, 4].map(() => codeOf(store.begin(account, 'key', fingerprint))),
    )
    expect(codes.filter((code) => code === 'none')).toHaveLength(1)
    expect(codes.filter((code) => code === 'idempotency_key_in_use')).toHaveLength(3)
  })

  test('returns the stored result for a day, and then a new lease', async () => {
    const store = create()
    await (await begin(store)).complete({ id: 'x' })
    clock += dayMs - 1
    expect(await store.begin(account, 'key', fingerprint)).toEqual({ result: { id: 'x' } })
    clock += 1
    const { isRetry } = await begin(store)
    expect(isRetry).toBe(false)
  })

  test('throws idempotency_key_reused for another fingerprint, during the first attempt and after it', async () => {
    const store = create()
    const lease = await begin(store)
    expect(await codeOf(begin(store, 'key', ['PUT', 'b.txt']))).toBe('idempotency_key_reused')
    await lease.complete({})
    expect(await codeOf(begin(store, 'key', ['PUT', 'b.txt']))).toBe('idempotency_key_reused')
  })

  test('keeps the keys of two accounts apart', async () => {
    const store = create()
    await begin(store)
    const other = await store.begin({ ...account, sub: 'q' }, 'key', fingerprint)
    expect('result' in other).toBe(false)
  })
})

describe('a lease', () => {
  test('is taken over with the same file id when it has expired', async () => {
    const store = create()
    const crashed = await begin(store)
    clock += leaseMs - 1
    expect(await codeOf(begin(store))).toBe('idempotency_key_in_use')
    clock += 1
    const next = await begin(store)
    expect([next.fileId, next.isRetry]).toEqual([crashed.fileId, true])
  })

  test('is not taken over while it is renewed', async () => {
    const store = create()
    const lease = await begin(store)
    for (let round = 0; round < 5; round++) {
      clock += leaseMs - 1
      expect(await lease.renew()).toBe(true)
      expect(await codeOf(begin(store))).toBe('idempotency_key_in_use')
    }
  })

  test('that was taken over aborts leaseLost, and writes nothing any more', async () => {
    const store = create()
    const slow = await begin(store)
    clock += leaseMs
    const next = await begin(store)
    expect(await slow.renew()).toBe(false)
    expect(slow.leaseLost.reason).toMatchObject({ code: 'idempotency_key_in_use' })
    await slow.abandon(true)
    await slow.complete({ id: 'slow' })
    await next.complete({ id: 'next' })
    expect(await store.begin(account, 'key', fingerprint)).toEqual({ result: { id: 'next' } })
  })

  test('leaves no record when it is abandoned after a cleanup', async () => {
    const store = create()
    const failed = await begin(store)
    await failed.abandon(true)
    const next = await begin(store, 'key', ['PUT', 'another.txt'])
    expect([next.isRetry, next.fileId === failed.fileId]).toEqual([false, false])
  })

  test('is taken over immediately with the same file id when it is abandoned without a cleanup', async () => {
    const store = create()
    const failed = await begin(store)
    await failed.abandon(false)
    const next = await begin(store)
    expect([next.isRetry, next.fileId]).toEqual([true, failed.fileId])
  })

  test.each(['create', 'replace'] as const)(
    'stays valid when the store’s response to a successful %s is lost',
    async (operation) => {
      const records = createMemoryVersionedStore<IdempotencyRecord>()
      let losses = 1
      const lossy: VersionedStore<IdempotencyRecord> = {
        ...records,
        async [operation](...args: never[]) {
          const written = await (records[operation] as (...all: never[]) => Promise<never>)(...args)
          return losses-- > 0 ? undefined : written
        },
      }
      const store = create(lossy)
      const lease = await begin(store)
      expect([lease.isRetry, await lease.renew()]).toEqual([false, true])
      await lease.complete({ id: 'x' })
      expect(await store.begin(account, 'key', fingerprint)).toEqual({ result: { id: 'x' } })
    },
  )

  test('renews itself until it ends', async () => {
    const records = createMemoryVersionedStore<IdempotencyRecord>()
    let renewals = 0
    const counted: VersionedStore<IdempotencyRecord> = {
      ...records,
      replace(...args) {
        renewals++
        return records.replace(...args)
      },
    }
    const store = createIdempotencyStore({
      records: counted,
      fileIds,
      now: () => clock,
      leaseMs: 30,
    })
    const lease = await begin(store)
    await waitFor(() => renewals >= 3)
    await lease.abandon(true)
    expect(lease.leaseLost.aborted).toBe(false)
  })

  test('stores hashes of the key and the fingerprint only', async () => {
    const stored: string[] = []
    const records = createMemoryVersionedStore<IdempotencyRecord>()
    const spied: VersionedStore<IdempotencyRecord> = {
      ...records,
      create(...args) {
        stored.push(JSON.stringify(args))
        return records.create(...args)
      },
    }
    await begin(create(spied), 'canary-key', ['PUT', 'canary-name', 'canary-digest'])
    expect(stored).toHaveLength(1)
    expect(stored.join()).not.toMatch(/canary|"p"/)
  })
})
