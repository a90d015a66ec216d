import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, filePart, form, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startDriveway()
})

afterAll(() => driveway.close())

test('a small file is one request to Drive', async () => {
  await uploadForm(driveway, form('b', filePart('warm.txt', 'reserves ids')))
  driveway.google.calls.length = 0
  const answer = await uploadForm(driveway, form('b', filePart('a.txt', 'hello')))
  expect(answer.status).toBe(201)
  expect(driveway.google.calls.filter((call) => call.startsWith('drive.'))).toEqual([
    'drive.upload.multipart',
  ])
})

test('a file of several chunks arrives byte by byte', async () => {
  const bytes = randomBytes(11_000_000)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const answer = await uploadForm(driveway, form('b', filePart('large.bin', bytes)))
  const { files } = JSON.parse(answer.body) as { files: { id: string; sha256: string }[] }
  expect(answer.status).toBe(201)
  expect(files[0]?.sha256).toBe(sha256)
  expect(driveway.google.drive.sha256Of(files[0]?.id ?? '')).toBe(sha256)
})

test('a form without a file is refused (case 52)', async () => {
  const field = { headers: ['Content-Disposition: form-data; name="note"'], body: 'hi' }
  const answer = await uploadForm(driveway, form('b', field))
  expect([answer.status, codeOf(answer)]).toEqual([400, 'no_file'])
})
