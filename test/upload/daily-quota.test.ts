/** The daily quota of an account, for every upload method, on two instances. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { filePart, form, problemCode, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem, requestTicket, uploadFile } from '../kit/requests.ts'
import { startUploadGateway, waitFor } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'
import { chunkUnit, createTusClient, openPatch } from '../kit/tus.ts'
import type { TusClient } from '../kit/tus.ts'
import { createBearer } from '../kit/tokens.ts'

const dayMs = 24 * 60 * 60_000
const maxBytes = 1_000_000
const env = { LIMIT_BYTES_PER_DAY: String(maxBytes), LIMIT_FILES_PER_DAY: '4' }
/** Each test starts at noon of another day. */
let clock = dayMs * 1.5 - (Date.now() % dayMs)
const now = (): number => Date.now() + clock
const gateway = { chunkBytes: chunkUnit, sleep: () => Promise.resolve(), now }

let first: UploadGateway
let second: Driveway
let firstTus: TusClient
let secondTus: TusClient

beforeAll(async () => {
  first = await startUploadGateway({ env, gateway })
  second = Object.assign(await startDriveway({ sharing: first, env, gateway }), {
    bearer: first.bearer,
  })
  firstTus = createTusClient(first)
  secondTus = createTusClient(second)
})
afterAll(async () => {
  await second.close()
  await first.close()
})
beforeEach(() => {
  clock += dayMs
  first.google.faults.clear()
  first.google.drive.expireSessions()
  first.resetUploads()
})

/** Returns the account's usage of today. */
function usage(): [files: number, bytes: number] {
  const day = Math.floor(now() / dayMs)
  const id = createHash('sha256').update(`day\n${first.sub}\n${day}`).digest('hex')
  const record = first.google.firestore.dump().find(({ name }) => name.endsWith(`/usage/${id}`))
  const number = (name: string): number => {
    const { integerValue = 0 } = Object(record?.fields[name]) as { integerValue?: string }
    return Number(integerValue)
  }
  return [number('files'), number('bytes')]
}

type Account = Pick<Driveway, 'origin' | 'bearer'>
const expectExceeded = (response: RawResponse): void =>
  expectProblem(response, 429, 'daily_quota_exceeded')

const put = (account: Account, size: number, headers = {}): Promise<RawResponse> =>
  uploadFile(account, 'a.bin', Buffer.alloc(size), headers)
const post = (account: Account, size: number): Promise<RawResponse> =>
  uploadForm(account, form('b', filePart('a.bin', Buffer.alloc(size))))
const postTicket = (account: Account, size: number): Promise<RawResponse> =>
  requestTicket(account, { name: 'a.bin', size })

/** Uploads by tus, and sends the length with the last bytes. */
async function uploadDeferred(account: Account, size: number): Promise<RawResponse> {
  const client = createTusClient(account)
  const path = await client.create({ 'upload-defer-length': '1' })
  const firstBytes = size > 2 * chunkUnit ? 2 * chunkUnit : 0
  if (firstBytes > 0) {
    const response = await client.patch(path, 0, Buffer.alloc(firstBytes))
    if (response.status !== 204) return response
  }
  const length = { 'upload-length': String(size) }
  return client.patch(path, firstBytes, Buffer.alloc(size - firstBytes), length)
}

const methods: [string, (account: Account, size: number) => Promise<RawResponse>][] = [
  ['a form', post],
  ['a raw body', put],
  [
    'a raw body of unknown length',
    (account, size) => put(account, size, { 'transfer-encoding': 'chunked' }),
  ],
  ['tus', (account, size) => createTusClient(account).post({ 'upload-length': String(size) })],
  [
    'tus with its bytes',
    (account, size) =>
      createTusClient(account).post({ 'upload-length': String(size) }, Buffer.alloc(size)),
  ],
  ['tus of deferred length', uploadDeferred],
  ['a ticket', postTicket],
]

describe.each(methods)('an upload by %s', (_, upload) => {
  test('is charged to the last byte on every instance, and is rejected with Retry-After beyond the quota', async () => {
    expect((await upload(first, 600_000)).status).toBeLessThan(300)
    expect(usage()).toEqual([1, 600_000])
    expectExceeded(await put(second, 400_001))
    expect((await put(second, 400_000)).status).toBe(201)
    expect(usage()).toEqual([2, maxBytes])
    const response = await upload(second, 1)
    expectExceeded(response)
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(11 * 60 * 60)
    expect(usage()[1]).toBe(maxBytes)
    clock += dayMs
    expect((await upload(second, 1)).status).toBeLessThan(300)
  })

  test('is charged as one file, for all credentials of the account together', async () => {
    const bearers = [
      first.bearer,
      await createBearer(first),
      await createBearer(first, { maxFiles: 9 }),
    ]
    for (const bearer of bearers) {
      expect((await upload({ origin: second.origin, bearer }, 10)).status).toBeLessThan(300)
    }
    expect((await put(first, 0)).status).toBe(201)
    expect(usage()).toEqual([4, 30])
    expectExceeded(await put(second, 0))
  })
})

