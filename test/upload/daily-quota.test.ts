/** What an account may upload in a day, by every way in, at two instances. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { codeOf, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { bodyType, tus, unit } from '../kit/tus.ts'
import type { Tus } from '../kit/tus.ts'
import { bearerOf } from '../kit/tokens.ts'
import { dial, startUploading, until } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

const dayMs = 24 * 60 * 60_000
const most = 1_000_000
const env = { LIMIT_BYTES_PER_DAY: String(most), LIMIT_FILES_PER_DAY: '4' }
/** Each test has a day of its own, and begins it at noon. */
let clock = dayMs * 1.5 - (Date.now() % dayMs)
const now = (): number => Date.now() + clock
const gateway = { chunkBytes: unit, wait: () => Promise.resolve(), now }

let one: Uploading
let other: Driveway
let here: Tus
let there: Tus

beforeAll(async () => {
  one = await startUploading({ env, gateway })
  other = Object.assign(await startDriveway({ beside: one, env, gateway }), { bearer: one.bearer })
  here = tus(one)
  there = tus(other)
})
afterAll(async () => {
  await other.close()
  await one.close()
})
beforeEach(() => {
  clock += dayMs
  one.google.faults.clear()
  one.google.drive.forgetSessions()
  one.forget()
})

/** What is counted for the account today. */
function used(): [files: number, bytes: number] {
  const day = Math.floor(now() / dayMs)
  const id = createHash('sha256').update(`day\n${one.sub}\n${day}`).digest('hex')
  const found = one.google.firestore.dump().find(({ name }) => name.endsWith(`/usage/${id}`))
  const number = (name: string): number => {
    const { integerValue = 0 } = Object(found?.fields[name]) as { integerValue?: string }
    return Number(integerValue)
  }
  return [number('files'), number('bytes')]
}

type At = Pick<Driveway, 'origin' | 'bearer'>
const outcome = (answer: RawAnswer): unknown[] => [answer.status, codeOf(answer)]
const limit = [429, 'daily_quota_exceeded']

const put = ({ origin, bearer }: At, size: number, headers = {}): Promise<RawAnswer> =>
  send(origin, '/upload/a.bin', {
    method: 'PUT',
    headers: { ...bearer, ...headers },
    body: Buffer.alloc(size),
  })
const post = (at: At, size: number): Promise<RawAnswer> =>
  uploadForm(at, form('b', filePart('a.bin', Buffer.alloc(size))))
const ticket = ({ origin, bearer }: At, size: number): Promise<RawAnswer> =>
  send(origin, '/upload/tickets', {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'a.bin', size }),
  })

/** The length is told with the bytes that end it. */
async function deferred(at: At, size: number): Promise<RawAnswer> {
  const client = tus(at)
  const path = await client.create({ 'upload-defer-length': '1' })
  const first = Math.min(size - 1, 2 * unit)
  const whole = first < 2 * unit ? 0 : first
  if (whole > 0) {
    const answer = await client.patch(path, 0, Buffer.alloc(whole))
    if (answer.status !== 204) return answer
  }
  return client.patch(path, whole, Buffer.alloc(size - whole), { 'upload-length': String(size) })
}

const ways: [string, (at: At, size: number) => Promise<RawAnswer>][] = [
  ['a form', post],
  ['a raw body', put],
  ['a raw body of unknown length', (at, size) => put(at, size, { 'transfer-encoding': 'chunked' })],
  ['tus', (at, size) => tus(at).post({ 'upload-length': String(size) })],
  [
    'tus with its bytes',
    (at, size) => tus(at).post({ 'upload-length': String(size) }, Buffer.alloc(size)),
  ],
  ['tus of deferred length', deferred],
  ['a ticket', ticket],
]

describe.each(ways)('%s', (_, upload) => {
  test('counts to the last byte wherever it comes in, and the answer says when to come again', async () => {
    expect((await upload(one, 600_000)).status).toBeLessThan(300)
    expect(used()).toEqual([1, 600_000])
    expect(outcome(await put(other, 400_001))).toEqual(limit)
    expect((await put(other, 400_000)).status).toBe(201)
    expect(used()).toEqual([2, most])
    const answer = await upload(other, 1)
    expect(outcome(answer)).toEqual(limit)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(11 * 60 * 60)
    expect(used()[1]).toBe(most)
    clock += dayMs
    expect((await upload(other, 1)).status).toBeLessThan(300)
  })

  test('counts as one file, for all credentials together', async () => {
    const bearers = [one.bearer, await bearerOf(one), await bearerOf(one, { maxFiles: 9 })]
    for (const bearer of bearers) {
      expect((await upload({ origin: other.origin, bearer }, 10)).status).toBeLessThan(300)
    }
    expect((await put(one, 0)).status).toBe(201)
    expect(used()).toEqual([4, 30])
    expect(outcome(await put(other, 0))).toEqual(limit)
  })
})

