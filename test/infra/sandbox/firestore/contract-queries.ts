/** The contract, part three: queries. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { AggregateField, FieldPath, Filter, GeoPoint, Timestamp } from '@google-cloud/firestore'
import type { Given } from './contract-fixture.ts'
import { ask, ids, newRoot } from './contract-fixture.ts'

export function testQueries(given: Given): void {
  let db: Firestore
  const cities = () => db.collection('cities')
  beforeAll(() => {
    db = given.client()
  })

  describe('queries', () => {
    const population = {
      aachen: { name: 'Aachen', people: 250, tags: ['old', 'west'], at: { land: 'nrw' } },
      berlin: { name: 'Berlin', people: 3700, tags: ['big', 'old'], at: { land: 'be' } },
      celle: { name: 'Celle', people: 70, tags: [], at: { land: 'nds' } },
      dresden: { name: 'Dresden', people: 560, tags: ['old'], at: { land: 'sn' } },
      essen: { name: 'Essen', people: 580, tags: ['big', 'west'], at: { land: 'nrw' } },
      nowhere: { name: null },
    }

    beforeAll(async () => {
      const batch = db.batch()
      for (const [id, city] of Object.entries(population)) batch.set(db.doc(`cities/${id}`), city)
      await batch.commit()
    })

    test('ranges leave out documents without the field', async () => {
      expect(await ids(cities().where('people', '>', 250).where('people', '<=', 580))).toEqual([
        'dresden',
        'essen',
      ])
      expect(await ids(cities().where('people', '>=', 0))).toEqual([
        'celle',
        'aachen',
        'dresden',
        'essen',
        'berlin',
      ])
      expect(await ids(cities().where('people', '<', 'text'))).toEqual([])
    })

    test('equality, its negations, and lists of values', async () => {
      expect(await ids(cities().where('at.land', '==', 'nrw'))).toEqual(['aachen', 'essen'])
      expect(await ids(cities().where('at.land', '!=', 'nrw'))).toEqual([
        'berlin',
        'celle',
        'dresden',
      ])
      expect(await ids(cities().where('people', 'in', [70, 560, 1]))).toEqual(['celle', 'dresden'])
      expect(await ids(cities().where('people', 'not-in', [70, 560]))).toEqual([
        'aachen',
        'essen',
        'berlin',
      ])
      expect(await ids(cities().where('name', '==', null))).toEqual(['nowhere'])
      expect(await ids(cities().where('name', '!=', null))).toHaveLength(5)
      expect(await ids(cities().where(FieldPath.documentId(), 'in', ['essen', 'x']))).toEqual([
        'essen',
      ])
    })

    test('arrays that contain', async () => {
      expect(await ids(cities().where('tags', 'array-contains', 'big'))).toEqual([
        'berlin',
        'essen',
      ])
      expect(await ids(cities().where('tags', 'array-contains-any', ['big', 'west']))).toEqual([
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
      expect(await ids(cities().where(filter))).toEqual(['aachen', 'essen'])
    })

    test('order, limit, limit to last and offset', async () => {
      const byPeople = cities().orderBy('people', 'desc')
      expect(await ids(byPeople.limit(2))).toEqual(['berlin', 'essen'])
      expect(await ids(byPeople.offset(3))).toEqual(['aachen', 'celle'])
      expect(await ids(byPeople.limitToLast(2))).toEqual(['aachen', 'celle'])
      expect(await ids(cities().orderBy('at.land').orderBy('people', 'desc'))).toEqual([
        'berlin',
        'celle',
        'essen',
        'aachen',
        'dresden',
      ])
    })

    test('cursors by value and by document', async () => {
      const byPeople = cities().orderBy('people')
      expect(await ids(byPeople.startAt(250).endBefore(580))).toEqual(['aachen', 'dresden'])
      expect(await ids(byPeople.startAfter(250).endAt(580))).toEqual(['dresden', 'essen'])
      const essen = await db.doc('cities/essen').get()
      expect(await ids(byPeople.startAfter(essen))).toEqual(['berlin'])
      expect(await ids(cities().endBefore(essen))).toEqual(['aachen', 'berlin', 'celle', 'dresden'])
      expect(
        await ids(cities().orderBy(FieldPath.documentId()).startAt('dresden').limit(2)),
      ).toEqual(['dresden', 'essen'])
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
      const [first] = (await cities().orderBy('people').limit(1).select('name', 'at.land').get())
        .docs
      expect(first?.data()).toEqual({ name: 'Celle', at: { land: 'nds' } })
      const [bare] = (await cities().limit(1).select().get()).docs
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
      const all = await cities()
        .where('people', '>', 0)
        .aggregate({
          count: AggregateField.count(),
          sum: AggregateField.sum('people'),
          average: AggregateField.average('people'),
        })
        .get()
      expect(all.data()).toEqual({ count: 5, sum: 5160, average: 1032 })
      expect((await cities().limit(2).count().get()).data()).toEqual({ count: 2 })
      const none = await db
        .collection('nothing')
        .aggregate({ sum: AggregateField.sum('n'), average: AggregateField.average('n') })
        .get()
      expect(none.data()).toEqual({ sum: 0, average: null })
    })

    test('what Firestore refuses is INVALID_ARGUMENT', async () => {
      const root = newRoot()
      const from = [{ collectionId: 'c' }]
      const numbers = Array.from({ length: 31 }, (_, n) => ({ integerValue: n }))
      const wrong = [
        { from, limit: -1 },
        { from, offset: -1 },
        { from, where: compare('IN', { arrayValue: {} }) },
        { from, where: compare('IN', { arrayValue: { values: numbers } }) },
        { from, where: compare(8, { integerValue: 1 }) },
        { from, where: compare(99, { integerValue: 1 }) },
        { from, where: { fieldFilter: { field: { fieldPath: 'a b' }, op: 5, value: {} } } },
        { from, startAt: { values: [{ integerValue: 1 }] } },
        {
          from,
          where: and(
            compare('NOT_EQUAL', one),
            compare('NOT_IN', { arrayValue: { values: [one] } }),
          ),
        },
        {
          from,
          where: and(
            compare('ARRAY_CONTAINS', one),
            compare('ARRAY_CONTAINS', { integerValue: 2 }),
          ),
        },
        { from, unknown: true },
        { from: [{ collectionId: 'a/b' }] },
      ]
      const answers = await Promise.all(
        wrong.map((structuredQuery) =>
          ask(given.host(), 'POST', `${root}:runQuery`, { structuredQuery }),
        ),
      )
      expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 400))
    })

    test('operators are understood as numbers and as names', async () => {
      const root = newRoot()
      const fields = { a: { integerValue: '1' } }
      const name = `${root}/c/d`
      await ask(given.host(), 'PATCH', name, { fields })
      const run = (op: unknown, direction: unknown, path = root) =>
        ask(given.host(), 'POST', `${path}:runQuery?$alt=json%3Benum-encoding=int`, {
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
}

function compare(op: string | number, value: unknown) {
  return { fieldFilter: { field: { fieldPath: 'a' }, op, value } }
}

function and(...filters: unknown[]) {
  return { compositeFilter: { op: 'AND', filters } }
}

const one = { integerValue: 1 }
