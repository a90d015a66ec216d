/** Concurrent uploads of one name: except for `mode=new`, one of them creates the file. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { refusal } from '../faults/fixture.ts'
import { problemCode, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem, uploadFile } from '../kit/requests.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway
let second: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
  second = await startDriveway({ sharing: driveway, gateway })
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

afterAll(async () => {
  await second.close()
  await driveway.close()
})

function put(path: string, body: string | Buffer = 'hello', at: { origin: string } = driveway) {
  return uploadFile({ origin: at.origin, bearer: driveway.bearer }, path, body)
}

const unlisted = { operation: 'drive.files.list', status: 200, body: '{"files":[]}', times: 9 }

/** Sends ten concurrent uploads with different bytes to two instances. */
const race = (path: string, size = 10): Promise<RawResponse[]> =>
  Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      put(path, Buffer.alloc(size, n), n % 2 ? second : driveway),
    ),
  )

describe.each([10, 600_000])('of ten concurrent uploads of %d bytes', (size) => {
  test('one creates the file and nine are rejected with mode=error', async () => {
    const responses = await race(`error-${size}.bin?mode=error`, size)
    const rejected = responses.filter(({ status }) => status !== 201)
    expect([rejected.length, driveway.uploaded().length]).toEqual([9, 1])
    for (const response of rejected) {
      expect(response.status).toBe(409)
      expect(['file_exists', 'name_locked']).toContain(problemCode(response))
    }
  })

  test.each([
    ['skip', 'skipped'],
    ['replace', 'replaced'],
  ])('one creates the file, and nine %s it or return name_locked', async (mode, property) => {
    const path = `${mode}-${size}.bin?mode=${mode}`
    const responses = await race(path, size)
    const [file] = driveway.uploaded()
    expect(driveway.uploaded()).toHaveLength(1)
    expect(responses.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const response of responses.filter(({ status }) => status === 200)) {
      expect(JSON.parse(response.body)).toMatchObject({ id: file?.id, [property]: true })
    }
    for (const response of responses.filter(({ status }) => status > 201)) {
      expectProblem(response, 409, 'name_locked')
    }
    const last = await put(path, 'the last')
    expect([last.status, driveway.uploaded().length]).toEqual([200, 1])
  })
})

test('concurrent uploads with mode=replace replace an existing file without a lease in the store', async () => {
  await put('existing.bin?mode=replace')
  driveway.google.calls.length = 0
  const responses = await race('existing.bin?mode=replace')
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(driveway.google.calls.filter((call) => call === 'firestore.commit')).toEqual([])
  expect(driveway.uploaded()).toHaveLength(1)
})

test('a file that Drive does not list yet is a conflict', async () => {
  expect((await put('late.txt?mode=error')).status).toBe(201)
  driveway.google.faults.add(unlisted)
  expect(problemCode(await put('late.txt?mode=error'))).toBe('file_exists')
  expect(JSON.parse((await put('late.txt?mode=skip')).body)).toMatchObject({ skipped: true })
  expect(JSON.parse((await put('late.txt?mode=replace')).body)).toMatchObject({ replaced: true })
  expect(driveway.uploaded()).toHaveLength(1)
})

test('a name is released after a failed upload, and after its file is deleted', async () => {
  driveway.google.faults.add({ operation: 'drive.upload.multipart', status: 503, times: 99 })
  expect(problemCode(await put('again.txt?mode=error'))).toBe('drive_unavailable')
  driveway.google.faults.clear()
  const created = await put('again.txt?mode=error')
  expect(created.status).toBe(201)
  driveway.google.faults.add(unlisted, {
    operation: 'drive.files.get',
    ...refusal(404, 'notFound'),
  })
  expect((await put('again.txt?mode=error')).status).toBe(201)
})

test('uploads of one name to different folders, and of different names, do not conflict', async () => {
  const paths = ['a.txt', 'b.txt', 'one/a.txt', 'two/a.txt']
  const responses = await Promise.all(paths.map((path) => put(`${path}?mode=error`)))
  expect(responses.map(({ status }) => status)).toEqual([201, 201, 201, 201])
})
