/** The contract, part one: documents, what they hold and when they may be written. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { FieldPath, FieldValue, GeoPoint, Timestamp } from '@google-cloud/firestore'
import type { Given } from './contract-fixture.ts'
import { ask, code, ids, newProject, newRoot } from './contract-fixture.ts'

export function testDocuments(given: Given): void {
  let db: Firestore
  beforeAll(() => {
    db = given.client()
  })

  describe('documents', () => {
    test('every type of value comes back as it was', async () => {
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
        bytes: Buffer.from([0, 255, 128]),
        time: new Timestamp(1_700_000_000, 123_456_000),
        before: new Timestamp(-62_135_596_800, 1000),
        reference: db.doc('values/other'),
        place: new GeoPoint(-12.5, 179.25),
        list: [1, 'a', { b: [2] }, null],
        map: { inner: { deep: true }, 'a.b': 1, 'with `tick`': 2, leer: {} },
        none: [],
      }
      await ref.set(value)
      const read = (await ref.get()).data() ?? {}
      expect((read['reference'] as typeof ref).path).toBe('values/other')
      expect((read['time'] as Timestamp).isEqual(value.time)).toBe(true)
      expect((read['before'] as Timestamp).isEqual(value.before)).toBe(true)
      expect((read['place'] as GeoPoint).isEqual(value.place)).toBe(true)
      const { reference: _r, time: _t, before: _b, place: _p, ...plain } = value
      expect(read).toMatchObject(plain)
      expect(Object.keys(read).toSorted()).toEqual(Object.keys(value).toSorted())
    })

    test('integers of 64 bits lose no digit', async () => {
      const root = newRoot()
      const fields = {
        most: { integerValue: '9223372036854775807' },
        least: { integerValue: '-9223372036854775808' },
        odd: { integerValue: '9007199254740993' },
      }
      await ask(given.host(), 'POST', `${root}:commit`, {
        writes: [{ update: { name: `${root}/n/1`, fields } }],
      })
      const read = await ask(given.host(), 'GET', `${root}/n/1`)
      expect(read.body).toMatchObject({ fields })
    })

    test('timestamps keep microseconds and no more', async () => {
      const ref = db.doc('values/time')
      await ref.set({ at: new Timestamp(1_700_000_000, 123_456_789) })
      const at = (await ref.get()).get('at') as Timestamp
      expect(at.nanoseconds).toBe(123_456_000)
    })

    test('a document that is not there is missing, not an error', async () => {
      const snapshot = await db.doc('nothing/here').get()
      expect(snapshot.exists).toBe(false)
      expect(snapshot.readTime.seconds).toBeGreaterThan(0)
    })

    test('create fails with ALREADY_EXISTS the second time and changes nothing', async () => {
      const ref = db.doc('once/a')
      await ref.create({ by: 'first' })
      await expect(ref.create({ by: 'second' })).rejects.toMatchObject({
        code: code.alreadyExists,
      })
      expect((await ref.get()).data()).toEqual({ by: 'first' })
    })

    test('set replaces, set with merge keeps, update reaches into maps and deletes', async () => {
      const ref = db.doc('edit/a')
      await ref.set({ a: 1, map: { x: 1, y: 2 } })
      await ref.set({ b: 2, map: { z: 3 } }, { merge: true })
      expect((await ref.get()).data()).toEqual({ a: 1, b: 2, map: { x: 1, y: 2, z: 3 } })
      await ref.update({ 'map.x': FieldValue.delete(), 'map.y': 9, b: FieldValue.delete() })
      expect((await ref.get()).data()).toEqual({ a: 1, map: { y: 9, z: 3 } })
      await ref.set({ c: 3 })
      expect((await ref.get()).data()).toEqual({ c: 3 })
    })

    test('field paths with dots and backticks mean one field', async () => {
      const ref = db.doc('edit/paths')
      await ref.set({ 'a.b': 1, a: { b: 2 } })
      await ref.update(new FieldPath('a.b'), 10, new FieldPath('x`y\\z', 'ü'), 11)
      expect((await ref.get()).data()).toEqual({ 'a.b': 10, a: { b: 2 }, 'x`y\\z': { ü: 11 } })
      const found = await db.collection('edit').where(new FieldPath('a.b'), '==', 10).get()
      expect(found.size).toBe(1)
    })

    test('update of a document that is not there is NOT_FOUND', async () => {
      await expect(db.doc('edit/none').update({ a: 1 })).rejects.toMatchObject({
        code: code.notFound,
      })
    })

    test('an update time precondition holds for the version it names alone', async () => {
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

    test('delete is content with nothing there, unless it must exist', async () => {
      await db.doc('versions/none').delete()
      await expect(db.doc('versions/none').delete({ exists: true })).rejects.toMatchObject({
        code: code.notFound,
      })
    })

    test('a write that changes nothing is no new version', async () => {
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

    test('an expired document of a TTL policy is still there', async () => {
      const ref = db.doc('ttl/old')
      await ref.set({ expireAt: Timestamp.fromMillis(1) })
      expect((await ref.get()).exists).toBe(true)
      expect(await ids(db.collection('ttl').where('expireAt', '<', Timestamp.now()))).toEqual([
        'old',
      ])
    })

    test('ids and fields that Firestore reserves are INVALID_ARGUMENT', async () => {
      const root = newRoot()
      const put = (path: string, fields: unknown = {}) =>
        ask(given.host(), 'POST', `${root}:commit`, {
          writes: [{ update: { name: `${root}/${path}`, fields } }],
        })
      const wrong = await Promise.all([
        put('c/.'),
        put('c/..'),
        put('c/__x__'),
        put('__c__/x'),
        put('c'),
        put('c/d/e'),
        put(`c/${'x'.repeat(1501)}`),
        put('c/d', { '': { integerValue: 1 } }),
        put('c/d', { __x__: { integerValue: 1 } }),
        put('c/d', { a: {} }),
        put('c/d', { a: { arrayValue: { values: [{ arrayValue: {} }] } } }),
        put('c/d', { a: { integerValue: '9223372036854775808' } }),
        put('c/d', { a: { timestampValue: 'yesterday' } }),
        put('c/d', { a: { unknownValue: 1 } }),
      ])
      expect(wrong).toEqual(
        wrong.map(() => ({
          status: 400,
          body: { error: expect.objectContaining({ code: 400, status: 'INVALID_ARGUMENT' }) },
        })),
      )
      const right = await Promise.all([put(`c/${'x'.repeat(1500)}`), put('c/__'), put('c/ü z')])
      expect(right.map(({ status }) => status)).toEqual([200, 200, 200])
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

    test('projects are worlds apart, and one client sees what another wrote', async () => {
      const projectId = newProject()
      const [one, same, other] = [
        given.client(projectId),
        given.client(projectId),
        given.client(newProject()),
      ]
      await one.doc('shared/a').set({ n: 1 })
      expect((await same.doc('shared/a').get()).get('n')).toBe(1)
      expect((await other.doc('shared/a').get()).exists).toBe(false)
    })
  })
  describe('single documents over REST', () => {
    test('create, get, patch, list by page, and delete', async () => {
      const root = newRoot()
      const host = given.host()
      const created = await ask(host, 'POST', `${root}/docs?documentId=a`, { fields: n(1) })
      expect(created).toMatchObject({ status: 200, body: { name: `${root}/docs/a` } })
      const again = await ask(host, 'POST', `${root}/docs?documentId=a`, { fields: n(1) })
      expect(again).toMatchObject({ status: 409, body: { error: { status: 'ALREADY_EXISTS' } } })
      await ask(host, 'POST', `${root}/docs?documentId=c`, { fields: n(2) })
      const unnamed = await ask(host, 'POST', `${root}/auto`, { fields: n(2) })
      expect((unnamed.body as { name: string }).name).toMatch(/\/auto\/\w{20}$/)
      await ask(host, 'PATCH', `${root}/docs/b%20c?currentDocument.exists=false`, {
        fields: { ...n(3), m: { booleanValue: true } },
      })
      const mask = 'updateMask.fieldPaths=n&mask.fieldPaths=n'
      const patched = await ask(host, 'PATCH', `${root}/docs/b%20c?${mask}`, { fields: n(4) })
      expect(patched.body).toMatchObject({ name: `${root}/docs/b c`, fields: n(4) })
      const whole = await ask(host, 'GET', `${root}/docs/b%20c`)
      expect(whole.body).toMatchObject({ fields: { ...n(4), m: { booleanValue: true } } })

      type Page = { documents: { name: string }[]; nextPageToken?: string }
      const list = `${root}/docs?pageSize=2`
      const first = (await ask(host, 'GET', list)).body as Page
      const token = encodeURIComponent(first.nextPageToken ?? '')
      const second = (await ask(host, 'GET', `${list}&pageToken=${token}`)).body as Page
      expect(first.documents.map(({ name }) => name)).toEqual([
        `${root}/docs/a`,
        `${root}/docs/b c`,
      ])
      expect(second.documents.map(({ name }) => name)).toEqual([`${root}/docs/c`])

      const stale = 'currentDocument.updateTime=2020-01-01T00:00:00Z'
      const kept = await ask(host, 'DELETE', `${root}/docs/a?${stale}`)
      expect(kept).toMatchObject({
        status: 400,
        body: { error: { status: 'FAILED_PRECONDITION' } },
      })
      expect(await ask(host, 'DELETE', `${root}/docs/a`)).toEqual({ status: 200, body: {} })
      const gone = await ask(host, 'GET', `${root}/docs/a`)
      expect(gone).toMatchObject({ status: 404, body: { error: { status: 'NOT_FOUND' } } })
    })
  })
}

function n(value: number) {
  return { n: { integerValue: String(value) } }
}
