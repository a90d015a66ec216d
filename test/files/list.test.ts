import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { searchQuery } from '../../functions/drive/files/googleapis-files.ts'
import { sampleTree } from '../../infra/sandbox/drive/index.ts'
import { parseQuery } from '../../infra/sandbox/drive/query.ts'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { filePart, form, problemCode, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem, parseJson } from '../kit/requests.ts'

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
  const seeded = await google.drive.seedSharedDrive(
    'Ours',
    [driveway.sub],
    [{ name: 'In', folder: [{ name: 'deep.txt', content: 'x' }] }],
  )
  sharedDrive = seeded.driveId
})

beforeEach(() => {
  driveway.google.calls.length = 0
})

afterAll(() => driveway.close())

function list(query: Record<string, string> | string = {}, as = driveway): Promise<RawResponse> {
  const search = typeof query === 'string' ? query : new URLSearchParams(query).toString()
  return send(driveway.origin, `/files?${search}`, { headers: as.bearer })
}

async function page(query: Record<string, string> = {}): Promise<Page> {
  const response = await list(query)
  expect(response.status).toBe(200)
  return JSON.parse(response.body) as Page
}

const names = ({ files }: Page): string[] => files.map(({ name }) => name)
const driveRequests = (): number =>
  driveway.google.calls.filter((call) => call.startsWith('drive.')).length

