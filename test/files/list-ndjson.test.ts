import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { refusal, startFaulty } from '../faults/fixture.ts'
import type { Driveway } from '../kit/environment.ts'
import { begin, codeIn, download } from '../kit/download.ts'
import type { Download } from '../kit/download.ts'
import { until } from '../kit/upload.ts'

const count = 2_345
let driveway: Driveway
let folder: string

beforeAll(async () => {
  driveway = await startFaulty()
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

const asked = (): number =>
  driveway.google.calls.filter((call) => call === 'drive.files.list').length

test('every page comes, a file a line, each once and in order', async () => {
  const answer = await list()
  expect([answer.status, answer.isWhole, answer.headers['content-type']]).toEqual([
    200,
    true,
    'application/x-ndjson; charset=utf-8',
  ])
  expect(namesIn(answer)).toEqual(Array.from({ length: count }, (_, n) => String(n)))
  expect(asked()).toBe(3)
})

test('an empty folder is an empty answer', async () => {
  const answer = await list('q=nothing%20has%20this%20name')
  expect([answer.status, answer.isWhole, answer.bytes.length]).toEqual([200, true, 0])
})

test('a page size, an order and a search hold for all pages', async () => {
  const answer = await list(`folder=${folder}&q=23&pageSize=10&orderBy=name`)
  const names = namesIn(answer)
  expect(names.length).toBeGreaterThan(10)
  expect(names.every((name) => name.startsWith('23'))).toBe(true)
  expect(asked()).toBe(Math.ceil(names.length / 10))
})

test.each(['application/json, application/x-ndjson;q=0.9', 'application/ndjson'])(
  'Accept: %s asks for lines too',
  async (accept) => {
    expect((await list(`folder=${folder}`, accept)).headers['content-type']).toMatch('ndjson')
  },
)

test.each(['*/*', 'application/json', 'text/html'])('Accept: %s does not', async (accept) => {
  const answer = await list(`folder=${folder}&pageSize=5`, accept)
  expect(answer.headers['content-type']).toMatch('application/json')
})

test('what is refused at once is a problem', async () => {
  const nowhere = await list('folder=1nowhere')
  expect([nowhere.status, codeIn(nowhere)]).toEqual([404, 'drive_not_found'])
  const bad = await list('pageSize=0')
  expect([bad.status, codeIn(bad)]).toEqual([400, 'bad_request'])
})

test('a page that may come later is waited for', async () => {
  driveway.google.faults.add({ operation: 'drive.files.list', skip: 1, status: 503, times: 3 })
  const answer = await list()
  expect([answer.isWhole, namesIn(answer).length]).toEqual([true, count])
})

test('a failure in the middle breaks the answer off: it never looks whole', async () => {
  driveway.google.faults.add({
    operation: 'drive.files.list',
    skip: 1,
    ...refusal(403, 'domainPolicy'),
  })
  const answer = await list()
  expect([answer.status, answer.isWhole]).toEqual([200, false])
  expect(namesIn(answer).length).toBeLessThan(count)
  expect(driveway.logs.at(-1)).toMatchObject({ code: 'drive_forbidden' })
})

test('nobody who has left is listed for', async () => {
  driveway.google.faults.add({ operation: 'drive.files.list', skip: 1, hang: 'headers' })
  const answer = await begin(driveway, `/files?folder=${folder}`, {
    accept: 'application/x-ndjson',
  })
  answer.on('error', () => {}).resume()
  await until(() => asked() === 2)
  answer.destroy()
  await until(() => driveway.google.openRequests() === 0)
  expect(asked()).toBe(2)
})
