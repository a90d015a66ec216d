/** What a Firestore must do, whoever made it: run on the embedded one and on Google's emulator. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  AggregateField,
  FieldPath,
  FieldValue,
  Filter,
  Firestore,
  GeoPoint,
  Timestamp,
} from '@google-cloud/firestore'
import { PassThroughClient } from 'google-auth-library'

export interface Started {
  /** `127.0.0.1:port` */
  host: string
  stop(): Promise<void>
}

/** How many transactions contend at once; locks make that slow on Google's emulator. */
export interface Effort {
  contenders: number
}

const code = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
  aborted: 10,
}

/** A client as production makes it, of a project that nobody else uses. */
export function connect(host: string, projectId = `p-${randomUUID()}`): Firestore {
  process.env['FIRESTORE_EMULATOR_HOST'] = host
  return new Firestore({ projectId, preferRest: true, authClient: new PassThroughClient() })
}

/** A request without the client, for what the client would never send. */
export async function ask(host: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`http://${host}/v1/${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: 'Bearer owner' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

export function testFirestore(
  name: string,
  start: () => Promise<Started>,
  { contenders }: Effort,
): void {
  describe(`Firestore: ${name}`, () => {
    let started: Started
    let db: Firestore
    const clients: Firestore[] = []

    function client(projectId?: string): Firestore {
      const made = connect(started.host, projectId)
      clients.push(made)
      return made
    }

    beforeAll(async () => {
      started = await start()
      db = client()
    }, 90_000)

    afterAll(async () => {
      await Promise.all(clients.map((one) => one.terminate()))
      await started?.stop()
    }, 30_000)

    /** The ids of what a query finds, in order. */
    async function ids(query: { get(): Promise<{ docs: { id: string }[] }> }): Promise<string[]> {
      return (await query.get()).docs.map((doc) => doc.id)
    }

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
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const fields = {
          most: { integerValue: '9223372036854775807' },
          least: { integerValue: '-9223372036854775808' },
          odd: { integerValue: '9007199254740993' },
        }
        await ask(started.host, 'POST', `${root}:commit`, {
          writes: [{ update: { name: `${root}/n/1`, fields } }],
        })
        const read = await ask(started.host, 'GET', `${root}/n/1`)
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
        await expect(
          ref.update({ n: 3 }, { lastUpdateTime: first.writeTime }),
        ).rejects.toMatchObject({ code: code.failedPrecondition })
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
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const put = (path: string, fields: unknown = {}) =>
          ask(started.host, 'POST', `${root}:commit`, {
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
        const projectId = `p-${randomUUID()}`
        const [one, same, other] = [client(projectId), client(projectId), client()]
        await one.doc('shared/a').set({ n: 1 })
        expect((await same.doc('shared/a').get()).get('n')).toBe(1)
        expect((await other.doc('shared/a').get()).exists).toBe(false)
      })
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
        const at = (read['at'] as Timestamp).toMillis()
        expect(Math.abs(at - write.writeTime.toMillis())).toBeLessThan(60_000)
      })

      test('arrays gain what they lack and lose what they have', async () => {
        const ref = db.doc('transforms/list')
        await ref.set({ list: FieldValue.arrayUnion('a', 'b', 'a'), gone: [1, 2, 1, 3] })
        await ref.update({ list: FieldValue.arrayUnion('b', 'c'), gone: FieldValue.arrayRemove(1) })
        expect((await ref.get()).data()).toEqual({ list: ['a', 'b', 'c'], gone: [2, 3] })
      })

      test('integers stop at the ends of int64, and what is no number is replaced', async () => {
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const fields = { n: { integerValue: '9223372036854775800' }, text: { stringValue: 'x' } }
        const transform = (fieldPath: string) => ({ fieldPath, increment: { integerValue: 100 } })
        const answer = await ask(started.host, 'POST', `${root}:commit`, {
          writes: [
            { update: { name: `${root}/n/1`, fields } },
            {
              update: { name: `${root}/n/1` },
              updateMask: {},
              updateTransforms: [transform('n'), transform('text')],
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
        const racers = Array.from({ length: 10 }, () =>
          db.doc('claims/state').create({ used: true }),
        )
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
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const { body } = await ask(started.host, 'POST', `${root}:beginTransaction`, {})
        const { transaction } = body as { transaction: string }
        const rolledBack = await ask(started.host, 'POST', `${root}:rollback`, { transaction })
        expect(rolledBack).toEqual({ status: 200, body: {} })
        const late = await ask(started.host, 'POST', `${root}:commit`, { transaction, writes: [] })
        const never = await ask(started.host, 'POST', `${root}:rollback`, { transaction: 'AAAA' })
        const error = expect.objectContaining({ status: 'INVALID_ARGUMENT' })
        expect(late).toEqual({ status: 400, body: { error } })
        expect(never).toEqual({ status: 400, body: { error } })
      })
    })

    describe('queries', () => {
      const cities = {
        aachen: { name: 'Aachen', people: 250, tags: ['old', 'west'], at: { land: 'nrw' } },
        berlin: { name: 'Berlin', people: 3700, tags: ['big', 'old'], at: { land: 'be' } },
        celle: { name: 'Celle', people: 70, tags: [], at: { land: 'nds' } },
        dresden: { name: 'Dresden', people: 560, tags: ['old'], at: { land: 'sn' } },
        essen: { name: 'Essen', people: 580, tags: ['big', 'west'], at: { land: 'nrw' } },
        nowhere: { name: null },
      }

      beforeAll(async () => {
        const batch = db.batch()
        for (const [id, city] of Object.entries(cities)) batch.set(db.doc(`cities/${id}`), city)
        await batch.commit()
      })

      const at = () => db.collection('cities')

      test('ranges leave out documents without the field', async () => {
        expect(await ids(at().where('people', '>', 250).where('people', '<=', 580))).toEqual([
          'dresden',
          'essen',
        ])
        expect(await ids(at().where('people', '>=', 0))).toEqual([
          'celle',
          'aachen',
          'dresden',
          'essen',
          'berlin',
        ])
        expect(await ids(at().where('people', '<', 'text'))).toEqual([])
      })

      test('equality, its negations, and lists of values', async () => {
        expect(await ids(at().where('at.land', '==', 'nrw'))).toEqual(['aachen', 'essen'])
        expect(await ids(at().where('at.land', '!=', 'nrw'))).toEqual([
          'berlin',
          'celle',
          'dresden',
        ])
        expect(await ids(at().where('people', 'in', [70, 560, 1]))).toEqual(['celle', 'dresden'])
        expect(await ids(at().where('people', 'not-in', [70, 560]))).toEqual([
          'aachen',
          'essen',
          'berlin',
        ])
        expect(await ids(at().where('name', '==', null))).toEqual(['nowhere'])
        expect(await ids(at().where('name', '!=', null))).toHaveLength(5)
        expect(await ids(at().where(FieldPath.documentId(), 'in', ['essen', 'x']))).toEqual([
          'essen',
        ])
      })

      test('arrays that contain', async () => {
        expect(await ids(at().where('tags', 'array-contains', 'big'))).toEqual(['berlin', 'essen'])
        expect(await ids(at().where('tags', 'array-contains-any', ['big', 'west']))).toEqual([
          'aachen',
          'berlin',
          'essen',
        ])
      })

      test('AND and OR, one in the other', async () => {
        const filter = Filter.or(
          Filter.and(Filter.where('people', '>', 100), Filter.where('people', '<', 300)),
          Filter.where('name', '==', 'Essen'),
        )
        expect(await ids(at().where(filter))).toEqual(['aachen', 'essen'])
      })

      test('order, limit, limit to last and offset', async () => {
        const byPeople = at().orderBy('people', 'desc')
        expect(await ids(byPeople.limit(2))).toEqual(['berlin', 'essen'])
        expect(await ids(byPeople.offset(3))).toEqual(['aachen', 'celle'])
        expect(await ids(byPeople.limitToLast(2))).toEqual(['aachen', 'celle'])
        expect(await ids(at().orderBy('at.land').orderBy('people', 'desc'))).toEqual([
          'berlin',
          'celle',
          'essen',
          'aachen',
          'dresden',
        ])
      })

      test('cursors by value and by document', async () => {
        const byPeople = at().orderBy('people')
        expect(await ids(byPeople.startAt(250).endBefore(580))).toEqual(['aachen', 'dresden'])
        expect(await ids(byPeople.startAfter(250).endAt(580))).toEqual(['dresden', 'essen'])
        const essen = await db.doc('cities/essen').get()
        expect(await ids(byPeople.startAfter(essen))).toEqual(['berlin'])
        expect(await ids(at().endBefore(essen))).toEqual(['aachen', 'berlin', 'celle', 'dresden'])
        expect(await ids(at().orderBy(FieldPath.documentId()).startAt('dresden').limit(2))).toEqual(
          ['dresden', 'essen'],
        )
      })

      test('pages by cursor meet every document once, also among equals', async () => {
        const batch = db.batch()
        for (let n = 0; n < 11; n++) batch.set(db.doc(`pages/d${n}`), { same: n % 2 })
        await batch.commit()
        const query = db.collection('pages').orderBy('same', 'desc').limit(3)
        const seen: string[] = []
        let page = await query.get()
        while (!page.empty) {
          seen.push(...page.docs.map((doc) => doc.id))
          page = await query.startAfter(page.docs.at(-1)).get()
        }
        expect(seen).toHaveLength(11)
        expect(new Set(seen).size).toBe(11)
      })

      test('a projection gives those fields alone', async () => {
        const [first] = (await at().orderBy('people').limit(1).select('name', 'at.land').get()).docs
        expect(first?.data()).toEqual({ name: 'Celle', at: { land: 'nds' } })
        const [bare] = (await at().limit(1).select().get()).docs
        expect(bare?.data()).toEqual({})
        const [masked] = await db.getAll(db.doc('cities/celle'), { fieldMask: ['people'] })
        expect(masked?.data()).toEqual({ people: 70 })
      })

      test('values are ordered across types as Firestore orders them', async () => {
        const values: [string, unknown][] = [
          ['null', null],
          ['false', false],
          ['true', true],
          ['nan', Number.NaN],
          ['ninf', -Infinity],
          ['minus', -1.5],
          ['zero', 0],
          ['one', 1],
          ['more', 1.5],
          ['time', Timestamp.fromMillis(0)],
          ['empty', ''],
          ['a', 'a'],
          ['bmp', '\uFFEE'],
          ['rocket', '\u{1F680}'],
          ['bytes', Buffer.from([1])],
          ['reference', db.doc('a/b')],
          ['place', new GeoPoint(1, 2)],
          ['list', [1]],
          ['longer', [1, 2]],
          ['map', { a: 1 }],
          ['map2', { a: 1, b: 0 }],
          ['map3', { b: 0 }],
        ]
        const batch = db.batch()
        for (const [id, value] of values) batch.set(db.doc(`order/${id}`), { value })
        batch.set(db.doc('order/none'), {})
        await batch.commit()
        const wanted = values.map(([id]) => id)
        expect(await ids(db.collection('order').orderBy('value'))).toEqual(wanted)
        expect(await ids(db.collection('order').orderBy('value', 'desc'))).toEqual(
          wanted.toReversed(),
        )
      })

      test('collection groups, subcollections and their listings', async () => {
        await db.doc('groups/a/notes/1').set({ n: 1 })
        await db.doc('groups/b/notes/2').set({ n: 2 })
        await db.doc('groups/b/notes/2/notes/3').set({ n: 3 })
        await db.doc('groups/b').set({})
        expect(await ids(db.collectionGroup('notes').orderBy('n'))).toEqual(['1', '2', '3'])
        expect(await ids(db.collectionGroup('notes').where('n', '>', 1))).toEqual(['2', '3'])
        expect(await ids(db.collection('groups/b/notes'))).toEqual(['2'])
        expect(await ids(db.collection('groups'))).toEqual(['b'])
        const listed = await db.collection('groups').listDocuments()
        expect(listed.map(({ id }) => id)).toEqual(['a', 'b'])
        const collections = await db.doc('groups/b').listCollections()
        expect(collections.map(({ id }) => id)).toEqual(['notes'])
      })

      test('recursive delete leaves nothing below and everything beside', async () => {
        await db.doc('trees/a').set({})
        await db.doc('trees/a/leaves/1/veins/2').set({})
        await db.doc('trees/b').set({})
        await db.recursiveDelete(db.doc('trees/a'))
        expect(await ids(db.collection('trees'))).toEqual(['b'])
        expect(await ids(db.collection('trees/a/leaves/1/veins'))).toEqual([])
      })

      test('count, sum and average', async () => {
        const all = await at()
          .where('people', '>', 0)
          .aggregate({
            count: AggregateField.count(),
            sum: AggregateField.sum('people'),
            average: AggregateField.average('people'),
          })
          .get()
        expect(all.data()).toEqual({ count: 5, sum: 5160, average: 1032 })
        expect((await at().limit(2).count().get()).data()).toEqual({ count: 2 })
        const none = await db
          .collection('nothing')
          .aggregate({ sum: AggregateField.sum('n'), average: AggregateField.average('n') })
          .get()
        expect(none.data()).toEqual({ sum: 0, average: null })
      })

      test('what Firestore refuses is INVALID_ARGUMENT', async () => {
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const from = [{ collectionId: 'c' }]
        const filter = (op: string | number, value: unknown) => ({
          fieldFilter: { field: { fieldPath: 'a' }, op, value },
        })
        const numbers = Array.from({ length: 31 }, (_, n) => ({ integerValue: n }))
        const wrong = [
          { from, limit: -1 },
          { from, offset: -1 },
          { from, where: filter('IN', { arrayValue: {} }) },
          { from, where: filter('IN', { arrayValue: { values: numbers } }) },
          { from, where: filter(8, { integerValue: 1 }) },
          { from, where: filter(99, { integerValue: 1 }) },
          { from, where: { fieldFilter: { field: { fieldPath: 'a b' }, op: 5, value: {} } } },
          { from, startAt: { values: [{ integerValue: 1 }] } },
          { from, unknown: true },
          { from: [{ collectionId: 'a/b' }] },
        ]
        const answers = await Promise.all(
          wrong.map((structuredQuery) =>
            ask(started.host, 'POST', `${root}:runQuery`, { structuredQuery }),
          ),
        )
        expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 400))
      })

      test('operators are understood as numbers and as names', async () => {
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const fields = { a: { integerValue: '1' } }
        const name = `${root}/c/d`
        await ask(started.host, 'PATCH', name, { fields })
        const run = (op: unknown, direction: unknown, path = root) =>
          ask(started.host, 'POST', `${path}:runQuery?$alt=json%3Benum-encoding=int`, {
            structuredQuery: {
              from: [{ collectionId: 'c' }],
              where: { fieldFilter: { field: { fieldPath: 'a' }, op, value: fields.a } },
              orderBy: [{ field: { fieldPath: 'a' }, direction }],
            },
          })
        const found = [{ document: { name, fields } }]
        expect((await run('GREATER_THAN_OR_EQUAL', 'DESCENDING')).body).toMatchObject(found)
        expect((await run(4, 2)).body).toMatchObject(found)
        const encoded = root.replace('(default)', '%28default%29')
        expect((await run(5, 1, encoded)).body).toMatchObject(found)
      })
    })

    describe('single documents over REST', () => {
      test('create, get, patch, list by page, and delete', async () => {
        const root = `projects/${randomUUID()}/databases/(default)/documents`
        const host = started.host
        const n = (value: number) => ({ n: { integerValue: String(value) } })
        const created = await ask(host, 'POST', `${root}/docs?documentId=a`, { fields: n(1) })
        expect(created).toMatchObject({ status: 200, body: { name: `${root}/docs/a` } })
        const again = await ask(host, 'POST', `${root}/docs?documentId=a`, { fields: n(1) })
        expect(again).toMatchObject({ status: 409, body: { error: { status: 'ALREADY_EXISTS' } } })
        await ask(host, 'POST', `${root}/docs`, { fields: n(2) })
        await ask(host, 'PATCH', `${root}/docs/b%20c?currentDocument.exists=false`, {
          fields: { ...n(3), m: { booleanValue: true } },
        })
        const mask = 'updateMask.fieldPaths=n&mask.fieldPaths=n'
        const patched = await ask(host, 'PATCH', `${root}/docs/b%20c?${mask}`, { fields: n(4) })
        expect(patched.body).toMatchObject({ name: `${root}/docs/b c`, fields: n(4) })
        const whole = await ask(host, 'GET', `${root}/docs/b%20c`)
        expect(whole.body).toMatchObject({ fields: { ...n(4), m: { booleanValue: true } } })

        type Page = { documents: { name: string }[]; nextPageToken?: string }
        const list = `${root}/docs?pageSize=2&orderBy=n%20desc`
        const first = (await ask(host, 'GET', list)).body as Page
        const token = encodeURIComponent(first.nextPageToken ?? '')
        const second = (await ask(host, 'GET', `${list}&pageToken=${token}`)).body as Page
        expect(first.documents[0]?.name).toBe(`${root}/docs/b c`)
        expect(second.documents.map(({ name: last }) => last)).toEqual([`${root}/docs/a`])

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
  })
}
