/** The contract, part two: transforms, batches and transactions. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { FieldValue, Timestamp } from '@google-cloud/firestore'
import type { Given } from './contract-fixture.ts'
import { ask, code, newRoot } from './contract-fixture.ts'

export function testWrites(given: Given): void {
  const { contenders } = given
  let db: Firestore
  beforeAll(() => {
    db = given.client()
  })

  describe('transforms', () => {
    test('the server sets times, adds, and keeps extremes', async () => {
      const ref = db.doc('transforms/a')
      const write = await ref.set({
        at: FieldValue.serverTimestamp(),
        n: FieldValue.increment(5),
        d: FieldValue.increment(0.5),
        most: FieldValue.maximum(3),
        least: FieldValue.minimum(3),
      })
      await ref.update({
        n: FieldValue.increment(-2),
        d: FieldValue.increment(1),
        most: FieldValue.maximum(7),
        least: FieldValue.minimum(7),
        'map.deep': FieldValue.increment(1),
      })
      const read = (await ref.get()).data() ?? {}
      expect(read).toMatchObject({ n: 3, d: 1.5, most: 7, least: 3, map: { deep: 1 } })
      expect((read['at'] as Timestamp).toMillis()).toBeLessThanOrEqual(write.writeTime.toMillis())
    })

    test('arrays gain what they lack and lose what they have', async () => {
      const ref = db.doc('transforms/list')
      await ref.set({ list: FieldValue.arrayUnion('a', 'b', 'a'), gone: [1, 2, 1, 3] })
      await ref.update({ list: FieldValue.arrayUnion('b', 'c'), gone: FieldValue.arrayRemove(1) })
      expect((await ref.get()).data()).toEqual({ list: ['a', 'b', 'c'], gone: [2, 3] })
    })

    test('integers stop at the ends of int64, and what is no number is replaced', async () => {
      const root = newRoot()
      const fields = { n: { integerValue: '9223372036854775800' }, text: { stringValue: 'x' } }
      const answer = await ask(given.host(), 'POST', `${root}:commit`, {
        writes: [
          { update: { name: `${root}/n/1`, fields } },
          {
            update: { name: `${root}/n/1` },
            updateMask: {},
            updateTransforms: [plusHundred('n'), plusHundred('text')],
          },
        ],
      })
      expect(answer.body).toMatchObject({
        writeResults: [
          {},
          {
            transformResults: [{ integerValue: '9223372036854775807' }, { integerValue: '100' }],
          },
        ],
      })
    })
  })
  describe('batches', () => {
    test('one failing precondition undoes all of a batch', async () => {
      const batch = db.batch()
      batch.set(db.doc('batch/a'), { n: 1 })
      batch.update(db.doc('batch/none'), { n: 1 })
      await expect(batch.commit()).rejects.toMatchObject({ code: code.notFound })
      expect((await db.doc('batch/a').get()).exists).toBe(false)
    })

    test('writes of a batch see the ones before them, at one time', async () => {
      const [a, b] = [db.doc('batch/order'), db.doc('batch/other')]
      const batch = db.batch()
      batch.create(a, { n: 1 })
      batch.update(a, { n: FieldValue.increment(1) })
      batch.set(b, { n: 1 })
      const [first, second, third] = await batch.commit()
      expect((await a.get()).get('n')).toBe(2)
      expect(second?.writeTime.isEqual(first?.writeTime ?? Timestamp.now())).toBe(true)
      expect(third?.writeTime.isEqual(first?.writeTime ?? Timestamp.now())).toBe(true)
    })

    test('bulk writes succeed and fail one by one', async () => {
      await db.doc('bulk/taken').set({})
      const writer = db.bulkWriter()
      writer.onWriteError(() => false)
      const outcomes = await Promise.allSettled([
        writer.create(db.doc('bulk/new'), { n: 1 }),
        writer.create(db.doc('bulk/taken'), { n: 1 }),
        writer.update(db.doc('bulk/none'), { n: 1 }),
        writer.delete(db.doc('bulk/nothing')),
        writer.close(),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'fulfilled',
        'fulfilled',
      ])
      expect(outcomes[1]).toMatchObject({ reason: { code: code.alreadyExists } })
      expect(outcomes[2]).toMatchObject({ reason: { code: code.notFound } })
      expect((await db.doc('bulk/new').get()).exists).toBe(true)
    })
  })
  describe('transactions', () => {
    test('of ten that claim one id by create, exactly one wins', async () => {
      const racers = Array.from({ length: 10 }, () => db.doc('claims/state').create({ used: true }))
      const outcomes = await Promise.allSettled(racers)
      const lost = outcomes.filter(({ status }) => status === 'rejected')
      expect(lost).toHaveLength(9)
      for (const one of lost) expect(one).toMatchObject({ reason: { code: code.alreadyExists } })
    })

    test('of ten that read and then claim in a transaction, exactly one wins', async () => {
      const ref = db.doc('claims/read')
      await ref.set({ by: null })
      const claim = (by: number) =>
        db.runTransaction(
          async (transaction) => {
            if ((await transaction.get(ref)).get('by') !== null) return false
            transaction.update(ref, { by })
            return true
          },
          { maxAttempts: 20 },
        )
      const racers = Math.min(10, contenders)
      const won = await Promise.all(Array.from({ length: racers }, (_, at) => claim(at)))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect((await ref.get()).get('by')).toBe(won.indexOf(true))
    }, 60_000)

    test(`${contenders} contended increments add up`, async () => {
      const ref = db.doc('counters/a')
      await ref.set({ n: 0 })
      const increment = () =>
        db.runTransaction(
          async (transaction) => {
            const n = (await transaction.get(ref)).get('n') as number
            transaction.update(ref, { n: n + 1 })
          },
          { maxAttempts: 30 },
        )
      await Promise.all(Array.from({ length: contenders }, increment))
      expect((await ref.get()).get('n')).toBe(contenders)
    }, 60_000)

    test('a transaction that fails writes nothing and frees what it read', async () => {
      const ref = db.doc('transactions/a')
      await ref.set({ n: 1 })
      const failed = db.runTransaction(async (transaction) => {
        await transaction.get(ref)
        transaction.update(ref, { n: 2 })
        throw new Error('changed my mind')
      })
      await expect(failed).rejects.toThrow('changed my mind')
      await ref.update({ other: true })
      expect((await ref.get()).data()).toEqual({ n: 1, other: true })
    })

    test('a create in a transaction fails once the document is there', async () => {
      const ref = db.doc('transactions/created')
      await ref.set({ n: 1 })
      const failed = db.runTransaction(async (transaction) => {
        transaction.create(ref, { n: 2 })
        await Promise.resolve()
      })
      await expect(failed).rejects.toMatchObject({ code: code.alreadyExists })
    })

    test('queries, several documents and missing ones are read in a transaction', async () => {
      await db.doc('many/a').set({ n: 1 })
      await db.doc('many/b').set({ n: 2 })
      const sum = await db.runTransaction(async (transaction) => {
        const [a, none] = await transaction.getAll(db.doc('many/a'), db.doc('many/none'))
        const found = await transaction.get(db.collection('many').where('n', '>', 1))
        const total = Number(a?.get('n')) + Number(found.docs[0]?.get('n'))
        transaction.set(db.doc('many/total'), { total, none: none?.exists })
        return total
      })
      expect(sum).toBe(3)
      expect((await db.doc('many/total').get()).data()).toEqual({ total: 3, none: false })
    })

    test('a read-only transaction sees one moment', async () => {
      const [a, b] = [db.doc('moment/a'), db.doc('moment/b')]
      await a.set({ n: 1 })
      await b.set({ n: 1 })
      const seen = await db.runTransaction(
        async (transaction) => {
          const first = (await transaction.get(a)).get('n') as number
          await b.set({ n: 2 })
          const second = (await transaction.get(b)).get('n') as number
          const found = (await transaction.get(db.collection('moment').where('n', '==', 2))).size
          return [first, second, found]
        },
        { readOnly: true },
      )
      expect(seen).toEqual([1, 1, 0])
      expect((await b.get()).get('n')).toBe(2)
    })

    test('an ended transaction is INVALID_ARGUMENT', async () => {
      const root = newRoot()
      const { body } = await ask(given.host(), 'POST', `${root}:beginTransaction`, {})
      const { transaction } = body as { transaction: string }
      const rolledBack = await ask(given.host(), 'POST', `${root}:rollback`, { transaction })
      expect(rolledBack).toEqual({ status: 200, body: {} })
      const late = await ask(given.host(), 'POST', `${root}:commit`, { transaction, writes: [] })
      const never = await ask(given.host(), 'POST', `${root}:rollback`, { transaction: 'AAAA' })
      const error = expect.objectContaining({ status: 'INVALID_ARGUMENT' })
      expect(late).toEqual({ status: 400, body: { error } })
      expect(never).toEqual({ status: 400, body: { error } })
    })
  })
}

function plusHundred(fieldPath: string) {
  return { fieldPath, increment: { integerValue: 100 } }
}
