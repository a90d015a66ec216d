import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createFirestore } from '../../../../infra/sandbox/firestore/index.ts'
import { findEmulator, startEmulator } from '../../../../infra/sandbox/firestore/google-emulator.ts'
import type { Sandbox } from '../../../../infra/sandbox/server.ts'
import { startSandbox } from '../../../../infra/sandbox/server.ts'
import { connect, ids, put, send } from './contract-fixture.ts'
import { testFirestore } from './contract.ts'

const require = createRequire(import.meta.url)
const backoff = require(
  join(dirname(require.resolve('@google-cloud/firestore')), 'backoff.js'),
) as {
  setTimeoutHandler(handler: (callback: () => void, ms: number) => void): void
}

const emulator = findEmulator()
process.stdout.write(
  `Firestore contract: embedded${emulator ? ` and Google's emulator (${emulator})` : "; Google's emulator is not installed"}\n`,
)

async function startEmbedded() {
  const sandbox = await startSandbox([createFirestore()])
  return { host: new URL(sandbox.url).host, stop: () => sandbox.close() }
}

testFirestore('embedded', startEmbedded)
if (emulator) testFirestore("Google's emulator", () => startEmulator())

describe('embedded Firestore', () => {
  const root = 'projects/p/databases/(default)/documents'
  let sandbox: Sandbox
  let host: string
  const firestore = createFirestore()

  beforeAll(async () => {
    sandbox = await startSandbox([firestore])
    host = new URL(sandbox.url).host
  })
  afterAll(() => sandbox.close())
  afterEach(() => {
    firestore.clear()
    sandbox.faults.clear()
  })

  const name = `${root}/a/b`
  const from = [{ collectionId: 'a' }]
  const field = { fieldPath: 'n' }
  const query = (structuredQuery: object) => ({ structuredQuery: { from, ...structuredQuery } })
  const filter = (op: unknown, value: object) =>
    query({ where: { fieldFilter: { field, op, value } } })
  const write = (changes: object) => ({ writes: [{ update: { name }, ...changes }] })
  const value = (fields: object) => ({ writes: [{ update: { name, fields } }] })

  test.each<[string, string, string, object | undefined]>([
    ['a pipeline', 'POST', `${root}:executePipeline`, {}],
    ['a partition query', 'POST', `${root}:partitionQuery`, {}],
    ['listen', 'POST', `${root}:listen`, {}],
    ['an unknown method', 'POST', `${root}:unknown`, {}],
    ['a transaction', 'POST', `${root}:beginTransaction`, {}],
    ['a rollback', 'POST', `${root}:rollback`, {}],
    ['a batch write', 'POST', `${root}:batchWrite`, {}],
    ['an aggregation', 'POST', `${root}:runAggregationQuery`, {}],
    ['a listing of collections', 'POST', `${root}:listCollectionIds`, {}],
    ['a listing of documents', 'GET', `${root}/a`, undefined],
    ['a query below a document', 'POST', `${name}:runQuery`, query({})],
    ['GET of a document', 'GET', name, undefined],
    ['POST of a document', 'POST', `${root}/a`, {}],
    ['PATCH of a document', 'PATCH', name, { fields: {} }],
    ['DELETE of a document', 'DELETE', name, undefined],
    ['PUT', 'PUT', name, undefined],
    ['another resource', 'GET', 'projects/p/databases', undefined],
    ['a vector query', 'POST', `${root}:runQuery`, query({ findNearest: {} })],
    ['an explained query', 'POST', `${root}:runQuery`, { ...query({}), explainOptions: {} }],
    ['an ordered query', 'POST', `${root}:runQuery`, query({ orderBy: [{ field }] })],
    ['an offset', 'POST', `${root}:runQuery`, query({ offset: 1 })],
    ['a cursor', 'POST', `${root}:runQuery`, query({ startAt: { values: [] } })],
    ['a projection', 'POST', `${root}:runQuery`, query({ select: { fields: [field] } })],
    ['a collection group', 'POST', `${root}:runQuery`, query({ from: [{ allDescendants: true }] })],
    ['every collection', 'POST', `${root}:runQuery`, query({ from: [] })],
    ['a comparison', 'POST', `${root}:runQuery`, filter('LESS_THAN', { stringValue: 'x' })],
    ['a comparison by number', 'POST', `${root}:runQuery`, filter(1, { stringValue: 'x' })],
    ['a number in a filter', 'POST', `${root}:runQuery`, filter('EQUAL', { integerValue: 1 })],
    ['a composite filter', 'POST', `${root}:runQuery`, query({ where: { compositeFilter: {} } })],
    ['a unary filter', 'POST', `${root}:runQuery`, query({ where: { unaryFilter: {} } })],
    ['a query in a transaction', 'POST', `${root}:runQuery`, { ...query({}), transaction: 'x' }],
    ['a query in the past', 'POST', `${root}:runQuery`, { ...query({}), readTime: 'x' }],
    ['a read in a transaction', 'POST', `${root}:batchGet`, { newTransaction: {} }],
    ['a read with a mask', 'POST', `${root}:batchGet`, { mask: {} }],
    ['a commit of a transaction', 'POST', `${root}:commit`, { transaction: 'x' }],
    ['a verification', 'POST', `${root}:commit`, { writes: [{ verify: name }] }],
    ['a transform', 'POST', `${root}:commit`, { writes: [{ transform: {} }] }],
    ['an update transform', 'POST', `${root}:commit`, write({ updateTransforms: [{}] })],
    [
      'two writes of one document',
      'POST',
      `${root}:commit`,
      { writes: [{ delete: name }, { delete: name }] },
    ],
    [
      'a vector',
      'POST',
      `${root}:commit`,
      value({ v: { mapValue: { fields: { __type__: { stringValue: '__vector__' } } } } }),
    ],
    ['bytes', 'POST', `${root}:commit`, value({ v: { bytesValue: '' } })],
    ['a reference', 'POST', `${root}:commit`, value({ v: { referenceValue: name } })],
    ['a geographical point', 'POST', `${root}:commit`, value({ v: { geoPointValue: {} } })],
    ['a numeric id', 'POST', `${root}:commit`, { writes: [{ delete: `${root}/a/__id7__` }] }],
    ['partial responses', 'POST', `${root}:batchGet?fields=name`, {}],
  ])('%s is UNIMPLEMENTED', async (_, method, path, body) => {
    const message: unknown = expect.stringContaining('does not implement')
    expect(await send(host, method, path, body)).toEqual({
      status: 501,
      body: { error: { code: 501, status: 'UNIMPLEMENTED', message } },
    })
    expect(firestore.dump()).toEqual([])
  })

  test('each method has an operation name for faults, and the client retries on UNAVAILABLE', async () => {
    // The client's own seam for its delays, which begin at a second.
    const delays: number[] = []
    backoff.setTimeoutHandler((callback, ms) => {
      delays.push(ms)
      setImmediate(callback)
    })
    const db = connect(host, 'faulty')
    const error = { code: 503, status: 'UNAVAILABLE', message: 'unavailable' }
    const headers = { 'content-type': 'application/json' }
    const fault = { status: 503, headers, body: JSON.stringify({ error }) }
    sandbox.calls.length = 0
    for (const operation of ['firestore.commit', 'firestore.batchGet', 'firestore.runQuery']) {
      sandbox.faults.add({ operation, ...fault })
    }
    await db.doc('a/b').set({ n: 1 })
    expect((await db.doc('a/b').get()).get('n')).toBe(1)
    expect(await ids(db.collection('a'))).toEqual(['b'])
    backoff.setTimeoutHandler(setTimeout)
    expect(delays.filter((ms) => ms >= 500)).toHaveLength(2)
    await db.terminate()
    expect(sandbox.calls).toEqual([
      'firestore.commit',
      'firestore.commit',
      'firestore.batchGet',
      'firestore.batchGet',
      'firestore.runQuery',
      'firestore.runQuery',
    ])
  })

  test('a malformed body, an oversized body and a malformed URL are rejected', async () => {
    const bodies = [
      '{',
      'null',
      '[]',
      '"x"',
      '{"writes":{}}',
      '{"writes":[null]}',
      '{"writes":[1]}',
    ]
    for (const body of bodies) {
      const response = await fetch(`http://${host}/v1/${root}:commit`, { method: 'POST', body })
      expect([200, 400]).toContain(response.status)
    }
    const oversized = await fetch(`http://${host}/v1/${root}:commit`, {
      method: 'POST',
      body: Buffer.alloc(12 * 1024 * 1024, ' '),
    })
    expect(oversized.status).toBe(400)
    const malformed = await send(host, 'POST', `${root.replace('/p/', '/%ff/')}:commit`, {
      writes: [{ delete: name }],
    })
    expect(malformed.status).toBe(400)
  })

  test('dump() returns every document as JSON, and clear() deletes them', async () => {
    const fields = { big: { integerValue: '9007199254740993' } }
    await put(host, root, 'a/b', fields)
    expect(firestore.dump()).toMatchObject([{ name, fields }])
    firestore.clear()
    expect(firestore.dump()).toEqual([])
  })
})

