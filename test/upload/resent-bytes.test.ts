/** Drive was reported to reject bytes that it has stored, and to ignore them: uploads work with both. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { pattern } from '../faults/fixture.ts'
import {
  expectProblem,
  fileResult,
  putBytes,
  parseJson,
  requestTicket,
  uploadFile,
} from '../kit/requests.ts'
import { createTusClient, offsetOf } from '../kit/tus.ts'
import { expectFiles, startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const unit = 256 * 1024
const bytes = pattern(unit * 4 + 5)

describe.each(['reject', 'accept'] as const)('with resentBytes: %s', (resentBytes) => {
  let driveway: UploadGateway

  beforeAll(async () => {
    driveway = await startUploadGateway({
      gateway: { chunkBytes: unit, sleep: () => Promise.resolve() },
      google: { drive: { resentBytes } },
    })
  })
  afterEach(() => {
    driveway.google.faults.clear()
    driveway.resetUploads()
  })
  afterAll(() => driveway.close())

  test.each<[string, Omit<Fault, 'operation'>]>([
    ['lost', { dropResponse: true }],
    ['replaced by a 503', { status: 503, afterHandling: true }],
    ['a Range that is too low', { range: `bytes=0-${unit / 2 - 1}` }],
    ['without a Range', { range: null }],
    ['cut short', { acceptBytes: 1000 }],
  ])('an upload is stored once when a response to a chunk is %s', async (_, fault) => {
    driveway.google.faults.add({ operation: 'drive.upload.chunk', skip: 1, ...fault })
    const response = await uploadFile(driveway, 'large.bin', bytes)
    expect([response.status, fileResult(response).size]).toEqual([201, bytes.length])
    expectFiles(driveway, bytes)
  })

  test('a tus upload continues after a PATCH whose chunk was stored and answered with 503', async () => {
    const tus = createTusClient(driveway)
    const path = await tus.create({ 'upload-length': String(bytes.length) })
    const fault = { operation: 'drive.upload.chunk', status: 503, afterHandling: true }
    driveway.google.faults.add(fault)
    const lost = await tus.patch(path, 0, bytes.subarray(0, unit * 2))
    expectProblem(lost, 409, 'offset_mismatch')
    const offset = offsetOf(await tus.head(path))
    expect((await tus.patch(path, offset, bytes.subarray(offset))).status).toBe(204)
    expectFiles(driveway, bytes)
  })
})

test('a direct upload may send all bytes again after an interruption with resentBytes: accept', async () => {
  const driveway = await startUploadGateway({ google: { drive: { resentBytes: 'accept' } } })
  const file = { name: 'direct.bin', size: bytes.length, type: 'text/plain' }
  const { uploadUrl } = parseJson<{ uploadUrl: string }>(await requestTicket(driveway, file))
  driveway.google.faults.add({ operation: 'drive.upload.chunk', resetAfterBytes: unit * 2 })
  await expect(putBytes(uploadUrl, bytes)).rejects.toThrow()
  expect((await putBytes(uploadUrl, bytes)).status).toBe(200)
  expectFiles(driveway, bytes)
  await driveway.close()
})
