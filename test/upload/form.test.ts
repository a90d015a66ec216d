import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { filePart, form, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { expectProblem, fileResults } from '../kit/requests.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startDriveway()
})

afterAll(() => driveway.close())

test('POST /upload sends a small file in one request to Drive', async () => {
  await uploadForm(driveway, form('b', filePart('first.txt', 'generates ids')))
  driveway.google.calls.length = 0
  const response = await uploadForm(driveway, form('b', filePart('a.txt', 'hello')))
  expect(response.status).toBe(201)
  expect(driveway.google.calls.filter((call) => call.startsWith('drive.'))).toEqual([
    'drive.upload.multipart',
  ])
})

test('POST /upload stores a file of several chunks unchanged', async () => {
  const bytes = randomBytes(11_000_000)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const response = await uploadForm(driveway, form('b', filePart('large.bin', bytes)))
  const [file] = fileResults(response)
  expect(response.status).toBe(201)
  expect(file?.sha256).toBe(sha256)
  expect(driveway.google.drive.sha256Of(file?.id ?? '')).toBe(sha256)
})

test('POST /upload returns no_file for a form without a file', async () => {
  const response = await uploadForm(driveway, form('b', fieldPart('note', 'hi')))
  expectProblem(response, 400, 'no_file')
})
