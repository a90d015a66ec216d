/** `GET /files?q=`: Drive's index knows words alone, and what is found has everything that was typed. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { getFiles, parseJson } from '../kit/requests.ts'

interface Page {
  files: { name: string }[]
  nextPageToken?: string
}

let driveway: Driveway
let folder: string
let haystack: string

const stored = [
  "It's mine.txt",
  'Its mine.txt',
  '"Jack" son.txt',
  'Jackson.txt',
  'C:\\temp.log',
  'C temp.log',
  'a_b-c.txt',
  'a b c.txt',
  'C++ notes',
  '100% sure',
  'résumé-1.pdf',
  '日本語 メモ.txt',
  'x\\',
]

beforeAll(async () => {
  driveway = await startDriveway()
  const content = ''
  const plain = Array.from({ length: 300 }, (_, n) => ({ name: `needle ${n}`, content }))
  const ids = await driveway.google.drive.seed(driveway.sub, [
    { name: 'Names', folder: stored.map((name) => ({ name, content })) },
    {
      name: 'Haystack',
      folder: [...plain, { name: 'needle end', content }, { name: 'z!', content }],
    },
  ])
  folder = ids['Names'] ?? ''
  haystack = ids['Haystack'] ?? ''
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.calls.length = 0
})

const lists = (): number =>
  driveway.google.calls.filter((call) => call === 'drive.files.list').length

async function search(query: Record<string, string>): Promise<Page> {
  const response = await getFiles(driveway, driveway.bearer, new URLSearchParams(query).toString())
  expect(response.status).toBe(200)
  return parseJson<Page>(response)
}

const names = ({ files }: Page): string[] => files.map(({ name }) => name).toSorted()

describe('GET /files?q finds the names that have everything typed', () => {
  test.each([
    ["'", ["It's mine.txt"]],
    ["it's", ["It's mine.txt"]],
    ['mine', ["It's mine.txt", 'Its mine.txt']],
    ['"', ['"Jack" son.txt']],
    [`'"`, []],
    ['"jack"', ['"Jack" son.txt']],
    ['jack', ['"Jack" son.txt', 'Jackson.txt']],
    ['\\', ['C:\\temp.log', 'x\\']],
    ['c:\\temp', ['C:\\temp.log']],
    ['temp', ['C temp.log', 'C:\\temp.log']],
    ['x\\', ['x\\']],
    ['a_b', ['a_b-c.txt']],
    ['b-c a', ['a_b-c.txt']],
    ['a b', ['a b c.txt', 'a_b-c.txt']],
    ['c++', ['C++ notes']],
    ['%', ['100% sure']],
    ['résumé', ['résumé-1.pdf']],
    ['re\u0301sume\u0301-1', ['résumé-1.pdf']],
    ['日本', ['日本語 メモ.txt']],
    ['(mine)', []],
    ["' or name contains 'a", []],
  ])('%s', async (q, expected) => {
    const page = await search({ q, folder })
    expect([names(page), page.nextPageToken]).toEqual([expected.toSorted(), undefined])
  })
})

test('a page is not empty while a name within the next 1,000 items matches', async () => {
  const query = { q: '!', folder: haystack, pageSize: '100', orderBy: 'name' }
  expect(await search(query)).toMatchObject({ files: [{ name: 'z!' }] })
  expect(lists()).toBe(4)
})

test('a search that matches nothing ends after ten requests to Drive, and continues by its token', async () => {
  const query = { q: '?', folder: haystack, pageSize: '10' }
  const first = await search(query)
  expect([first.files, lists()]).toEqual([[], 10])
  const seen = [first]
  for (let token = first.nextPageToken; token !== undefined; token = seen.at(-1)?.nextPageToken) {
    seen.push(await search({ ...query, pageToken: token }))
  }
  expect([seen.length, seen.flatMap(({ files }) => files)]).toEqual([4, []])
})

test('NDJSON has all matches of all pages', async () => {
  const headers = { ...driveway.bearer, accept: 'application/x-ndjson' }
  const query = new URLSearchParams({ q: "'", pageSize: '50' }).toString()
  const { body } = await getFiles(driveway, headers, query)
  expect(body.trim().split('\n')).toHaveLength(1)
  expect(body).toContain("It's mine.txt")
})
