/** The upload quota of a token, with each upload method. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { listTokens, createToken } from '../kit/tokens.ts'
import { postJson, putFile, statusAndCode } from '../kit/requests.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway
let otherInstance: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
  otherInstance = await startDriveway({ sharing: driveway, gateway })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})
afterEach(() => {
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
  driveway.resetUploads()
})

interface LimitedToken {
  bearer: Record<string, string>
  used(): Promise<[files: number, bytes: number]>
}

async function createLimitedToken(params: object): Promise<LimitedToken> {
  const { id, token } = await createToken(driveway, params)
  return {
    bearer: { authorization: `Bearer ${token}` },
    async used() {
      const listed = (await listTokens(driveway)).find((entry) => entry.id === id)
      return [listed?.usedFiles ?? -1, listed?.usedBytes ?? -1]
    },
  }
}

type Headers = Record<string, string>
const put = (headers: Headers, body: Buffer | string, gateway: Driveway = driveway) =>
  putFile(gateway, headers, 'a.bin', body)
const chunked = { 'transfer-encoding': 'chunked' }
const tus = { 'tus-resumable': '1.0.0' }
const quotaExceeded = [403, 'token_quota_exceeded']

const formOf = (...sizes: number[]): Buffer =>
  form('b', ...sizes.map((size, index) => filePart(`${index}.bin`, Buffer.alloc(size))))

const createTusUpload = (headers: Headers, length: number): Promise<RawResponse> =>
  send(driveway.origin, '/upload/tus', {
    method: 'POST',
    headers: { ...headers, ...tus, 'upload-length': String(length) },
  })
const deleteTusUpload = (headers: Headers, location: string): Promise<RawResponse> =>
  send(driveway.origin, new URL(location).pathname, {
    method: 'DELETE',
    headers: { ...headers, ...tus },
  })

describe('a raw body', () => {
  test('is counted exactly, and one byte over the quota is rejected before any request to Drive', async () => {
    const { bearer, used } = await createLimitedToken({ maxBytes: 1_000 })
    expect((await put(bearer, Buffer.alloc(600))).status).toBe(201)
    driveway.google.calls.length = 0
    expect(statusAndCode(await put(bearer, Buffer.alloc(401)))).toEqual(quotaExceeded)
    expect(driveway.driveCalls()).toEqual([])
    expect((await put(bearer, Buffer.alloc(400))).status).toBe(201)
    expect(statusAndCode(await put(bearer, Buffer.alloc(1)))).toEqual(quotaExceeded)
    expect((await put(bearer, Buffer.alloc(0))).status).toBe(201)
    expect(await used()).toEqual([3, 1_000])
  })

  test('of unknown length is aborted at the quota and not stored', async () => {
    const { bearer, used } = await createLimitedToken({ maxBytes: 2_000_000 })
    const response = await put({ ...bearer, ...chunked }, Buffer.alloc(2_000_001))
    expect(statusAndCode(response)).toEqual(quotaExceeded)
    await driveway.settled()
    expect(await used()).toEqual([0, 0])
    expect((await put({ ...bearer, ...chunked }, Buffer.alloc(2_000_000))).status).toBe(201)
    expect(await used()).toEqual([1, 2_000_000])
  })

  test('that fails is refunded', async () => {
    const { bearer, used } = await createLimitedToken({ maxBytes: 10_000, maxFiles: 1 })
    driveway.google.faults.add({ operation: 'drive.upload.multipart', status: 403, times: 9 })
    expect((await put(bearer, Buffer.alloc(10_000))).status).toBeGreaterThanOrEqual(400)
    driveway.google.faults.clear()
    expect(await used()).toEqual([0, 0])
    expect((await put(bearer, Buffer.alloc(10_000))).status).toBe(201)
  })

  test('that is skipped or replayed under its idempotency key is not counted', async () => {
    const { bearer, used } = await createLimitedToken({ maxFiles: 2 })
    const named = { ...bearer, 'idempotency-key': `k${Math.random()}` }
    expect((await put(named, 'hello')).status).toBe(201)
    expect((await put(named, 'hello')).status).toBe(201)
    expect((await putFile(driveway, bearer, 'a.bin?mode=skip')).status).toBe(200)
    expect(await used()).toEqual([1, 5])
  })
})

describe('a form', () => {
  test('counts each file', async () => {
    const { bearer, used } = await createLimitedToken({ maxFiles: 3, maxBytes: 1_000 })
    const at = { origin: driveway.origin, bearer }
    expect((await uploadForm(at, formOf(100, 200))).status).toBe(201)
    expect(await used()).toEqual([2, 300])
    expect((await uploadForm(at, formOf(700))).status).toBe(201)
    expect(await used()).toEqual([3, 1_000])
  })

  test.each([
    ['files', [10, 10, 10], { maxFiles: 2 }],
    ['bytes', [500, 501], { maxBytes: 1_000 }],
  ])('with too many %s is rejected as a whole', async (_, sizes, params) => {
    const { bearer, used } = await createLimitedToken(params)
    const response = await uploadForm({ origin: driveway.origin, bearer }, formOf(...sizes))
    expect(statusAndCode(response)).toEqual(quotaExceeded)
    await driveway.settled()
    expect(await used()).toEqual([0, 0])
  })
})

describe('tus', () => {
  test('counts an upload at its creation and refunds it once when it is deleted', async () => {
    const { bearer, used } = await createLimitedToken({ maxBytes: 1_000_000, maxFiles: 2 })
    const { status, headers } = await createTusUpload(bearer, 1_000_000)
    expect(status).toBe(201)
    expect(statusAndCode(await createTusUpload(bearer, 1))).toEqual(quotaExceeded)
    expect(await used()).toEqual([1, 1_000_000])
    const location = headers.location ?? ''
    const ends = await Promise.all([1, 2, 3, 4].map(() => deleteTusUpload(bearer, location)))
    expect(ends.map((response) => response.status)).toContain(204)
    expect(await used()).toEqual([0, 0])
    expect((await createTusUpload(bearer, 1_000_000)).status).toBe(201)
    await deleteTusUpload(bearer, location)
    expect(await used()).toEqual([1, 1_000_000])
  })

  test('rejects an upload of unknown length when the token has a byte quota', async () => {
    const { bearer } = await createLimitedToken({ maxBytes: 1_000 })
    const response = await send(driveway.origin, '/upload/tus', {
      method: 'POST',
      headers: { ...bearer, ...tus, 'upload-defer-length': '1' },
    })
    expect(statusAndCode(response)).toEqual([411, 'length_required'])
  })
})

test('A ticket is counted when it is issued', async () => {
  const { bearer, used } = await createLimitedToken({ maxBytes: 1_000 })
  const issueTicket = (size: number): Promise<RawResponse> =>
    postJson(driveway, '/upload/tickets', bearer, { name: 'a.bin', size })
  expect(statusAndCode(await issueTicket(1_001))).toEqual(quotaExceeded)
  expect((await issueTicket(900)).status).toBe(201)
  expect(statusAndCode(await issueTicket(101))).toEqual(quotaExceeded)
  expect(await used()).toEqual([1, 900])
})

test('Of forty concurrent uploads at two instances exactly those within the quota are stored', async () => {
  const { bearer, used } = await createLimitedToken({ maxBytes: 25_000 })
  const responses = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      put(bearer, Buffer.alloc(1_000), index % 2 ? driveway : otherInstance),
    ),
  )
  const stored = responses.filter(({ status }) => status === 201)
  expect(stored).toHaveLength(25)
  expect(responses.filter(({ status }) => status !== 201).map(statusAndCode)).toEqual(
    Array.from({ length: 15 }, () => quotaExceeded),
  )
  expect(await used()).toEqual([25, 25_000])
  expect(driveway.uploaded()).toHaveLength(25)
})
