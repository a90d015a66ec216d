/** `mode=skip` with a token that may not read files: the response has the name of the existing file alone. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { filePart, form, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'
import { fileResult, parseJson, uploadFile } from '../kit/requests.ts'
import { createBearer } from '../kit/tokens.ts'

let driveway: Driveway
/** The gateway with a token that may only upload. */
let uploader: Driveway
let existing: { id: string; name: string; sha256: string; webViewLink?: string }
let count = 0

beforeAll(async () => {
  driveway = await startDriveway()
  uploader = Object.assign(Object.create(driveway) as Driveway, {
    bearer: await createBearer(driveway, { scopes: ['upload'] }),
  })
})
afterAll(() => driveway.close())
beforeEach(async () => {
  existing = fileResult(await uploadFile(driveway, `existing-${++count}.txt`, 'secret content'))
})

function expectNothingRevealed({ status, headers, body }: RawResponse): void {
  expect(status).toBe(200)
  expect(headers['repr-digest']).toBeUndefined()
  for (const secret of [existing.id, existing.sha256, 'drive.google.com']) {
    expect(body).not.toContain(secret)
  }
}

test('PUT returns the name and `skipped`', async () => {
  const response = await uploadFile(uploader, `${existing.name}?mode=skip`, 'other')
  expectNothingRevealed(response)
  expect(parseJson(response)).toEqual({ name: existing.name, skipped: true })
})

test('PUT with Accept: text/plain returns a line with the name alone', async () => {
  const headers = { accept: 'text/plain' }
  const response = await uploadFile(uploader, `${existing.name}?mode=skip`, 'other', headers)
  expectNothingRevealed(response)
  expect(response.body).toBe(`${existing.name}\t\t\t\n`)
})

test('POST returns the name and `skipped` in the list of files', async () => {
  const body = form('b', fieldPart('mode', 'skip'), filePart(existing.name, 'other'))
  const response = await uploadForm(uploader, body)
  expectNothingRevealed(response)
  expect(parseJson(response)).toEqual({ files: [{ name: existing.name, skipped: true }] })
})

test('A repeated Idempotency-Key returns the same, also after the first response went to a reader', async () => {
  const headers = { 'idempotency-key': `key-${count}` }
  const path = `${existing.name}?mode=skip`
  const read = await uploadFile(driveway, path, 'other', headers)
  expect(fileResult(read)).toMatchObject({ id: existing.id, skipped: true })
  expectNothingRevealed(await uploadFile(uploader, path, 'other', headers))
})

test('A token that may read files gets the whole description', async () => {
  const response = await uploadFile(driveway, `${existing.name}?mode=skip`, 'other')
  expect(fileResult(response)).toMatchObject({ ...existing, skipped: true })
})

test('An upload-only token gets the whole description of the file that it stores', async () => {
  const response = await uploadFile(uploader, `new-${count}.txt?mode=skip`, 'mine')
  expect(response.status).toBe(201)
  expect(fileResult(response).id).toMatch(/./)
})
