/** What a token may upload in all, by every way in. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { codeOf, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { listTokens, createToken } from '../kit/tokens.ts'
import { startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

let driveway: Uploading
let beside: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, wait: () => Promise.resolve() }
  driveway = await startUploading({ gateway })
  beside = await startDriveway({ beside: driveway, gateway })
})
afterAll(async () => {
  await beside.close()
  await driveway.close()
})
afterEach(() => {
  driveway.google.faults.clear()
  driveway.google.drive.forgetSessions()
  driveway.forget()
})

interface Limited {
  bearer: Record<string, string>
  used(): Promise<[files: number, bytes: number]>
}

async function limited(terms: object): Promise<Limited> {
  const { id, token } = await createToken(driveway, terms)
  return {
    bearer: { authorization: `Bearer ${token}` },
    async used() {
      const found = (await listTokens(driveway)).find((one) => one.id === id)
      return [found?.usedFiles ?? -1, found?.usedBytes ?? -1]
    },
  }
}

type Headers = Record<string, string>
const put = (headers: Headers, body: Buffer | string, at = driveway.origin, query = '') =>
  send(at, `/upload/a.bin${query}`, { method: 'PUT', headers, body })
const chunked = { 'transfer-encoding': 'chunked' }
const tus = { 'tus-resumable': '1.0.0' }
const outcome = (answer: RawAnswer): unknown[] => [answer.status, codeOf(answer)]
const limit = [403, 'token_quota_exceeded']

const parts = (...sizes: number[]): Buffer =>
  form('b', ...sizes.map((size, index) => filePart(`${index}.bin`, Buffer.alloc(size))))

const post = (headers: Headers, length: number): Promise<RawAnswer> =>
  send(driveway.origin, '/upload/tus', {
    method: 'POST',
    headers: { ...headers, ...tus, 'upload-length': String(length) },
  })
const end = (headers: Headers, location: string): Promise<RawAnswer> =>
  send(driveway.origin, new URL(location).pathname, {
    method: 'DELETE',
    headers: { ...headers, ...tus },
  })

describe('a raw body', () => {
  test('counts to the last byte, and one more is refused before Drive is asked', async () => {
    const { bearer, used } = await limited({ maxBytes: 1_000 })
    expect((await put(bearer, Buffer.alloc(600))).status).toBe(201)
    driveway.google.calls.length = 0
    expect(outcome(await put(bearer, Buffer.alloc(401)))).toEqual(limit)
    expect(driveway.driveCalls()).toEqual([])
    expect((await put(bearer, Buffer.alloc(400))).status).toBe(201)
    expect(outcome(await put(bearer, Buffer.alloc(1)))).toEqual(limit)
    expect((await put(bearer, Buffer.alloc(0))).status).toBe(201)
    expect(await used()).toEqual([3, 1_000])
  })

  test('of unknown length is refused in the middle, and nothing of it is stored', async () => {
    const { bearer, used } = await limited({ maxBytes: 2_000_000 })
    const answer = await put({ ...bearer, ...chunked }, Buffer.alloc(2_000_001))
    expect(outcome(answer)).toEqual(limit)
    await driveway.settled()
    expect(await used()).toEqual([0, 0])
    expect((await put({ ...bearer, ...chunked }, Buffer.alloc(2_000_000))).status).toBe(201)
    expect(await used()).toEqual([1, 2_000_000])
  })

  test('that fails is given back', async () => {
    const { bearer, used } = await limited({ maxBytes: 10_000, maxFiles: 1 })
    driveway.google.faults.add({ operation: 'drive.upload.multipart', status: 403, times: 9 })
    expect((await put(bearer, Buffer.alloc(10_000))).status).toBeGreaterThanOrEqual(400)
    driveway.google.faults.clear()
    expect(await used()).toEqual([0, 0])
    expect((await put(bearer, Buffer.alloc(10_000))).status).toBe(201)
  })

  test('that is skipped, or told once more under its key, counts for nothing', async () => {
    const { bearer, used } = await limited({ maxFiles: 2 })
    const named = { ...bearer, 'idempotency-key': `k${Math.random()}` }
    expect((await put(named, 'hello')).status).toBe(201)
    expect((await put(named, 'hello')).status).toBe(201)
    expect((await put(bearer, 'hello', undefined, '?mode=skip')).status).toBe(200)
    expect(await used()).toEqual([1, 5])
  })
})

describe('a form', () => {
  test('counts each of its files', async () => {
    const { bearer, used } = await limited({ maxFiles: 3, maxBytes: 1_000 })
    const at = { origin: driveway.origin, bearer }
    expect((await uploadForm(at, parts(100, 200))).status).toBe(201)
    expect(await used()).toEqual([2, 300])
    expect((await uploadForm(at, parts(700))).status).toBe(201)
    expect(await used()).toEqual([3, 1_000])
  })

  test.each([
    ['files', [10, 10, 10], { maxFiles: 2 }],
    ['bytes', [500, 501], { maxBytes: 1_000 }],
  ])('with too many %s is stored not at all', async (_, sizes, terms) => {
    const { bearer, used } = await limited(terms)
    const answer = await uploadForm({ origin: driveway.origin, bearer }, parts(...sizes))
    expect(outcome(answer)).toEqual(limit)
    await driveway.settled()
    expect(await used()).toEqual([0, 0])
  })
})

describe('tus', () => {
  test('counts when an upload is made, and gives back once what is given up', async () => {
    const { bearer, used } = await limited({ maxBytes: 1_000_000, maxFiles: 2 })
    const { status, headers } = await post(bearer, 1_000_000)
    expect(status).toBe(201)
    expect(outcome(await post(bearer, 1))).toEqual(limit)
    expect(await used()).toEqual([1, 1_000_000])
    const location = headers.location ?? ''
    const ends = await Promise.all([1, 2, 3, 4].map(() => end(bearer, location)))
    expect(ends.map((answer) => answer.status)).toContain(204)
    expect(await used()).toEqual([0, 0])
    expect((await post(bearer, 1_000_000)).status).toBe(201)
    await end(bearer, location)
    expect(await used()).toEqual([1, 1_000_000])
  })

  test('takes no upload of unknown length from a token that has so many bytes', async () => {
    const { bearer } = await limited({ maxBytes: 1_000 })
    const answer = await send(driveway.origin, '/upload/tus', {
      method: 'POST',
      headers: { ...bearer, ...tus, 'upload-defer-length': '1' },
    })
    expect(outcome(answer)).toEqual([411, 'length_required'])
  })
})

test('a ticket counts when it is opened', async () => {
  const { bearer, used } = await limited({ maxBytes: 1_000 })
  const ticket = (size: number): Promise<RawAnswer> =>
    send(driveway.origin, '/upload/tickets', {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'a.bin', size }),
    })
  expect(outcome(await ticket(1_001))).toEqual(limit)
  expect((await ticket(900)).status).toBe(201)
  expect(outcome(await ticket(101))).toEqual(limit)
  expect(await used()).toEqual([1, 900])
})

test('forty uploads at once at two instances: what has room is stored, the others are refused', async () => {
  const { bearer, used } = await limited({ maxBytes: 25_000 })
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      put(bearer, Buffer.alloc(1_000), (index % 2 ? driveway : beside).origin),
    ),
  )
  const stored = answers.filter(({ status }) => status === 201)
  expect(stored).toHaveLength(25)
  expect(answers.filter(({ status }) => status !== 201).map(outcome)).toEqual(
    Array.from({ length: 15 }, () => limit),
  )
  expect(await used()).toEqual([25, 25_000])
  expect(driveway.uploaded()).toHaveLength(25)
})