describe('embedded Firestore with a file', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'driveway-firestore-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('a restart keeps documents, times and versions', async () => {
    const file = join(folder, 'kept', 'firestore.json')
    const before = await withFirestore(file, async (host) => {
      const db = connect(host, 'kept')
      for (let n = 0; n < 20; n++) await db.doc(`a/${n}`).set({ n, at: new Date(n), list: [n] })
      await db.doc('a/0').delete()
      const read = await db.doc('a/7').get()
      await db.terminate()
      return read
    })
    await withFirestore(file, async (host) => {
      const db = connect(host, 'kept')
      const after = await db.doc('a/7').get()
      expect(after.data()).toEqual(before.data())
      expect(after.updateTime?.isEqual(before.updateTime ?? before.readTime)).toBe(true)
      expect(after.createTime?.isEqual(before.createTime ?? before.readTime)).toBe(true)
      expect((await db.collection('a').get()).size).toBe(19)
      await expect(db.doc('a/7').create({})).rejects.toMatchObject({ code: 6 })
      await db.terminate()
    })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'kept'))).toEqual(['firestore.json'])
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('documents')
  })

  test('a file with other content is rejected and left unchanged', async () => {
    const file = join(folder, 'broken.json')
    for (const text of ['{"documents":[', '{"documents":[{"name":"x"}]}']) {
      await writeFile(file, text)
      expect(() => createFirestore({ file })).toThrow('Cannot read')
      expect(await readFile(file, 'utf8')).toBe(text)
    }
  })
})

/** Runs an embedded Firestore on the file until `use` returns. */
async function withFirestore<T>(file: string, use: (host: string) => Promise<T>): Promise<T> {
  const sandbox = await startSandbox([createFirestore({ file })])
  try {
    return await use(new URL(sandbox.url).host)
  } finally {
    await sandbox.close()
  }
}
