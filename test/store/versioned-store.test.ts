import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createFirestoreRunner } from '../../functions/store/firestore-errors.ts'
import { createFirestoreVersionedStore } from '../../functions/store/firestore-versioned-store.ts'
import { createMemoryVersionedStore } from '../../functions/store/versioned-store.ts'
import type { VersionedStore } from '../../functions/store/versioned-store.ts'
import { createFirestore } from '../../infra/sandbox/firestore/index.ts'
import { startSandbox } from '../../infra/sandbox/server.ts'
import type { Sandbox } from '../../infra/sandbox/server.ts'
import { connect } from '../infra/sandbox/firestore/contract-fixture.ts'

interface Value {
  word: string
  by?: { word: string }
}

let sandbox: Sandbox
let host = ''

beforeAll(async () => {
  sandbox = await startSandbox([createFirestore()])
  host = new URL(sandbox.url).host
})

afterAll(() => sandbox.close())

const isValue = ({ word }: Record<string, unknown>): boolean => typeof word === 'string'

function inFirestore(): VersionedStore<Value> {
  const firestore = connect(host)
  return createFirestoreVersionedStore(
    createFirestoreRunner(() => Promise.resolve(firestore)),
    'idempotencyKeys',
    isValue,
  )
}

describe.each<[string, () => VersionedStore<Value>]>([
  ['memory', createMemoryVersionedStore],
  ['Firestore', inFirestore],
])('VersionedStore in %s', (_, create) => {
  test('create() succeeds for one of several concurrent callers', async () => {
    const records = create()
    const created = await Promise.all(
      ['a', 'b', 'c', 'd'].map((word) => records.create('id', { word }, 5_000)),
    )
    const [winner, ...others] = created.filter((record) => record !== undefined)
    expect(others).toEqual([])
    expect(await records.find('id')).toMatchObject({ value: winner?.value, expiresAt: 5_000 })
  })

  test('replace() succeeds for one of several callers with the same etag', async () => {
    const records = create()
    const first = await records.create('id', { word: 'first' }, 5_000)
    const tries = await Promise.all(
      ['a', 'b', 'c', 'd'].map((word) => records.replace('id', first?.etag, { word }, 6_000)),
    )
    const [winner, ...others] = tries.filter((record) => record !== undefined)
    expect(others).toEqual([])
    expect(await records.find('id')).toMatchObject({ value: winner?.value, expiresAt: 6_000 })
    const next = await records.replace('id', winner?.etag, { word: 'next' }, 7_000)
    expect(next?.value).toEqual({ word: 'next' })
  })

  test('find() returns the current etag', async () => {
    const records = create()
    await records.create('id', { word: 'first' }, 5_000)
    const found = await records.find('id')
    expect(await records.replace('id', found?.etag, { word: 'next' }, 5_000)).toBeDefined()
    expect(await records.replace('id', found?.etag, { word: 'late' }, 5_000)).toBeUndefined()
  })

  test('findAll() returns the records in the order of their ids', async () => {
    const records = create()
    for (const word of ['a', 'b']) await records.create(word, { word }, 5_000)
    const found = await records.findAll(['b', 'none', 'a'])
    expect(found.map((record) => record?.value.word)).toEqual(['b', undefined, 'a'])
    expect(await records.replace('b', found[0]?.etag, { word: 'c' }, 5_000)).toBeDefined()
    expect(await records.findAll([])).toEqual([])
  })

  test('removeWhere() removes records by the value of a field, and removeEach() by id', async () => {
    const records = create()
    const words = ['a', 'b', 'c', 'd']
    for (const word of words) await records.create(`by ${word}`, { word, by: { word } }, 5_000)
    await records.removeWhere('by.word', 'b')
    await records.removeWhere('word', 'c')
    await records.removeEach(['by d', 'none'])
    const found = await records.findAll(words.map((word) => `by ${word}`))
    expect(found.map((record) => record?.value.word)).toEqual([
      'a',
      undefined,
      undefined,
      undefined,
    ])
  })

  test('remove() removes the record with this etag and no other', async () => {
    const records = create()
    const first = await records.create('id', { word: 'first' }, 5_000)
    const next = await records.replace('id', first?.etag, { word: 'next' }, 5_000)
    await records.remove('id', first?.etag)
    expect((await records.find('id'))?.value).toEqual({ word: 'next' })
    await records.remove('id', next?.etag)
    expect(await records.find('id')).toBeUndefined()
    await records.remove('id', next?.etag)
    expect(await records.replace('id', next?.etag, { word: 'late' }, 5_000)).toBeUndefined()
    expect(await records.create('id', { word: 'new' }, 5_000)).toBeDefined()
  })
})

test('find() rejects a malformed record of another version of Driveway and leaves it unchanged', async () => {
  const firestore = connect(host)
  const document = firestore.collection('idempotencyKeys').doc('id')
  const records = createFirestoreVersionedStore(
    createFirestoreRunner(() => Promise.resolve(firestore)),
    'idempotencyKeys',
    isValue,
  )
  for (const data of [{}, { word: 5, expiresAt: new Date() }, { word: 'w', expiresAt: 'soon' }]) {
    await document.set(data)
    await expect(records.find('id')).rejects.toMatchObject({ code: 'store_unavailable' })
  }
  expect((await document.get()).data()).toEqual({ word: 'w', expiresAt: 'soon' })
})

test('create() throws store_unavailable when Firestore fails', async () => {
  sandbox.faults.add({ operation: 'firestore.commit', status: 400, times: 9 })
  await expect(inFirestore().create('id', { word: 'w' }, 5_000)).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  sandbox.faults.clear()
})