test.each(methods.slice(0, 3))('a failed upload by %s is not charged', async (_, upload) => {
  first.google.faults.add({ operation: 'drive.upload.*', status: 403, times: 99 })
  expect((await upload(first, 600_000)).status).toBeGreaterThanOrEqual(400)
  expect(usage()).toEqual([0, 0])
})

test('a form whose second file exceeds the quota is neither stored nor charged', async () => {
  const parts = [600_000, 400_001].map((size) => filePart(`${size}.bin`, Buffer.alloc(size)))
  expectExceeded(await uploadForm(second, form('b', ...parts)))
  await first.settled()
  expect(usage()).toEqual([0, 0])
})

describe('tus', () => {
  test('an upload that cannot be opened is not charged', async () => {
    first.google.faults.add({ operation: 'drive.upload.*', status: 403, times: 99 })
    const response = await firstTus.post({ 'upload-length': '600000' })
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(usage()).toEqual([0, 0])
  })

  test('a terminated upload is refunded once, regardless of the instance that terminates it', async () => {
    const path = await firstTus.create({ 'upload-length': String(maxBytes) })
    expect(usage()).toEqual([1, maxBytes])
    const responses = await Promise.all(
      [firstTus, secondTus, firstTus, secondTus].map((client) => client.remove(path)),
    )
    expect(responses.map(({ status }) => status)).toContain(204)
    expect(usage()).toEqual([0, 0])
    expect((await put(first, maxBytes)).status).toBe(201)
  })

  test('an upload of deferred length is refunded, and so is a file that DELETE removes', async () => {
    for (const isComplete of [false, true]) {
      const path = await firstTus.create({ 'upload-defer-length': '1' }, Buffer.alloc(chunkUnit))
      expect(usage()).toEqual([1, chunkUnit])
      const length = isComplete ? { 'upload-length': String(3 * chunkUnit) } : {}
      const response = await secondTus.patch(path, chunkUnit, Buffer.alloc(2 * chunkUnit), length)
      expect(response.status).toBe(204)
      expect(usage()).toEqual([1, 3 * chunkUnit])
      expect((await secondTus.remove(path)).status).toBe(204)
      expect(usage()).toEqual([0, 0])
    }
  })

  test('a PATCH of deferred length is rejected beyond the quota, and its stored bytes are charged', async () => {
    const path = await firstTus.create({ 'upload-defer-length': '1' })
    const response = await secondTus.patch(path, 0, Buffer.alloc(5 * chunkUnit))
    expectExceeded(response)
    const [files, bytes] = usage()
    expect(files).toBe(1)
    expect(bytes).toBe(Number((await firstTus.head(path)).headers['upload-offset']))
    expect(bytes).toBeLessThanOrEqual(maxBytes)
    await firstTus.remove(path)
    expect(usage()).toEqual([0, 0])
  })

  test('an interrupted PATCH of deferred length is charged for the bytes that Drive has stored', async () => {
    const path = await firstTus.create({ 'upload-defer-length': '1' })
    const connection = await openPatch(second, path, 0, 3 * chunkUnit)
    connection.socket.write(Buffer.alloc(chunkUnit + 1_000))
    await waitFor(() => usage()[1] > 0)
    connection.socket.destroy()
    await waitFor(() => usage()[1] === chunkUnit)
    expect((await firstTus.head(path)).headers['upload-offset']).toBe(String(chunkUnit))
  })

  test('a PATCH with a wrong offset is not charged', async () => {
    const path = await firstTus.create({ 'upload-defer-length': '1' })
    expect(problemCode(await firstTus.patch(path, chunkUnit, Buffer.alloc(chunkUnit)))).toBe(
      'offset_mismatch',
    )
    expect(usage()).toEqual([1, 0])
  })

  test('an upload that Drive has dropped is refunded once, at the next request for it', async () => {
    const path = await firstTus.create({ 'upload-length': '600000' })
    const deferred = await secondTus.create({ 'upload-defer-length': '1' })
    first.google.drive.expireSessions()
    expect((await firstTus.head(path)).status).toBe(410)
    expect(usage()).toEqual([1, 0])
    expect((await secondTus.remove(path)).status).toBe(410)
    expect((await firstTus.patch(deferred, 0, Buffer.alloc(chunkUnit))).status).toBe(410)
    expect(usage()).toEqual([0, 0])
  })

  test('a direct upload requires a length under a byte quota', async () => {
    const headers = { origin: first.origin, 'driveway-direct': '1' }
    const response = await firstTus.post({ ...headers, 'upload-defer-length': '1' })
    expectProblem(response, 411, 'length_required')
    expect(usage()).toEqual([0, 0])
    expect((await firstTus.post({ ...headers, 'upload-length': '10' })).status).toBe(201)
    expect(usage()).toEqual([1, 10])
  })
})