describe('GET /files', () => {
  test('lists the root: folders first, shortcuts with their target, without trashed files', async () => {
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

  test('lists the children of a folder in natural order', async () => {
    const listed = names(await page({ folder: ids['Many'] ?? '' }))
    expect(listed.slice(0, 4)).toEqual(['zz folder', 'file 1.txt', 'file 2.txt', 'file 3.txt'])
    expect(listed).toHaveLength(26)
  })

  test('lists a shared drive and its folders', async () => {
    const root = await page({ folder: sharedDrive })
    expect(names(root)).toEqual(['In'])
    expect(names(await page({ folder: root.files[0]?.id ?? '' }))).toEqual(['deep.txt'])
  })

  test('lists search results of the Drive or of one folder', async () => {
    expect(names(await page({ q: 'deep' }))).toEqual(['deep.txt'])
    expect(names(await page({ q: 'file 12', folder: ids['Many'] ?? '' }))).toEqual(['file 12.txt'])
    expect(names(await page({ q: 'old' }))).toEqual([])
  })

  test('lists files in the requested order', async () => {
    const listed = names(await page({ orderBy: 'name desc', folder: ids['Many'] ?? '' }))
    expect([listed[0], listed.at(-1)]).toEqual(['zz folder', 'file 1.txt'])
    const ascending = { orderBy: 'name asc, folder desc', folder: ids['Many'] ?? '' }
    expect(names(await page(ascending))[0]).toBe('file 1.txt')
  })

  test('returns each file once across pages, also after an empty page', async () => {
    driveway.google.faults.add({ operation: 'drive.files.list', skip: 1, pageItems: 0 })
    const query = { folder: ids['Many'] ?? '', pageSize: '10' }
    const allNames: string[] = []
    const sizes: number[] = []
    for (let token: string | undefined = ''; token !== undefined;) {
      const next: Page = await page(token === '' ? query : { ...query, pageToken: token })
      allNames.push(...names(next))
      sizes.push(next.files.length)
      token = next.nextPageToken
    }
    expect([new Set(allNames).size, sizes]).toEqual([26, [10, 0, 10, 6]])
  })
})

describe('the search of GET /files', () => {
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

  test.each(hostile)('is one literal of words in the Drive query: %p', (search) => {
    const words = search.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
    for (const folder of [undefined, 'abc', search]) {
      const q = searchQuery({ search, ...(folder === undefined ? {} : { folder: { id: folder } }) })
      const last = { term: { name: 'name', operator: 'contains', value: words.join(' ') } }
      const trashed = { term: { name: 'trashed', operator: '=', value: false } }
      const parent = { term: { name: 'parents', operator: 'in', value: folder } }
      const first = folder === undefined ? trashed : { and: [parent, trashed] }
      expect(parseQuery(q)).toEqual(words.length === 0 ? first : { and: [first, last] })
    }
  })

  test('finds no trashed and no unrelated files for an injected query', async () => {
    for (const q of hostile) expect(names(await page({ q }))).not.toContain('old.txt')
    for (const q of hostile.slice(1, 8)) expect(names(await page({ q }))).toEqual([])
  })
})

describe('an invalid parameter of GET /files', () => {
  const invalid: [string, string][] = [
    ...['-1', '0', 'NaN', '', '1.5', '1e9', '0x10', ' 5', '５', '9999999999'].map(
      (size): [string, string] => [`pageSize=${encodeURIComponent(size)}`, 'bad_request'],
    ),
    ...[
      'size',
      'name up',
      'name asc desc',
      'name desc desc',
      'name;drop',
      'name,,folder',
      '',
      'constructor',
    ].map((order): [string, string] => [`orderBy=${encodeURIComponent(order)}`, 'bad_request']),
    ...['', ' ', 'a\nb', 'a\0b', 'x'.repeat(201)].map((q): [string, string] => [
      `q=${encodeURIComponent(q)}`,
      'bad_request',
    ]),
    ...['', ' ', 'a b', 'a\0b', 'ü', 'x'.repeat(2049)].map((token): [string, string] => [
      `pageToken=${encodeURIComponent(token)}`,
      'invalid_page_token',
    ]),
    ...['', '../x', 'a/b', 'a%2Fb', "x'", 'a\0', '.', 'a b', 'ü', 'x'.repeat(201)].map(
      (folder): [string, string] => [`folder=${encodeURIComponent(folder)}`, 'bad_request'],
    ),
    ['folder=a&folder=b', 'bad_request'],
    ['q=a&q=b', 'bad_request'],
    ['pageSize=1&pageSize=2', 'bad_request'],
    ['q=%ff', 'bad_request'],
  ]
  test.each(invalid)('%s returns %s, and Drive gets no request', async (query, code) => {
    const response = await list(query)
    expect([problemCode(response), driveRequests()]).toEqual([code, 0])
  })

  test('pageSize over 1,000 is accepted and limited', async () => {
    expect((await page({ pageSize: '100000000' })).files.length).toBeGreaterThan(0)
  })
})

describe('GET /files with values of another account', () => {
  test('returns the same problem for a foreign and an unknown folder id', async () => {
    const foreign = await driveway.google.drive.seed(other.sub, [{ name: 'Private', folder: [] }])
    const responses = await Promise.all(
      [foreign['Private'] ?? '', 'x'.repeat(33)].map((folder) => list({ folder })),
    )
    const problems = responses.map(({ status, body }) => {
      const { requestId, ...rest } = JSON.parse(body) as Record<string, unknown>
      return { status, rest, named: typeof requestId }
    })
    expect(problems[0]?.status).toBe(404)
    expect(problems[1]).toEqual(problems[0])
  })

  test('returns invalid_page_token for a foreign, a modified and a mismatched page token', async () => {
    const { nextPageToken = '' } = await page({ pageSize: '1' })
    const foreign = await send(driveway.origin, '/files?pageSize=1', { headers: other.bearer })
    const tokens = [
      parseJson<Page>(foreign).nextPageToken ?? '',
      `${nextPageToken}x`,
      nextPageToken.slice(0, -1),
      'made-up',
    ]
    for (const pageToken of tokens) {
      expect(problemCode(await list({ pageSize: '1', pageToken }))).toBe('invalid_page_token')
    }
    const mismatched = await list({ pageSize: '2', pageToken: nextPageToken })
    expectProblem(mismatched, 400, 'invalid_page_token')
    expect((await list({ pageSize: '1', pageToken: nextPageToken })).status).toBe(200)
  })
})

describe('GET /files under an access profile', () => {
  test.each([
    ['browse', true],
    ['own', false],
    ['full', true],
  ])('ACCESS_PROFILE=%s lists the permitted files', async (profile, listsAll) => {
    const own = await startDriveway({ env: { ACCESS_PROFILE: profile } })
    try {
      await uploadForm(own, form('b', filePart('mine.txt', 'x')))
      const response = await send(own.origin, '/files', { headers: own.bearer })
      const listed = names(JSON.parse(response.body) as Page)
      const seeded = sampleTree.filter(({ trashed }) => !trashed).map(({ name }) => name)
      expect(listed.toSorted()).toEqual([...(listsAll ? seeded : []), 'mine.txt'].toSorted())
    } finally {
      await own.close()
    }
  })
})
