/** Drive errors during a PATCH, and clients that resume at the offset of HEAD. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { Fault } from '../../../infra/sandbox/faults.ts'
import { pattern, refusal, sha256Of, startFaultyDriveway } from '../../faults/fixture.ts'
import { problemCode } from '../../kit/environment.ts'
import type { Driveway, RawResponse } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { chunkUnit, createTusClient, encodeMetadata, offsetOf } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: Driveway
let client: TusClient

beforeAll(async () => {
  driveway = await startFaultyDriveway({
    driveTimeouts: { connect: 5_000, progress: 600, response: 600 },
  })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
})

interface StartedUpload {
  path: string
  name: string
  bytes: Buffer
}

/** Starts an upload of which Drive stores one unit, then adds the faults. */
async function startUpload(size: number, ...faults: Fault[]): Promise<StartedUpload> {
  const bytes = pattern(size)
  const name = randomUUID()
  const path = await client.create({
    'upload-length': String(size),
    'upload-metadata': encodeMetadata({ name }),
  })
  expect((await client.patch(path, 0, bytes.subarray(0, chunkUnit))).status).toBe(204)
  driveway.google.faults.add(...faults)
  return { path, name, bytes }
}

/** Sends the bytes from `offset` on. */
function sendRest({ path, bytes }: StartedUpload, offset = chunkUnit): Promise<RawResponse> {
  return client.patch(path, offset, bytes.subarray(offset))
}

function stored({ name }: StartedUpload): unknown[] {
  const files = driveway.google.drive.filesOf(driveway.sub)
  return files.filter((file) => file.name === name).map(({ size, sha256 }) => [size, sha256])
}

function expectStored(upload: StartedUpload): void {
  expect(stored(upload)).toEqual([[upload.bytes.length, sha256Of(upload.bytes)]])
}

const chunk = 'drive.upload.chunk'

describe('PATCH returns 204 in spite of', () => {
  test.each<[string, Fault]>([
    ['503 for a chunk', { operation: chunk, status: 503, times: 2 }],
    ['429 for a chunk', { operation: chunk, status: 429, headers: { 'retry-after': '1' } }],
    ['a rate limit', { operation: chunk, ...refusal(403, 'userRateLimitExceeded') }],
    ['a rejected access token', { operation: chunk, status: 401 }],
    ['a reset before the first byte', { operation: chunk, reset: true }],
    ['a timeout before the first byte', { operation: chunk, hang: 'headers' }],
    ['a partly stored chunk', { operation: chunk, acceptBytes: 100_001 }],
    ['503 for the status request', { operation: 'drive.upload.status', status: 503, times: 2 }],
    ['401 for the status request', { operation: 'drive.upload.status', status: 401 }],
    ['a session that is temporarily lost', { operation: chunk, status: 410 }],
  ])('%s', async (_, fault) => {
    const upload = await startUpload(4 * chunkUnit + 5, fault)
    const response = await sendRest(upload)
    expect([response.status, offsetOf(response)]).toEqual([204, 4 * chunkUnit + 5])
    expectStored(upload)
  })
})

describe('PATCH returns offset_mismatch, and the client resumes at the offset of HEAD, after', () => {
  test.each<[string, Fault, number]>([
    ['a partly stored chunk', { operation: chunk, resetAfterBytes: chunkUnit }, 2 * chunkUnit],
    ['a lost response to a chunk', { operation: chunk, dropResponse: true }, 2 * chunkUnit],
    ['a response without a Range', { operation: chunk, range: null }, 2 * chunkUnit],
    [
      '503 for a stored chunk',
      { operation: chunk, status: 503, afterHandling: true },
      2 * chunkUnit,
    ],
  ])('%s', async (_, fault, offset) => {
    const upload = await startUpload(4 * chunkUnit + 5, fault)
    const response = await sendRest(upload)
    expectProblem(response, 409, 'offset_mismatch')
    expect([offsetOf(response), offsetOf(await client.head(upload.path))]).toEqual([offset, offset])
    expect((await sendRest(upload, offset)).status).toBe(204)
    expectStored(upload)
  })
  test('a lost last response, and HEAD describes the complete file', async () => {
    const upload = await startUpload(2 * chunkUnit, { operation: chunk, dropResponse: true })
    expect((await sendRest(upload)).status).toBe(409)
    const head = await client.head(upload.path)
    expect([offsetOf(head), head.headers['upload-length']]).toEqual([
      2 * chunkUnit,
      String(2 * chunkUnit),
    ])
    expect(head.headers['driveway-file-sha256']).toBe(sha256Of(upload.bytes))
    expectStored(upload)
  })
})

describe('a tus upload', () => {
  test('returns upload_gone when Drive has dropped the session', async () => {
    const upload = await startUpload(3 * chunkUnit, { operation: chunk, expireSession: true })
    const response = await sendRest(upload)
    expectProblem(response, 410, 'upload_gone')
    expect((await client.head(upload.path)).status).toBe(410)
    expect(stored(upload)).toEqual([])
  })
  test('returns drive_full when the Drive is full', async () => {
    driveway.google.drive.setQuota(0)
    const response = await client.post({ 'upload-length': '5' })
    driveway.google.drive.setQuota(Infinity)
    expectProblem(response, 507, 'drive_full')
    expect(driveway.google.drive.openSessions()).toBe(0)
  })
  test('returns drive_not_found at its creation for an unknown folder', async () => {
    const metadata = encodeMetadata({ filename: 'a', folder: 'nothing-here' })
    const response = await client.post({ 'upload-length': '5', 'upload-metadata': metadata })
    expectProblem(response, 404, 'drive_not_found')
  })
  test('returns integrity_check_failed and removes the file when Drive returns another checksum', async () => {
    const wrong = { sha256Checksum: '0'.repeat(64) }
    for (const size of [9, 2 * chunkUnit + 9]) {
      const bytes = pattern(size)
      const path = await client.create({ 'upload-length': String(size) })
      const files = driveway.google.drive.filesOf(driveway.sub).length
      const last = size > chunkUnit ? 1 : 0
      driveway.google.faults.add({ operation: chunk, skip: last * 2, file: wrong })
      const response = await client.patch(path, 0, bytes)
      expectProblem(response, 502, 'integrity_check_failed')
      expect(driveway.google.drive.filesOf(driveway.sub)).toHaveLength(files)
      expect((await client.head(path)).status).toBe(410)
      driveway.google.faults.clear()
    }
  })
  test('returns digest_mismatch when the bytes do not match the sha256 of Upload-Metadata', async () => {
    const bytes = pattern(2 * chunkUnit)
    for (const sha256 of [sha256Of(bytes), sha256Of(pattern(9))]) {
      const metadata = encodeMetadata({ filename: sha256, sha256 })
      const path = await client.create({
        'upload-length': String(bytes.length),
        'upload-metadata': metadata,
      })
      await client.patch(path, 0, bytes.subarray(0, chunkUnit))
      const response = await client.patch(path, chunkUnit, bytes.subarray(chunkUnit))
      const matches = sha256 === sha256Of(bytes)
      expect(response.status).toBe(matches ? 204 : 400)
      if (!matches) expect(problemCode(response)).toBe('digest_mismatch')
      expect((await client.head(path)).status).toBe(matches ? 200 : 410)
      const complete = await client.post(
        { 'upload-length': String(2 * chunkUnit), 'upload-metadata': metadata },
        bytes,
      )
      expect(complete.status).toBe(matches ? 201 : 400)
    }
  })
})
