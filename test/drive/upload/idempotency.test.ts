import { describe, expect, test } from '@jest/globals'
import { createAttempts } from '../../../functions/drive/upload/idempotency.ts'
import type {
  Attempt,
  AttemptRecord,
  Attempts,
} from '../../../functions/drive/upload/idempotency.ts'
import { createMemoryRecords } from '../../../functions/store/versioned-store.ts'
import type { Records } from '../../../functions/store/versioned-store.ts'
import { until } from '../../kit/wait-for.ts'

const hold = 60_000
const day = 24 * 60 * 60_000
const account = { sub: 'p', token: () => Promise.resolve('t') }
const what = ['PUT', 'a.txt']

let clock = 0
let serial = 0
const ids = { take: () => Promise.resolve(`id ${++serial}`) }

function create(records: Records<AttemptRecord> = createMemoryRecords()): Attempts {
  return createAttempts({ records, ids, now: () => clock, holdMs: hold })
}

/** A try that is to be made. */
async function begin(attempts: Attempts, key = 'key', asked = what): Promise<Attempt> {
  const begun = await attempts.begin(account, key, asked)
  if ('outcome' in begun) throw new Error('There is an answer already')
  return begun
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  )

describe('a key', () => {
  test('is held by one of those who begin at once', async () => {
    const attempts = create()
    const begun = await Promise.all(
      [1, 2, 3, 4].map(() => codeOf(attempts.begin(account, 'key', what))),
    )
    expect(begun.filter((code) => code === 'none')).toHaveLength(1)
    expect(begun.filter((code) => code === 'idempotency_key_in_use')).toHaveLength(3)
  })

  test('leads to the same answer for a day, and then to a new try', async () => {
    const attempts = create()
    await (await begin(attempts)).finish({ id: 'x' })
    clock += day - 1
    expect(await attempts.begin(account, 'key', what)).toEqual({ outcome: { id: 'x' } })
    clock += 1
    const { isRepeated } = await begin(attempts)
    expect(isRepeated).toBe(false)
  })

  test('that was used for something else is refused, also while that is under way', async () => {
    const attempts = create()
    const attempt = await begin(attempts)
    expect(await codeOf(begin(attempts, 'key', ['PUT', 'b.txt']))).toBe('idempotency_key_reused')
    await attempt.finish({})
    expect(await codeOf(begin(attempts, 'key', ['PUT', 'b.txt']))).toBe('idempotency_key_reused')
  })

  test('of another person is another key', async () => {
    const attempts = create()
    await begin(attempts)
    const theirs = await attempts.begin({ ...account, sub: 'q' }, 'key', what)
    expect('outcome' in theirs).toBe(false)
  })
})

describe('a try', () => {
  test('that died is followed by one for the same id, once its hold is over', async () => {
    const attempts = create()
    const dead = await begin(attempts)
    clock += hold - 1
    expect(await codeOf(begin(attempts))).toBe('idempotency_key_in_use')
    clock += 1
    const next = await begin(attempts)
    expect([next.fileId, next.isRepeated]).toEqual([dead.fileId, true])
  })

  test('that keeps its hold is not followed', async () => {
    const attempts = create()
    const attempt = await begin(attempts)
    for (let round = 0; round < 5; round++) {
      clock += hold - 1
      expect(await attempt.isHeld()).toBe(true)
      expect(await codeOf(begin(attempts))).toBe('idempotency_key_in_use')
    }
  })

  test('that was thought dead learns of it, and changes nothing any more', async () => {
    const attempts = create()
    const slow = await begin(attempts)
    clock += hold
    const next = await begin(attempts)
    expect(await slow.isHeld()).toBe(false)
    expect(slow.lost.reason).toMatchObject({ code: 'idempotency_key_in_use' })
    await slow.giveUp(true)
    await slow.finish({ id: 'slow' })
    await next.finish({ id: 'next' })
    expect(await attempts.begin(account, 'key', what)).toEqual({ outcome: { id: 'next' } })
  })

  test('that failed and left nothing is as if it had never been', async () => {
    const attempts = create()
    const failed = await begin(attempts)
    await failed.giveUp(true)
    const next = await begin(attempts, 'key', ['PUT', 'another.txt'])
    expect([next.isRepeated, next.fileId === failed.fileId]).toEqual([false, false])
  })

  test('that failed and left something is followed at once by one for the same id', async () => {
    const attempts = create()
    const failed = await begin(attempts)
    await failed.giveUp(false)
    const next = await begin(attempts)
    expect([next.isRepeated, next.fileId]).toEqual([true, failed.fileId])
  })

  test.each(['create', 'replace'] as const)(
    'goes on when its %s was heard and the answer to it lost (case 86)',
    async (operation) => {
      const records = createMemoryRecords<AttemptRecord>()
      let losses = 1
      const deaf: Records<AttemptRecord> = {
        ...records,
        async [operation](...args: never[]) {
          const done = await (records[operation] as (...all: never[]) => Promise<never>)(...args)
          return losses-- > 0 ? undefined : done
        },
      }
      const attempts = create(deaf)
      const attempt = await begin(attempts)
      expect([attempt.isRepeated, await attempt.isHeld()]).toEqual([false, true])
      await attempt.finish({ id: 'x' })
      expect(await attempts.begin(account, 'key', what)).toEqual({ outcome: { id: 'x' } })
    },
  )

  test('renews its hold by itself for as long as it is under way', async () => {
    const records = createMemoryRecords<AttemptRecord>()
    let renewals = 0
    const counted: Records<AttemptRecord> = {
      ...records,
      replace(...args) {
        renewals++
        return records.replace(...args)
      },
    }
    const attempts = createAttempts({ records: counted, ids, now: () => clock, holdMs: 30 })
    const attempt = await begin(attempts)
    await until(() => renewals >= 3)
    await attempt.giveUp(true)
    expect(attempt.lost.aborted).toBe(false)
  })

  test('keeps neither the key nor what was asked for, only hashes (case 35)', async () => {
    const kept: string[] = []
    const records = createMemoryRecords<AttemptRecord>()
    const spied: Records<AttemptRecord> = {
      ...records,
      create(...args) {
        kept.push(JSON.stringify(args))
        return records.create(...args)
      },
    }
    await begin(create(spied), 'canary-key', ['PUT', 'canary-name', 'canary-digest'])
    expect(kept).toHaveLength(1)
    expect(kept.join()).not.toMatch(/canary|"p"/)
  })
})
