/** A Drive that fails in the middle of a PATCH, and a client that goes on as HEAD tells it to. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { Fault } from '../../../infra/sandbox/faults.ts'
import { pattern, refusal, sha256Of, startFaulty } from '../../faults/fixture.ts'
import type { Driveway, RawAnswer } from '../../kit/environment.ts'
import { codeOf } from '../../kit/environment.ts'
import { metadata, offsetOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

let driveway: Driveway
let client: Tus

beforeAll(async () => {
  driveway = await startFaulty({ driveTimeouts: { connect: 5_000, progress: 600, answer: 600 } })
  client = tus(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.faults.clear()
  driveway.google.drive.forgetSessions()
})

interface Begun {
  path: string
  name: string
  bytes: Buffer
}

/** An upload of which Drive has one unit; what is to fail fails from then on. */
async function begun(size: number, ...faults: Fault[]): Promise<Begun> {
  const bytes = pattern(size)
  const name = randomUUID()
  const path = await client.create({
    'upload-length': String(size),
    'upload-metadata': metadata({ name }),
  })
  expect((await client.patch(path, 0, bytes.subarray(0, unit))).status).toBe(204)
  driveway.google.faults.add(...faults)
  return { path, name, bytes }
}

function rest({ path, bytes }: Begun, offset = unit): Promise<RawAnswer> {
  return client.patch(path, offset, bytes.subarray(offset))
}

function stored({ name }: Begun): unknown[] {
  const files = driveway.google.drive.filesOf(driveway.sub)
  return files.filter((file) => file.name === name).map(({ size, sha256 }) => [size, sha256])
}

function expectStored(upload: Begun): void {
  expect(stored(upload)).toEqual([[upload.bytes.length, sha256Of(upload.bytes)]])
}

const chunk = 'drive.upload.chunk'

describe('what the client does not notice', () => {
  test.each<[string, Fault]>([
    ['503 instead of the chunk', { operation: chunk, status: 503, times: 2 }],
    ['429', { operation: chunk, status: 429, headers: { 'retry-after': '1' } }],
    ['a rate limit', { operation: chunk, ...refusal(403, 'userRateLimitExceeded') }],
    ['a token refused', { operation: chunk, status: 401 }],
    ['a reset before anything', { operation: chunk, reset: true }],
    ['a hang before anything', { operation: chunk, hang: 'headers' }],
    ['a chunk of which only some was taken', { operation: chunk, acceptBytes: 100_001 }],
    ['503 to the question', { operation: 'drive.upload.status', status: 503, times: 2 }],
    ['401 to the question', { operation: 'drive.upload.status', status: 401 }],
    ['a session that only seems lost', { operation: chunk, status: 410 }],
  ])('%s', async (_, fault) => {
    const upload = await begun(4 * unit + 5, fault)
    const answer = await rest(upload)
    expect([answer.status, offsetOf(answer)]).toEqual([204, 4 * unit + 5])
    expectStored(upload)
  })
})

describe('what may have been somebody else’s: the client asks and goes on', () => {
  test.each<[string, Fault, number]>([
    ['a chunk of which some was kept', { operation: chunk, resetAfterBytes: unit }, 2 * unit],
    ['a chunk whose answer was lost', { operation: chunk, loseAnswer: true }, 2 * unit],
    ['an answer without a Range', { operation: chunk, range: null }, 2 * unit],
    ['503 afterwards', { operation: chunk, status: 503, afterwards: true }, 2 * unit],
  ])('%s', async (_, fault, offset) => {
    const upload = await begun(4 * unit + 5, fault)
    const answer = await rest(upload)
    expect([answer.status, codeOf(answer)]).toEqual([409, 'offset_mismatch'])
    expect([offsetOf(answer), offsetOf(await client.head(upload.path))]).toEqual([offset, offset])
    expect((await rest(upload, offset)).status).toBe(204)
    expectStored(upload)
  })
  test('the last answer lost: HEAD says that it is whole', async () => {
    const upload = await begun(2 * unit, { operation: chunk, loseAnswer: true })
    expect((await rest(upload)).status).toBe(409)
    const head = await client.head(upload.path)
    expect([offsetOf(head), head.headers['upload-length']]).toEqual([2 * unit, String(2 * unit)])
    expect(head.headers['driveway-file-sha256']).toBe(sha256Of(upload.bytes))
    expectStored(upload)
  })
})

describe('what ends an upload', () => {
  test('a session that Drive has dropped (case 69)', async () => {
    const upload = await begun(3 * unit, { operation: chunk, forget: true })
    const answer = await rest(upload)
    expect([answer.status, codeOf(answer)]).toEqual([410, 'upload_gone'])
    expect((await client.head(upload.path)).status).toBe(410)
    expect(stored(upload)).toEqual([])
  })
  test('a Drive that is full', async () => {
    driveway.google.drive.setQuota(0)
    const answer = await client.post({ 'upload-length': '5' })
    driveway.google.drive.setQuota(Infinity)
    expect([answer.status, codeOf(answer)]).toEqual([507, 'drive_full'])
    expect(driveway.google.drive.openSessions()).toBe(0)
  })
  test('a folder that is not there, before any byte', async () => {
    const said = metadata({ filename: 'a', folder: 'nothing-here' })
    const answer = await client.post({ 'upload-length': '5', 'upload-metadata': said })
    expect([answer.status, codeOf(answer)]).toEqual([404, 'drive_not_found'])
  })
  test('a checksum of Drive’s that is not that of the bytes: the file is removed', async () => {
    const wrong = { sha256Checksum: '0'.repeat(64) }
    for (const size of [9, 2 * unit + 9]) {
      const bytes = pattern(size)
      const path = await client.create({ 'upload-length': String(size) })
      const files = driveway.google.drive.filesOf(driveway.sub).length
      const last = size > unit ? 1 : 0
      driveway.google.faults.add({ operation: chunk, skip: last * 2, file: wrong })
      const answer = await client.patch(path, 0, bytes)
      expect([answer.status, codeOf(answer)]).toEqual([502, 'integrity_check_failed'])
      expect(driveway.google.drive.filesOf(driveway.sub)).toHaveLength(files)
      expect((await client.head(path)).status).toBe(410)
      driveway.google.faults.clear()
    }
  })
  test('bytes that are not those of the sha256 that the client gave', async () => {
    const bytes = pattern(2 * unit)
    for (const sha256 of [sha256Of(bytes), sha256Of(pattern(9))]) {
      const said = metadata({ filename: sha256, sha256 })
      const path = await client.create({
        'upload-length': String(bytes.length),
        'upload-metadata': said,
      })
      await client.patch(path, 0, bytes.subarray(0, unit))
      const answer = await client.patch(path, unit, bytes.subarray(unit))
      const isRight = sha256 === sha256Of(bytes)
      expect(answer.status).toBe(isRight ? 204 : 400)
      if (!isRight) expect(codeOf(answer)).toBe('digest_mismatch')
      expect((await client.head(path)).status).toBe(isRight ? 200 : 410)
      const whole = await client.post(
        { 'upload-length': String(2 * unit), 'upload-metadata': said },
        bytes,
      )
      expect(whole.status).toBe(isRight ? 201 : 400)
    }
  })
})
