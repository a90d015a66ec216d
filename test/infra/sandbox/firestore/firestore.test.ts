import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createFirestore } from '../../../../infra/sandbox/firestore/index.ts'
import { findEmulator, startEmulator } from '../../../../infra/sandbox/firestore/google-emulator.ts'
import type { Sandbox } from '../../../../infra/sandbox/server.ts'
import { startSandbox } from '../../../../infra/sandbox/server.ts'
import { ask, connect } from './contract-fixture.ts'
import { testFirestore } from './contract.ts'

const emulator = findEmulator()
process.stdout.write(
  `Firestore contract: embedded${emulator ? ` and Google's emulator (${emulator})` : "; Google's emulator is not installed"}\n`,
)

async function startEmbedded() {
  const sandbox = await startSandbox([createFirestore()])
  return { host: new URL(sandbox.url).host, stop: () => sandbox.close() }
}

testFirestore('embedded', startEmbedded)
if (emulator) testFirestore("Google's emulator", () => startEmulator(), { contenders: 6 })

describe('the embedded Firestore', () => {
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

  test('answers UNIMPLEMENTED to what it does not know', async () => {
    const write = { update: { name: `${root}/a/b` } }
    const query = { from: [{ collectionId: 'a' }] }
    const vector = { mapValue: { fields: { __type__: { stringValue: '__vector__' } } } }
    const answers = await Promise.all([
      ask(host, 'POST', `${root}:executePipeline`, {}),
      ask(host, 'POST', `${root}:partitionQuery`, {}),
      ask(host, 'POST', `${root}:listen`, {}),
      ask(host, 'POST', `${root}:whatever`, {}),
      ask(host, 'PUT', `${root}/a/b`, {}),
      ask(host, 'GET', 'projects/p/databases'),
      ask(host, 'POST', `${root}:runQuery`, { structuredQuery: { ...query, findNearest: {} } }),
      ask(host, 'POST', `${root}:runQuery`, { structuredQuery: query, explainOptions: {} }),
      ask(host, 'POST', `${root}:commit`, { writes: [{ verify: write.update.name }] }),
      ask(host, 'PATCH', `${root}/a/b`, { fields: { v: vector } }),
      ask(host, 'GET', `${root}/a/b?fields=name`),
    ])
    expect(answers).toEqual(
      answers.map(() => ({
        status: 501,
        body: {
          error: {
            code: 501,
            status: 'UNIMPLEMENTED',
            message: expect.stringContaining('does not know'),
          },
        },
      })),
    )
  })

  test('aborts a commit when something the transaction read has changed, appeared or gone', async () => {
    const put = (id: string) => ask(host, 'PATCH', `${root}/a/${id}`, { fields: {} })
    const query = { structuredQuery: { from: [{ collectionId: 'a' }] } }
    const reads: [string, unknown][] = [
      ['batchGet', { documents: [`${root}/a/1`] }],
      ['batchGet', { documents: [`${root}/a/2`] }],
      ['runQuery', query],
      [
        'runAggregationQuery',
        { structuredAggregationQuery: { ...query, aggregations: [{ count: {} }] } },
      ],
    ]
    for (const [method, body] of reads) {
      firestore.clear()
      await put('1')
      const begun = await ask(host, 'POST', `${root}:beginTransaction`, {})
      const { transaction } = begun.body as { transaction: string }
      await ask(host, 'POST', `${root}:${method}`, { ...(body as object), transaction })
      await ask(host, 'DELETE', `${root}/a/1`)
      await put('2')
      const writes = [{ update: { name: `${root}/b/1`, fields: {} } }]
      const late = await ask(host, 'POST', `${root}:commit`, { transaction, writes })
      expect(late).toMatchObject({ status: 409, body: { error: { status: 'ABORTED' } } })
      expect((await ask(host, 'GET', `${root}/b/1`)).status).toBe(404)
    }
  })

  test('gives each method a name for faults, and the client retries what it may', async () => {
    const db = connect(host, 'faulty')
    await db.doc('a/b').set({ n: 1 })
    await db.runTransaction(async (transaction) => {
      const n = (await transaction.get(db.doc('a/b'))).get('n') as number
      transaction.update(db.doc('a/b'), { n: n + 1 })
    })
    await db.collection('a').get()
    await db.terminate()
    expect(sandbox.calls).toEqual(
      expect.arrayContaining(['firestore.commit', 'firestore.batchGet', 'firestore.runQuery']),
    )
    sandbox.faults.add({
      operation: 'firestore.commit',
      status: 409,
      body: JSON.stringify({ error: { code: 409, status: 'ABORTED', message: 'contention' } }),
    })
    const again = connect(host, 'faulty')
    await again.runTransaction(async (transaction) => {
      const n = (await transaction.get(again.doc('a/b'))).get('n') as number
      transaction.update(again.doc('a/b'), { n: n + 1 })
    })
    expect((await again.doc('a/b').get()).get('n')).toBe(3)
    await again.terminate()
  })

  test('refuses what is not JSON, and bodies of the wrong shape, without falling over', async () => {
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
    const vast = await fetch(`http://${host}/v1/${root}:commit`, {
      method: 'POST',
      body: Buffer.alloc(12 * 1024 * 1024, ' '),
    })
    expect(vast.status).toBe(400)
    const encoded = await fetch(`http://${host}/v1/${root}/a/%ff`)
    expect(encoded.status).toBe(400)
  })

  test('dumps every document as JSON, and clears them', async () => {
    const fields = { big: { integerValue: '9007199254740993' } }
    await ask(host, 'PATCH', `${root}/a/b`, { fields })
    expect(firestore.dump()).toMatchObject([{ name: `${root}/a/b`, fields }])
    firestore.clear()
    expect(firestore.dump()).toEqual([])
  })
})

describe('the embedded Firestore with a file', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'driveway-firestore-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('documents, times and versions survive a restart', async () => {
    const file = join(folder, 'kept', 'firestore.json')
    const before = await session(file, async (host) => {
      const db = connect(host, 'kept')
      for (let n = 0; n < 20; n++) await db.doc(`a/${n}`).set({ n, at: new Date(n), list: [n] })
      await db.doc('a/0').delete()
      const read = await db.doc('a/7').get()
      await db.terminate()
      return read
    })
    await session(file, async (host) => {
      const db = connect(host, 'kept')
      const after = await db.doc('a/7').get()
      expect(after.data()).toEqual(before.data())
      expect(after.updateTime?.isEqual(before.updateTime ?? before.readTime)).toBe(true)
      expect(after.createTime?.isEqual(before.createTime ?? before.readTime)).toBe(true)
      expect((await db.collection('a').count().get()).data().count).toBe(19)
      await expect(db.doc('a/7').create({})).rejects.toMatchObject({ code: 6 })
      await db.terminate()
    })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'kept'))).toEqual(['firestore.json'])
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('documents')
  })

  test('a file that holds something else is refused, and kept', async () => {
    const file = join(folder, 'broken.json')
    for (const text of ['{"documents":[', '{"documents":[{"name":"x"}]}']) {
      await writeFile(file, text)
      expect(() => createFirestore({ file })).toThrow('Cannot read')
      expect(await readFile(file, 'utf8')).toBe(text)
    }
  })
})

/** Runs a Firestore on the file for as long as `use` takes. */
async function session<T>(file: string, use: (host: string) => Promise<T>): Promise<T> {
  const sandbox = await startSandbox([createFirestore({ file })])
  try {
    return await use(new URL(sandbox.url).host)
  } finally {
    await sandbox.close()
  }
}
