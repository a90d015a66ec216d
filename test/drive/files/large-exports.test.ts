/** Exports that exceed 10 MB: Drive answers 403, but 500 for a PDF. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Driveway } from '../../kit/environment.ts'
import { download } from '../../kit/download.ts'
import type { Download } from '../../kit/download.ts'
import { expectProblem, parseJson } from '../../kit/requests.ts'
import { sleeps, startFaultyDriveway } from '../../faults/fixture.ts'

let driveway: Driveway
let ids: Record<string, string>

beforeAll(async () => {
  driveway = await startFaultyDriveway()
  const { google, sub } = driveway
  const createdBy = google.clientId
  ids = await google.drive.seed(sub, [
    { name: 'small', document: 'Ship it.', createdBy },
    { name: 'large', document: 'x'.repeat(11 << 20), createdBy },
  ])
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.google.calls.length = 0
  sleeps.length = 0
})

afterAll(() => driveway.close())

const exported = (name: string, format: string): Promise<Download> =>
  download(driveway, `/files/${ids[name]}/content?as=${format}`)

const exportRequests = (): number =>
  driveway.google.calls.filter((call) => call === 'drive.files.export').length

test('an export as PDF that Drive always answers with 500 fails after three attempts, with its size as the likely cause', async () => {
  const response = await exported('large', 'pdf')
  expectProblem(response, 403, 'export_too_large')
  expect(parseJson(response)).toMatchObject({
    title: expect.stringContaining('10 MB'),
    detail: expect.stringContaining('likely cause is its size'),
    retryable: false,
  })
  expect([exportRequests(), sleeps.length]).toEqual([3, 2])
})

test('an export in another format that is too large fails at once', async () => {
  expectProblem(await exported('large', 'txt'), 403, 'export_too_large')
  expect(exportRequests()).toBe(1)
})

test('an export succeeds after two 500s, and after five 503s', async () => {
  for (const fault of [
    { status: 500, times: 2 },
    { status: 503, times: 5 },
  ]) {
    driveway.google.faults.add({ operation: 'drive.files.export', ...fault })
    expect((await exported('small', 'pdf')).status).toBe(200)
  }
})

test('an export fails with drive_unavailable when Drive always answers 503', async () => {
  driveway.google.faults.add({ operation: 'drive.files.export', status: 503, times: 99 })
  expectProblem(await exported('small', 'pdf'), 503, 'drive_unavailable')
  expect(exportRequests()).toBe(8)
})
