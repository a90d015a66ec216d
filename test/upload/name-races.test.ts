/** Uploads that race for one name, but for `mode=new`: one of them makes the file. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { refusal } from '../faults/fixture.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import type { Uploading } from '../kit/upload.ts'
import { startUploading } from '../kit/upload.ts'

let driveway: Uploading
let beside: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, wait: () => Promise.resolve() }
  driveway = await startUploading({ gateway })
  beside = await startDriveway({ beside: driveway, gateway })
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.forget()
})

afterAll(async () => {
  await beside.close()
  await driveway.close()
})

function put(path: string, body: string | Buffer = 'hello', at: { origin: string } = driveway) {
  const headers = driveway.bearer
  return send(at.origin, `/upload/${path}`, { method: 'PUT', headers, body })
}

const unlisted = { operation: 'drive.files.list', status: 200, body: '{"files":[]}', times: 9 }

/** Ten at the same time, each with other bytes, at two instances. */
const race = (path: string, size = 10): Promise<RawAnswer[]> =>
  Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      put(path, Buffer.alloc(size, n), n % 2 ? beside : driveway),
    ),
  )

describe.each([10, 600_000])('of ten that race with %d bytes', (size) => {
  test('one makes the file and nine are refused (mode=error)', async () => {
    const answers = await race(`error-${size}.bin?mode=error`, size)
    const refused = answers.filter(({ status }) => status !== 201)
    expect([refused.length, driveway.uploaded().length]).toEqual([9, 1])
    for (const answer of refused) {
      expect(answer.status).toBe(409)
      expect(['file_exists', 'name_locked']).toContain(codeOf(answer))
    }
  })

  test.each([
    ['skip', 'skipped'],
    ['replace', 'replaced'],
  ])('one makes the file and nine %s it or come again', async (mode, done) => {
    const path = `${mode}-${size}.bin?mode=${mode}`
    const answers = await race(path, size)
    const [file] = driveway.uploaded()
    expect(driveway.uploaded()).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const answer of answers.filter(({ status }) => status === 200)) {
      expect(JSON.parse(answer.body)).toMatchObject({ id: file?.id, [done]: true })
    }
    for (const answer of answers.filter(({ status }) => status > 201)) {
      expect([answer.status, codeOf(answer)]).toEqual([409, 'name_locked'])
    }
    const last = await put(path, 'the last')
    expect([last.status, driveway.uploaded().length]).toEqual([200, 1])
  })
})

test('a file that is there is replaced by all who race, without a word to the store', async () => {
  await put('there.bin?mode=replace')
  driveway.google.calls.length = 0
  const answers = await race('there.bin?mode=replace')
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(driveway.google.calls.filter((call) => call === 'firestore.commit')).toEqual([])
  expect(driveway.uploaded()).toHaveLength(1)
})

test('a file that Drive does not list yet counts all the same', async () => {
  expect((await put('late.txt?mode=error')).status).toBe(201)
  driveway.google.faults.add(unlisted)
  expect(codeOf(await put('late.txt?mode=error'))).toBe('file_exists')
  expect(JSON.parse((await put('late.txt?mode=skip')).body)).toMatchObject({ skipped: true })
  expect(JSON.parse((await put('late.txt?mode=replace')).body)).toMatchObject({ replaced: true })
  expect(driveway.uploaded()).toHaveLength(1)
})

test('a name is free again after a failure, and after its file is gone', async () => {
  driveway.google.faults.add({ operation: 'drive.upload.multipart', status: 503, times: 99 })
  expect(codeOf(await put('again.txt?mode=error'))).toBe('drive_unavailable')
  driveway.google.faults.clear()
  const made = await put('again.txt?mode=error')
  expect(made.status).toBe(201)
  driveway.google.faults.add(unlisted, {
    operation: 'drive.files.get',
    ...refusal(404, 'notFound'),
  })
  expect((await put('again.txt?mode=error')).status).toBe(201)
})

test('the same name in another folder, or another name, is nobody’s', async () => {
  const paths = ['a.txt', 'b.txt', 'one/a.txt', 'two/a.txt']
  const answers = await Promise.all(paths.map((path) => put(`${path}?mode=error`)))
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
})
