/** The contract of queries. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import type { ContractContext } from './contract-fixture.ts'
import { ids, newRoot, put, send } from './contract-fixture.ts'

export function testQueries(context: ContractContext): void {
  let db: Firestore
  const cities = () => db.collection('cities')

  describe('queries', () => {
    const population = {
      aachen: { name: 'Aachen', people: 250, at: { land: 'nrw' } },
      berlin: { name: 'Berlin', people: 3700, at: { land: 'be' } },
      celle: { name: 'Celle', people: 70, at: { land: 'nds' } },
      dresden: { name: 'Dresden', people: 560, at: { land: 'sn' } },
      essen: { name: 'Essen', people: 580, at: { land: 'nrw' } },
      nowhere: { name: null },
    }

    beforeAll(async () => {
      db = context.client()
      const batch = db.batch()
      for (const [id, city] of Object.entries(population)) batch.set(db.doc(`cities/${id}`), city)
      await batch.commit()
    })

    test('an equality filter matches a field of the document or of a map', async () => {
      expect(await ids(cities().where('name', '==', 'Celle'))).toEqual(['celle'])
      expect(await ids(cities().where('at.land', '==', 'nrw'))).toEqual(['aachen', 'essen'])
      expect(await ids(cities().where('people', '==', '70'))).toEqual([])
      expect(await ids(cities().where('at.land.x', '==', 'nrw'))).toEqual([])
    })

    test('a query without a filter returns the documents of the collection, ordered by name', async () => {
      expect(await ids(cities())).toEqual(Object.keys(population))
      expect(await ids(db.collection('empty'))).toEqual([])
    })

    test('limit() bounds the number of documents', async () => {
      expect(await ids(cities().limit(2))).toEqual(['aachen', 'berlin'])
      expect(await ids(cities().where('at.land', '==', 'nrw').limit(1))).toEqual(['aachen'])
    })

    test('select() without fields returns documents without fields', async () => {
      const { docs } = await cities().where('name', '==', 'Celle').select().get()
      expect(docs.map((doc) => [doc.id, doc.data()])).toEqual([['celle', {}]])
    })

    test('a query returns the documents of its collection, not of subcollections', async () => {
      await db.doc('groups/a/notes/1').set({ n: 1 })
      await db.doc('groups/b').set({})
      expect(await ids(db.collection('groups'))).toEqual(['b'])
    })

    test('an invalid query is INVALID_ARGUMENT', async () => {
      const root = newRoot()
      const from = [{ collectionId: 'c' }]
      const queries = [
        { from, limit: -1 },
        { from, where: { fieldFilter: { field: { fieldPath: 'a b' }, op: 5, value: {} } } },
        { from, where: {} },
        { from, unknown: true },
        { from: [{ collectionId: 'a/b' }] },
      ]
      const responses = await Promise.all(
        queries.map((structuredQuery) =>
          send(context.host(), 'POST', `${root}:runQuery`, { structuredQuery }),
        ),
      )
      expect(responses.map(({ status }) => status)).toEqual(queries.map(() => 400))
    })

    test('an operator is accepted by number and by name', async () => {
      const root = newRoot()
      const fields = { a: { stringValue: '1' } }
      await put(context.host(), root, 'c/d', fields)
      const run = (op: unknown, path = root) =>
        send(context.host(), 'POST', `${path}:runQuery?$alt=json%3Benum-encoding=int`, {
          structuredQuery: {
            from: [{ collectionId: 'c' }],
            where: { fieldFilter: { field: { fieldPath: 'a' }, op, value: fields.a } },
          },
        })
      const expected = [{ document: { name: `${root}/c/d`, fields } }]
      expect((await run('EQUAL')).body).toMatchObject(expected)
      const encoded = root.replace('(default)', '%28default%29')
      expect((await run(5, encoded)).body).toMatchObject(expected)
    })
  })
}
