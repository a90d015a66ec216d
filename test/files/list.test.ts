import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { searchQuery } from '../../functions/drive/files/googleapis-files.ts'
import { sampleTree } from '../../infra/sandbox/drive/index.ts'
import { parseQuery } from '../../infra/sandbox/drive/query.ts'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { codeOf, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'

interface Page {
  files: { id: string; name: string; kind: string; size?: number; shortcut?: { kind: string } }[]
  nextPageToken?: string
}

let driveway: Driveway
let other: { bearer: Record<string, string>; sub: string }
let ids: Record<string, string>
let sharedDrive: string

beforeAll(async () => {
  driveway = await startDriveway()
  const { origin, google } = driveway
  const [, user] = google.oauth.users
  const { email = '', sub = '' } = user ?? {}
  const cookie = await signIn(origin, email)
  other = { bearer: { authorization: `Bearer ${await mintToken(origin, cookie, 'other')}` }, sub }
  ids = await google.drive.seed(driveway.sub, [
    {
      name: 'Many',
      folder: [
        ...Array.from({ length: 25 }, (_, n) => ({ name: `file ${n + 1}.txt`, content: 'x' })),
        { name: 'zz folder', folder: [] },
        { name: 'aa gone.txt', content: 'x', trashed: true },
      ],
    },
  ])
  const made = await google.drive.seedSharedDrive(
    'Ours',
    [driveway.sub],
    [{ name: 'In', folder: [{ name: 'deep.txt', content: 'x' }] }],
  )
  sharedDrive = made.driveId
})

beforeEach(() => {
  driveway.google.calls.length = 0
})

afterAll(() => driveway.close())

function list(query: Record<string, string> | string = {}, as = driveway): Promise<RawAnswer> {
  const search = typeof query === 'string' ? query : new URLSearchParams(query).toString()
  return send(driveway.origin, `/files?${search}`, { headers: as.bearer })
}

async function page(query: Record<string, string> = {}): Promise<Page> {
  const answer = await list(query)
  expect(answer.status).toBe(200)
  return JSON.parse(answer.body) as Page
}

const names = ({ files }: Page): string[] => files.map(({ name }) => name)
const asked = (): number => driveway.google.calls.filter((call) => call.startsWith('drive.')).length

describe('what is listed', () => {
  test('the root: folders first, documents and shortcuts for what they are, the bin left out', async () => {
    const { files } = await page()
    expect(files.map(({ name, kind }) => [name, kind])).toEqual([
      ['Many', 'folder'],
      ['Photos', 'folder'],
      ['Projects', 'folder'],
      ['Budget', 'document'],
      ['hello.txt', 'file'],
      ['The plan', 'document'],
    ])
    expect(files.find(({ name }) => name === 'The plan')?.shortcut?.kind).toBe('document')
    expect(files.map(({ size }) => size).filter((size) => size !== undefined)).toEqual([20])
  })

  test('a folder’s children, in a natural order', async () => {
    const found = names(await page({ folder: ids['Many'] ?? '' }))
    expect(found.slice(0, 4)).toEqual(['zz folder', 'file 1.txt', 'file 2.txt', 'file 3.txt'])
    expect(found).toHaveLength(26)
  })

  test('a shared drive and what is in its folders', async () => {
    const root = await page({ folder: sharedDrive })
    expect(names(root)).toEqual(['In'])
    expect(names(await page({ folder: root.files[0]?.id ?? '' }))).toEqual(['deep.txt'])
  })

  test('what is searched for, everywhere or in one folder', async () => {
    expect(names(await page({ q: 'deep' }))).toEqual(['deep.txt'])
    expect(names(await page({ q: 'file 12', folder: ids['Many'] ?? '' }))).toEqual(['file 12.txt'])
    expect(names(await page({ q: 'old' }))).toEqual([])
  })

  test('in the order that is asked for', async () => {
    const found = names(await page({ orderBy: 'name desc', folder: ids['Many'] ?? '' }))
    expect([found[0], found.at(-1)]).toEqual(['zz folder', 'file 1.txt'])
  })

  test('page after page to the end, each file once, also where a page is empty', async () => {
    driveway.google.faults.add({ operation: 'drive.files.list', skip: 1, pageItems: 0 })
    const query = { folder: ids['Many'] ?? '', pageSize: '10' }
    const seen: string[] = []
    const sizes: number[] = []
    for (let token: string | undefined = ''; token !== undefined;) {
      const next: Page = await page(token === '' ? query : { ...query, pageToken: token })
      seen.push(...names(next))
      sizes.push(next.files.length)
      token = next.nextPageToken
    }
    expect([new Set(seen).size, sizes]).toEqual([26, [10, 0, 10, 6]])
  })
})

describe('a search cannot get out of its quotes (case 32)', () => {
  const hostile = [
    "'",
    "x' or trashed = true or name contains 'x",
    "\\' or trashed = true or name contains \\'",
    'x\\',
    "x\\\\' or name contains 'e",
    "') or ('root' in parents",
    "x' or sharedWithMe or name = 'x",
    "x'or'y' in owners or name contains'",
    '" or trashed = true or "',
    '%27 or trashed = true',
    '＇ or trashed = true or ＇',
    "O'Brien\\'s",
  ]

  test.each(hostile)('%p stays one literal', (search) => {
    for (const folder of [undefined, 'abc', search]) {
      const q = searchQuery({ search, ...(folder === undefined ? {} : { folder }) })
      const last = { term: { name: 'name', operator: 'contains', value: search } }
      const trashed = { term: { name: 'trashed', operator: '=', value: false } }
      const parent = { term: { name: 'parents', operator: 'in', value: folder } }
      const first = folder === undefined ? trashed : { and: [parent, trashed] }
      expect(parseQuery(q)).toEqual({ and: [first, last] })
    }
  })

  test('and finds nothing that an honest one would not', async () => {
    for (const q of hostile) expect(names(await page({ q }))).not.toContain('old.txt')
    for (const q of hostile.slice(1, 8)) expect(names(await page({ q }))).toEqual([])
  })
})

describe('what cannot be right makes no call (cases 31, 32)', () => {
  const bad: [string, string][] = [
    ...['-1', '0', 'NaN', '', '1.5', '1e9', '0x10', ' 5', '５', '9999999999'].map(
      (size): [string, string] => [`pageSize=${encodeURIComponent(size)}`, 'bad_request'],
    ),
    ...['size', 'name asc', 'name desc desc', 'name;drop', 'name,,folder', '', 'constructor'].map(
      (order): [string, string] => [`orderBy=${encodeURIComponent(order)}`, 'bad_request'],
    ),
    ...['', ' ', 'a\nb', 'a\0b', 'x'.repeat(201)].map((q): [string, string] => [
      `q=${encodeURIComponent(q)}`,
      'bad_request',
    ]),
    ...['', ' ', 'a b', 'a\0b', 'ü', 'x'.repeat(2049)].map((token): [string, string] => [
      `pageToken=${encodeURIComponent(token)}`,
      'invalid_page_token',
    ]),
    ...['', '../x', 'a/b', 'a%2Fb', "x'", 'a\0', '.', 'a b', 'ü', 'x'.repeat(201)].map(
      (folder): [string, string] => [`folder=${encodeURIComponent(folder)}`, 'drive_not_found'],
    ),
    ['folder=a&folder=b', 'bad_request'],
    ['q=a&q=b', 'bad_request'],
    ['pageSize=1&pageSize=2', 'bad_request'],
    ['q=%ff', 'bad_request'],
  ]
  test.each(bad)('%s: %s', async (query, code) => {
    const answer = await list(query)
    expect([codeOf(answer), asked()]).toEqual([code, 0])
  })

  test('a page of a thousand million is a page of a thousand', async () => {
    expect((await page({ pageSize: '100000000' })).files.length).toBeGreaterThan(0)
  })
})

describe('what belongs to somebody else (case 31)', () => {
  test('their folder, a made-up one and one of a wrong shape are the same: not there', async () => {
    const theirs = await driveway.google.drive.seed(other.sub, [{ name: 'Private', folder: [] }])
    const answers = await Promise.all(
      [theirs['Private'] ?? '', 'x'.repeat(33), '../x'].map((folder) => list({ folder })),
    )
    const told = answers.map(({ status, body }) => {
      const { requestId, ...rest } = JSON.parse(body) as Record<string, unknown>
      return { status, rest, named: typeof requestId }
    })
    expect(told[0]?.status).toBe(404)
    expect(told[1]).toEqual(told[0])
    expect(told[2]).toEqual(told[0])
  })

  test('their page token, a changed one and one of another query are refused', async () => {
    const { nextPageToken = '' } = await page({ pageSize: '1' })
    const theirs = await send(driveway.origin, '/files?pageSize=1', { headers: other.bearer })
    const tokens = [
      (JSON.parse(theirs.body) as Page).nextPageToken ?? '',
      `${nextPageToken}x`,
      nextPageToken.slice(0, -1),
      'made-up',
    ]
    for (const pageToken of tokens) {
      expect(codeOf(await list({ pageSize: '1', pageToken }))).toBe('invalid_page_token')
    }
    const elsewhere = await list({ pageSize: '2', pageToken: nextPageToken })
    expect([elsewhere.status, codeOf(elsewhere)]).toEqual([400, 'invalid_page_token'])
    expect((await list({ pageSize: '1', pageToken: nextPageToken })).status).toBe(200)
  })
})

describe('each access profile lists what it promises', () => {
  test.each([
    ['browse', true],
    ['own', false],
    ['full', true],
  ])('%s', async (profile, everything) => {
    const own = await startDriveway({ env: { ACCESS_PROFILE: profile } })
    try {
      await uploadForm(own, form('b', filePart('mine.txt', 'x')))
      const answer = await send(own.origin, '/files', { headers: own.bearer })
      const found = names(JSON.parse(answer.body) as Page)
      const seeded = sampleTree.filter(({ trashed }) => !trashed).map(({ name }) => name)
      expect(found.toSorted()).toEqual([...(everything ? seeded : []), 'mine.txt'].toSorted())
    } finally {
      await own.close()
    }
  })
})
