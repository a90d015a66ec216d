import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { refusal, startFaultyDriveway } from '../faults/fixture.ts'
import type { Driveway } from '../kit/environment.ts'
import { expectProblem } from '../kit/requests.ts'
import { waitFor } from '../kit/upload.ts'
import { download, startDownload } from '../kit/download.ts'
import type { Download } from '../kit/download.ts'

const count = 2_345
let driveway: Driveway
let folder: string

beforeAll(async () => {
  driveway = await startFaultyDriveway()
  const ids = await driveway.google.drive.seed(driveway.sub, [
    {
      name: 'Many',
      folder: Array.from({ length: count }, (_, n) => ({ name: `${n}`, content: 'x' })),
    },
    { name: 'None', folder: [] },
  ])
  folder = ids['Many'] ?? ''
})

beforeEach(() => {
  driveway.google.calls.length = 0
})
afterEach(() => driveway.google.faults.clear())
afterAll(() => driveway.close())

const list = (query = `folder=${folder}`, accept = 'application/x-ndjson'): Promise<Download> =>
  download(driveway, `/files?${query}`, { accept })

const namesIn = ({ bytes }: Download): string[] =>
  bytes
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { name: string }).name)

const listRequests = (): number =>
  driveway.google.calls.filter((call) => call === 'drive.files.list').length

test('GET /files returns every file once and in order, one per line', async () => {
  const response = await list()
  expect([response.status, response.isComplete, response.headers['content-type']]).toEqual([
    200,
    true,
    'application/x-ndjson; charset=utf-8',
  ])
  expect(namesIn(response)).toEqual(Array.from({ length: count }, (_, n) => String(n)))
  expect(listRequests()).toBe(3)
})

test('GET /files returns an empty body for an empty list', async () => {
  const response = await list('q=nothing%20has%20this%20name')
  expect([response.status, response.isComplete, response.bytes.length]).toEqual([200, true, 0])
})

test('GET /files applies pageSize, orderBy and q to all pages', async () => {
  const response = await list(`folder=${folder}&q=23&pageSize=10&orderBy=name`)
  const names = namesIn(response)
  expect(names.length).toBeGreaterThan(10)
  expect(names.every((name) => name.startsWith('23'))).toBe(true)
  expect(listRequests()).toBe(Math.ceil(names.length / 10))
})

test.each(['application/json, application/x-ndjson;q=0.9', 'application/ndjson'])(
  'GET /files returns NDJSON for Accept: %s',
  async (accept) => {
    expect((await list(`folder=${folder}`, accept)).headers['content-type']).toMatch('ndjson')
  },
)

test.each(['*/*', 'application/json', 'text/html'])(
  'GET /files returns JSON for Accept: %s',
  async (accept) => {
    const response = await list(`folder=${folder}&pageSize=5`, accept)
    expect(response.headers['content-type']).toMatch('application/json')
  },
)

test('GET /files returns a problem when the first page fails', async () => {
  const unknown = await list('folder=1nowhere')
  expectProblem(unknown, 404, 'drive_not_found')
  const invalid = await list('pageSize=0')
  expectProblem(invalid, 400, 'bad_request')
})

test('GET /files retries a later page', async () => {
  driveway.google.faults.add({ operation: 'drive.files.list', skip: 1, status: 503, times: 3 })
  const response = await list()
  expect([response.isComplete, namesIn(response).length]).toEqual([true, count])
})

test('GET /files aborts the response when a later page fails', async () => {
  driveway.google.faults.add({
    operation: 'drive.files.list',
    skip: 1,
    ...refusal(403, 'domainPolicy'),
  })
  const response = await list()
  expect([response.status, response.isComplete]).toEqual([200, false])
  expect(namesIn(response).length).toBeLessThan(count)
  expect(driveway.logs.at(-1)).toMatchObject({ code: 'drive_forbidden' })
})

test('GET /files requests no further page after the client disconnected', async () => {
  driveway.google.faults.add({ operation: 'drive.files.list', skip: 1, hang: 'headers' })
  const response = await startDownload(driveway, `/files?folder=${folder}`, {
    accept: 'application/x-ndjson',
  })
  response.on('error', () => {}).resume()
  await waitFor(() => listRequests() === 2)
  response.destroy()
  await waitFor(() => driveway.google.openRequests() === 0)
  expect(listRequests()).toBe(2)
})