test.each(ways.slice(0, 3))('%s that fails counts for nothing', async (_, upload) => {
  one.google.faults.add({ operation: 'drive.upload.*', status: 403, times: 99 })
  expect((await upload(one, 600_000)).status).toBeGreaterThanOrEqual(400)
  expect(used()).toEqual([0, 0])
})

test('a form of which one file is too much leaves nothing, and counts for nothing', async () => {
  const parts = [600_000, 400_001].map((size) => filePart(`${size}.bin`, Buffer.alloc(size)))
  expect(outcome(await uploadForm(other, form('b', ...parts)))).toEqual(limit)
  await one.settled()
  expect(used()).toEqual([0, 0])
})

describe('tus', () => {
  test('an upload that cannot be opened counts for nothing', async () => {
    one.google.faults.add({ operation: 'drive.upload.*', status: 403, times: 99 })
    const answer = await here.post({ 'upload-length': '600000' })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(used()).toEqual([0, 0])
  })

  test('what is given up is given back, once, wherever it is ended', async () => {
    const path = await here.create({ 'upload-length': String(most) })
    expect(used()).toEqual([1, most])
    const ends = await Promise.all([here, there, here, there].map((at) => at.remove(path)))
    expect(ends.map(({ status }) => status)).toContain(204)
    expect(used()).toEqual([0, 0])
    expect((await put(one, most)).status).toBe(201)
  })

  test('so is what came of one whose length nobody knew, and a file that is taken out again', async () => {
    for (const end of [false, true]) {
      const path = await here.create({ 'upload-defer-length': '1' }, Buffer.alloc(unit))
      expect(used()).toEqual([1, unit])
      const length = end ? { 'upload-length': String(3 * unit) } : {}
      const answer = await there.patch(path, unit, Buffer.alloc(2 * unit), length)
      expect(answer.status).toBe(204)
      expect(used()).toEqual([1, 3 * unit])
      expect((await there.remove(path)).status).toBe(204)
      expect(used()).toEqual([0, 0])
    }
  })

  test('bytes of deferred length are refused in the middle, and those before them count', async () => {
    const path = await here.create({ 'upload-defer-length': '1' })
    const answer = await there.patch(path, 0, Buffer.alloc(5 * unit))
    expect(outcome(answer)).toEqual(limit)
    const [files, bytes] = used()
    expect(files).toBe(1)
    expect(bytes).toBe(Number((await here.head(path)).headers['upload-offset']))
    expect(bytes).toBeLessThanOrEqual(most)
    await here.remove(path)
    expect(used()).toEqual([0, 0])
  })

  test('a request of deferred length that is cut off counts for what Drive has kept of it', async () => {
    const path = await here.create({ 'upload-defer-length': '1' })
    const line = await dial(other.origin)
    const head = [
      `PATCH ${path} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${one.bearer['authorization']}`,
      'Tus-Resumable: 1.0.0',
      `Content-Type: ${bodyType}`,
      'Upload-Offset: 0',
      `Content-Length: ${3 * unit}`,
    ]
    line.socket.write(`${head.join('\r\n')}\r\n\r\n`)
    line.socket.write(Buffer.alloc(unit + 1_000))
    await until(() => used()[1] > 0)
    line.socket.destroy()
    await until(() => used()[1] === unit)
    expect((await here.head(path)).headers['upload-offset']).toBe(String(unit))
  })

  test('bytes sent to where Drive is not count for nothing', async () => {
    const path = await here.create({ 'upload-defer-length': '1' })
    expect(codeOf(await here.patch(path, unit, Buffer.alloc(unit)))).toBe('offset_mismatch')
    expect(used()).toEqual([1, 0])
  })

  test('one of which Drive knows nothing any more is given back when that is seen, once', async () => {
    const path = await here.create({ 'upload-length': '600000' })
    const late = await there.create({ 'upload-defer-length': '1' })
    one.google.drive.forgetSessions()
    expect((await here.head(path)).status).toBe(410)
    expect(used()).toEqual([1, 0])
    expect((await there.remove(path)).status).toBe(410)
    expect((await here.patch(late, 0, Buffer.alloc(unit))).status).toBe(410)
    expect(used()).toEqual([0, 0])
  })

  test('bytes that go straight to Drive have a length, where bytes are limited', async () => {
    const headers = { origin: one.origin, 'driveway-direct': '1' }
    const answer = await here.post({ ...headers, 'upload-defer-length': '1' })
    expect(outcome(answer)).toEqual([411, 'length_required'])
    expect(used()).toEqual([0, 0])
    expect((await here.post({ ...headers, 'upload-length': '10' })).status).toBe(201)
    expect(used()).toEqual([1, 10])
  })
})
