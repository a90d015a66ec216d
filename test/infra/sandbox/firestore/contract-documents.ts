/** The contract of documents, preconditions and batches. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { FieldPath, FieldValue, Timestamp } from '@google-cloud/firestore'
import type { ContractContext } from './contract-fixture.ts'
import { code, newProject, newRoot, put, send } from './contract-fixture.ts'

export function testDocuments(context: ContractContext): void {
  let db: Firestore
  beforeAll(() => {
    db = context.client()
  })

  describe('documents', () => {
    test('a document returns every stored value unchanged', async () => {
      const ref = db.doc('values/all')
      const value = {
        null: null,
        true: true,
        integer: 42,
        double: 0.1,
        whole: 3.5e300,
        nan: Number.NaN,
        infinity: -Infinity,
        text: 'grüße \u{1F680} \u0000 "',
        empty: '',
        time: new Timestamp(1_700_000_000, 123_456_000),
        before: new Timestamp(-62_135_596_800, 1000),
        list: [1, 'a', { b: [2] }, null],
        map: { inner: { deep: true }, 'a.b': 1, 'with `tick`': 2, leer: {} },
        none: [],
      }
      await ref.set(value)
      const read = (await ref.get()).data() ?? {}
      expect((read['time'] as Timestamp).isEqual(value.time)).toBe(true)
      expect((read['before'] as Timestamp).isEqual(value.before)).toBe(true)
      const { time: _t, before: _b, ...plain } = value
      expect(read).toMatchObject(plain)
      expect(Object.keys(read).toSorted()).toEqual(Object.keys(value).toSorted())
    })

    test('a 64-bit integer keeps every digit', async () => {
      const root = newRoot()
      const fields = {
        max: { integerValue: '9223372036854775807' },
        min: { integerValue: '-9223372036854775808' },
        odd: { integerValue: '9007199254740993' },
      }
      await put(context.host(), root, 'n/1', fields)
      const documents = [`${root}/n/1`]
      const read = await send(context.host(), 'POST', `${root}:batchGet`, { documents })
      expect(read.body).toMatchObject([{ found: { fields } }])
    })

    test('a timestamp is truncated to microseconds', async () => {
      const ref = db.doc('values/time')
      await ref.set({ at: new Timestamp(1_700_000_000, 123_456_789) })
      const at = (await ref.get()).get('at') as Timestamp
      expect(at.nanoseconds).toBe(123_456_000)
    })

    test('get() of an absent document returns a snapshot that does not exist', async () => {
      const snapshot = await db.doc('nothing/here').get()
      expect(snapshot.exists).toBe(false)
      expect(snapshot.readTime.seconds).toBeGreaterThan(0)
    })

    test('getAll() returns several documents in the requested order, absent ones included', async () => {
      await db.doc('many/a').set({ n: 1 })
      await db.doc('many/b').set({ n: 2 })
      const refs = ['b', 'none', 'a'].map((id) => db.doc(`many/${id}`))
      const snapshots = await db.getAll(...refs)
      expect(snapshots.map((snapshot) => snapshot.get('n') as unknown)).toEqual([2, undefined, 1])
    })

    test('create() fails with ALREADY_EXISTS the second time and changes nothing', async () => {
      const ref = db.doc('once/a')
      await ref.create({ by: 'first' })
      await expect(ref.create({ by: 'second' })).rejects.toMatchObject({
        code: code.alreadyExists,
      })
      expect((await ref.get()).data()).toEqual({ by: 'first' })
    })

    test('exactly one of ten concurrent create() calls succeeds', async () => {
      const calls = Array.from({ length: 10 }, () => db.doc('claims/state').create({ used: true }))
      const results = await Promise.allSettled(calls)
      const failed = results.filter(({ status }) => status === 'rejected')
      expect(failed).toHaveLength(9)
      for (const result of failed) {
        expect(result).toMatchObject({ reason: { code: code.alreadyExists } })
      }
    })

    test('set() replaces, set() with merge keeps, update() changes and deletes fields of maps', async () => {
      const ref = db.doc('edit/a')
      await ref.set({ a: 1, map: { x: 1, y: 2 } })
      await ref.set({ b: 2, map: { z: 3 } }, { merge: true })
      expect((await ref.get()).data()).toEqual({ a: 1, b: 2, map: { x: 1, y: 2, z: 3 } })
      await ref.update({ 'map.x': FieldValue.delete(), 'map.y': 9, b: FieldValue.delete() })
      expect((await ref.get()).data()).toEqual({ a: 1, map: { y: 9, z: 3 } })
      await ref.set({ c: 3 })
      expect((await ref.get()).data()).toEqual({ c: 3 })
    })

    test('a field path with dots and backticks names one field', async () => {
      const ref = db.doc('edit/paths')
      await ref.set({ 'a.b': '1', a: { b: 2 } })
      await ref.update(new FieldPath('a.b'), '10', new FieldPath('x`y\\z', 'ü'), 11)
      expect((await ref.get()).data()).toEqual({ 'a.b': '10', a: { b: 2 }, 'x`y\\z': { ü: 11 } })
      const found = await db.collection('edit').where(new FieldPath('a.b'), '==', '10').get()
      expect(found.size).toBe(1)
    })

    test('update() of an absent document is NOT_FOUND', async () => {
      await expect(db.doc('edit/none').update({ a: 1 })).rejects.toMatchObject({
        code: code.notFound,
      })
    })

    test('an update time precondition matches one version only', async () => {
      const ref = db.doc('versions/a')
      const first = await ref.set({ n: 1 })
      const second = await ref.update({ n: 2 }, { lastUpdateTime: first.writeTime })
      await expect(ref.update({ n: 3 }, { lastUpdateTime: first.writeTime })).rejects.toMatchObject(
        { code: code.failedPrecondition },
      )
      await expect(ref.delete({ lastUpdateTime: first.writeTime })).rejects.toMatchObject({
        code: code.failedPrecondition,
      })
      expect((await ref.get()).updateTime?.isEqual(second.writeTime)).toBe(true)
      await ref.delete({ lastUpdateTime: second.writeTime })
      expect((await ref.get()).exists).toBe(false)
    })

    test('delete() of an absent document succeeds, unless a precondition requires it', async () => {
      await db.doc('versions/none').delete()
      await expect(db.doc('versions/none').delete({ exists: true })).rejects.toMatchObject({
        code: code.notFound,
      })
    })

    test('a write without an effect keeps the update time', async () => {
      const ref = db.doc('versions/same')
      await ref.set({ n: 1 })
      const { createTime, updateTime } = await ref.get()
      await ref.set({ n: 1 })
      const again = await ref.get()
      expect(again.updateTime?.isEqual(updateTime ?? Timestamp.now())).toBe(true)
      await ref.set({ n: 2 })
      const changed = await ref.get()
      expect(changed.updateTime?.isEqual(updateTime ?? Timestamp.now())).toBe(false)
      expect(changed.createTime?.isEqual(createTime ?? Timestamp.now())).toBe(true)
    })

    test('a document past its TTL remains readable', async () => {
      const ref = db.doc('ttl/old')
      await ref.set({ expireAt: Timestamp.fromMillis(1) })
      expect((await ref.get()).exists).toBe(true)
    })

    test('an invalid id, field name or value is INVALID_ARGUMENT', async () => {
      const root = newRoot()
      const write = (path: string, fields?: unknown) => put(context.host(), root, path, fields)
      const rejected = await Promise.all([
        write('c/.'),
        write('c/..'),
        write('c/__x__'),
        write('__c__/x'),
        write('c'),
        write('c/d/e'),
        write(`c/${'x'.repeat(1501)}`),
        write('c/d', { '': { integerValue: 1 } }),
        write('c/d', { __x__: { integerValue: 1 } }),
        write('c/d', { a: {} }),
        write('c/d', { a: { arrayValue: { values: [{ arrayValue: {} }] } } }),
        write('c/d', { a: { integerValue: '9223372036854775808' } }),
        write('c/d', { a: { timestampValue: 'yesterday' } }),
        write('c/d', { a: { unknownValue: 1 } }),
      ])
      expect(rejected).toEqual(
        rejected.map(() => ({
          status: 400,
          body: { error: expect.objectContaining({ code: 400, status: 'INVALID_ARGUMENT' }) },
        })),
      )
      const accepted = await Promise.all([
        write(`c/${'x'.repeat(1500)}`),
        write('c/__'),
        write('c/ü z'),
      ])
      expect(accepted.map(({ status }) => status)).toEqual([200, 200, 200])
    })

    test('a document over 1 MiB is INVALID_ARGUMENT', async () => {
      const ref = db.doc('size/a')
      await ref.set({ text: 'x'.repeat(1_000_000) })
      await expect(ref.set({ text: 'x'.repeat(1_048_576) })).rejects.toMatchObject({
        code: code.invalidArgument,
      })
      const half = 'x'.repeat(600_000)
      await expect(ref.set({ a: half, b: half })).rejects.toMatchObject({
        code: code.invalidArgument,
      })
      expect((await ref.get()).get('text')).toHaveLength(1_000_000)
    })

    test('two clients of one project share documents, two projects do not', async () => {
      const projectId = newProject()
      const [client, same, other] = [
        context.client(projectId),
        context.client(projectId),
        context.client(newProject()),
      ]
      await client.doc('shared/a').set({ n: 1 })
      expect((await same.doc('shared/a').get()).get('n')).toBe(1)
      expect((await other.doc('shared/a').get()).exists).toBe(false)
    })
  })

  describe('batches', () => {
    test('a failed precondition cancels every write of a batch', async () => {
      const batch = db.batch()
      batch.set(db.doc('batch/a'), { n: 1 })
      batch.update(db.doc('batch/none'), { n: 1 })
      await expect(batch.commit()).rejects.toMatchObject({ code: code.notFound })
      expect((await db.doc('batch/a').get()).exists).toBe(false)
    })

    test('all writes of a batch have one update time', async () => {
      const batch = db.batch()
      batch.create(db.doc('batch/first'), { n: 1 })
      batch.set(db.doc('batch/second'), { n: 1 })
      const [first, second] = await batch.commit()
      expect(second?.writeTime.isEqual(first?.writeTime ?? Timestamp.now())).toBe(true)
    })

    test('a batch deletes documents, absent ones included', async () => {
      await db.doc('batch/kept').set({})
      await db.doc('batch/deleted').set({})
      const batch = db.batch()
      for (const id of ['deleted', 'absent']) batch.delete(db.doc(`batch/${id}`))
      await batch.commit()
      expect((await db.doc('batch/deleted').get()).exists).toBe(false)
      expect((await db.doc('batch/kept').get()).exists).toBe(true)
    })
  })
}
