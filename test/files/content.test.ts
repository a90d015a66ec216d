import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { pattern, sha256Of } from '../faults/fixture.ts'
import { send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { begin, codeIn, download, store } from '../kit/download.ts'
import type { Download } from '../kit/download.ts'
import { openSession } from '../kit/h2c.ts'
import { until } from '../kit/upload.ts'

const app = 'application/vnd.google-apps.'
const bytes = pattern(300_000)
const size = bytes.length
let driveway: Driveway
let file: string
let empty: string
let ids: Record<string, string>

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { wait: () => Promise.resolve() } })
  const { google, sub } = driveway
  file = await store(driveway, 'film.mp4', bytes, 'video/mp4')
  empty = await store(driveway, 'nothing.txt', '')
  const madeBy = google.clientId
  ids = await google.drive.seed(sub, [
    { name: 'Mine', document: 'Ship it.', madeBy },
    { name: 'Sums', document: 'a,b\n1,2\n', mimeType: `${app}spreadsheet`, madeBy },
    { name: 'Talk', document: 'Slide one', mimeType: `${app}presentation`, madeBy },
    { name: 'Poll', document: '', mimeType: `${app}form`, madeBy },
    { name: 'Endless', document: 'x'.repeat(11 << 20), madeBy },
    { name: 'Theirs', document: 'Hands off.' },
    { name: 'theirs.txt', content: 'hands off', mimeType: 'text/plain' },
    { name: 'There', shortcutTo: 'Mine' },
    { name: 'Box', folder: [], madeBy },
  ])
})

afterEach(() => driveway.google.faults.clear())
afterAll(() => driveway.close())

const path = (id = file): string => `/files/${id}/content`
const get = (headers: Record<string, string> = {}, id = file): Promise<Download> =>
  download(driveway, path(id), headers)
const as = (name: string, form: string): Promise<Download> =>
  download(driveway, `${path(ids[name])}?as=${encodeURIComponent(form)}`)
const etag = `"${sha256Of(bytes)}"`

describe('a file', () => {
  test('comes as it is, with its type, its length, its name and its digest', async () => {
    const answer = await get()
    expect([answer.status, answer.isWhole, answer.bytes.equals(bytes)]).toEqual([200, true, true])
    expect(answer.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(size),
      'content-disposition': 'attachment; filename="film.mp4"',
      'accept-ranges': 'bytes',
      'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
      etag,
    })
  })

  test('is never a page of ours, whatever it claims to be (case 34)', async () => {
    const id = await store(driveway, 'x.html', '<script>alert(1)</script>', 'text/html')
    const { headers } = await get({}, id)
    expect(headers).toMatchObject({
      'content-type': 'text/html',
      'content-disposition': 'attachment; filename="x.html"',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    })
  })

  test('HEAD says the same and asks Drive for no byte', async () => {
    driveway.google.calls.length = 0
    const { headers, ...answer } = await download(driveway, path(), { range: 'bytes=0-9' }, 'HEAD')
    expect([answer.status, answer.bytes.length]).toEqual([200, 0])
    expect([headers['content-length'], headers.etag]).toEqual([String(size), etag])
    expect(driveway.google.calls).not.toContain('drive.files.media')
  })

  test('of no bytes is an empty answer', async () => {
    const answer = await get({}, empty)
    expect([answer.status, answer.isWhole, answer.bytes.length]).toEqual([200, true, 0])
    expect(answer.headers['content-length']).toBe('0')
  })

  test('reaches whoever speaks HTTP/2', async () => {
    const session = await openSession(driveway.origin)
    const { authorization = '' } = driveway.bearer
    const headers = { ':method': 'GET', ':path': path(), authorization }
    const answer = await session.ask(headers)
    expect([answer.status, answer.headers['content-length']]).toEqual([200, String(size)])
    expect(answer.body).toBe(bytes.toString('utf8'))
    await session.close()
  })

  test('longer than a front end lets through at once has no Content-Length', async () => {
    const env = { MAX_REQUEST_BYTES: '200000' }
    const behind = await startDriveway({ beside: driveway, env })
    const { origin } = behind
    const whole = await download({ origin, bearer: driveway.bearer }, path())
    expect([whole.headers['content-length'], whole.bytes.equals(bytes)]).toEqual([undefined, true])
    const part = await download({ origin, bearer: driveway.bearer }, path(), { range: 'bytes=-9' })
    expect(part.headers['content-length']).toBe('9')
    await behind.close()
  })
})

describe('a range', () => {
  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-', 0, size],
    ['bytes=100-199', 100, 200],
    [`bytes=${size - 1}-`, size - 1, size],
    ['bytes=-1', size - 1, size],
    [`bytes=-${size + 5}`, 0, size],
    [`bytes=5-${size + 5}`, 5, size],
    ['BYTES= 7-8 ', 7, 9],
  ])('%s', async (range, start, end) => {
    const answer = await get({ range })
    expect([answer.status, answer.headers['content-range']]).toEqual([
      206,
      `bytes ${start}-${end - 1}/${size}`,
    ])
    expect(answer.headers['content-length']).toBe(String(end - start))
    expect(answer.bytes.equals(bytes.subarray(start, end))).toBe(true)
  })

  test.each([`bytes=${size}-`, `bytes=${size}-${size + 9}`, 'bytes=-0', 'bytes=9999999999999999-'])(
    '%s lies outside: 416 says where the end is',
    async (range) => {
      const answer = await get({ range })
      expect([answer.status, codeIn(answer)]).toEqual([416, 'range_not_satisfiable'])
      expect(answer.headers['content-range']).toBe(`bytes */${size}`)
    },
  )

  test.each(['bytes=5-4', 'bytes=0-1,5-6', 'lines=0-1', 'bytes=-', 'bytes', 'bytes=a-b'])(
    '%s is none, and the whole file comes',
    async (range) => {
      const answer = await get({ range })
      expect([answer.status, answer.bytes.length]).toEqual([200, size])
    },
  )

  test('of an empty file: all of nothing, but no byte after it', async () => {
    expect((await get({ range: 'bytes=0-' }, empty)).status).toBe(200)
    expect((await get({ range: 'bytes=-5' }, empty)).status).toBe(200)
    const beyond = await get({ range: 'bytes=1-' }, empty)
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */0'])
  })
})

describe('what a client has already', () => {
  test.each([etag, `W/${etag}`, `"other", ${etag}`, '*'])(
    'If-None-Match: %s asks for nothing',
    async (known) => {
      driveway.google.calls.length = 0
      const answer = await get({ 'if-none-match': known })
      expect([answer.status, answer.bytes.length, answer.headers.etag]).toEqual([304, 0, etag])
      expect(driveway.google.calls).not.toContain('drive.files.media')
    },
  )

  test('and what has changed since comes', async () => {
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200)
  })

  test.each([
    [etag, 206],
    ['"other"', 200],
    [`W/${etag}`, 200],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 200],
  ])('If-Range: %s takes a part only of the same file', async (condition, status) => {
    const answer = await get({ range: 'bytes=1-2', 'if-range': condition })
    expect([answer.status, answer.bytes.length]).toEqual([status, status === 206 ? 2 : size])
  })
})

describe('a name in Drive cannot do harm (case 34)', () => {
  test.each<[string, string]>([
    ['plain name.txt', 'attachment; filename="plain name.txt"'],
    ['a"b\\c/d.txt', `attachment; filename="a_b_c_d.txt"; filename*=UTF-8''a%22b_c_d.txt`],
    ['a\r\nSet-Cookie: x=1', 'attachment; filename="a__Set-Cookie: x=1"'],
    ['\0\u007f\u0085.bin', 'attachment; filename="___.bin"'],
    [
      'Größe 5€ 🎉.pdf',
      `attachment; filename="Gr__e 5_ _.pdf"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%205%E2%82%AC%20%F0%9F%8E%89.pdf`,
    ],
    ['photo\u202egnp.exe', 'attachment; filename="photognp.exe"'],
    ['שלום.txt', `attachment; filename="____.txt"; filename*=UTF-8''%D7%A9%D7%9C%D7%95%D7%9D.txt`],
    [
      "100% (it's) *.txt",
      `attachment; filename="100_ (it's) *.txt"; filename*=UTF-8''100%25%20%28it%27s%29%20%2A.txt`,
    ],
    ['..', 'attachment; filename="_"'],
    ['.bashrc', 'attachment; filename="_bashrc"'],
    [' \u200f ', 'attachment; filename="download"'],
    [
      `${'ü'.repeat(300)}.jpeg`,
      `attachment; filename="${'_'.repeat(117)}.jpeg"; filename*=UTF-8''${'%C3%BC'.repeat(117)}.jpeg`,
    ],
  ])('%j', async (name, disposition) => {
    const found = await driveway.google.drive.seed(driveway.sub, [
      { name, content: 'x', madeBy: driveway.google.clientId },
    ])
    const answer = await get({}, found[name] ?? '')
    expect([answer.status, answer.headers['content-disposition']]).toEqual([200, disposition])
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  test('nor can its type', async () => {
    for (const mimeType of ['text/html\r\nSet-Cookie: x=1', 'nonsense', '']) {
      driveway.google.faults.add({ operation: 'drive.files.get', file: { mimeType } })
      const { headers } = await get()
      expect([headers['content-type'], headers['set-cookie']]).toEqual([
        'application/octet-stream',
        undefined,
      ])
    }
  })
})

describe('a document', () => {
  test.each<[string, string, string, string]>([
    ['Mine', 'txt', 'text/plain', 'Mine.txt'],
    ['Mine', 'text/plain', 'text/plain', 'Mine.txt'],
    ['Mine', 'PDF', 'application/pdf', 'Mine.pdf'],
    [
      'Mine',
      'docx',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'Mine.docx',
    ],
    ['Sums', 'csv', 'text/csv', 'Sums.csv'],
    ['Sums', 'ods', 'application/x-vnd.oasis.opendocument.spreadsheet', 'Sums.ods'],
    [
      'Talk',
      'pptx',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
      'Talk.pptx',
    ],
  ])('%s as %s', async (name, form, type, saved) => {
    const answer = await as(name, form)
    expect([answer.status, answer.isWhole, answer.headers['content-type']]).toEqual([
      200,
      true,
      type,
    ])
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="${saved}"`)
    expect(answer.headers['accept-ranges']).toBeUndefined()
    expect(answer.bytes.length).toBeGreaterThan(0)
  })

  test('is what it says', async () => {
    expect((await as('Mine', 'txt')).bytes.toString()).toBe('Ship it.')
  })

  test('has a weak tag for each form, and no ranges', async () => {
    const { headers } = await as('Mine', 'txt')
    expect(headers.etag).toMatch(/^W\/"\d+-text\/plain"$/)
    const known = { 'if-none-match': headers.etag ?? '' }
    const at = `${path(ids['Mine'])}?as=`
    expect((await download(driveway, `${at}txt`, known)).status).toBe(304)
    expect((await download(driveway, `${at}md`, known)).status).toBe(200)
    expect((await download(driveway, `${at}txt`, { range: 'bytes=0-1' })).status).toBe(200)
  })

  test('says what it can become where nothing was said, or what it cannot', async () => {
    for (const query of ['', '?as=', '?as=exe', '?as=csv', '?as=constructor', '?as=text%2Fcsv']) {
      const answer = await download(driveway, `${path(ids['Mine'])}${query}`)
      expect([answer.status, codeIn(answer)]).toEqual([400, 'unknown_export_format'])
      expect(answer.bytes.toString()).toContain(
        '?as=docx | odt | rtf | pdf | txt | zip | epub | md | html',
      )
    }
  })

  test('over 10 MB is more than Drive exports', async () => {
    const answer = await as('Endless', 'txt')
    expect([answer.status, codeIn(answer)]).toEqual([403, 'export_too_large'])
  })
})

describe('what has no content to give', () => {
  test.each<[string, string, number, string, string]>([
    ['Box', '', 409, 'not_downloadable', 'GET /files?folder='],
    ['There', '', 409, 'not_downloadable', '/content'],
    ['Poll', '?as=pdf', 409, 'not_downloadable', 'webViewLink'],
    ['theirs.txt', '', 403, 'drive_forbidden', 'Driveway reads only what it stored itself'],
    ['Theirs', '?as=pdf', 403, 'drive_forbidden', 'Driveway reads only what it stored itself'],
  ])('%s%s', async (name, query, status, code, hint) => {
    driveway.google.calls.length = 0
    const answer = await download(driveway, `${path(ids[name])}${query}`)
    expect([answer.status, codeIn(answer)]).toEqual([status, code])
    expect(answer.bytes.toString()).toContain(hint)
    expect(driveway.google.calls).not.toContain('drive.files.media')
  })

  test('a file has no other form', async () => {
    const answer = await download(driveway, `${path()}?as=pdf`)
    expect([answer.status, codeIn(answer)]).toEqual([400, 'unknown_export_format'])
  })

  test('another person’s file and one that never was look the same (case 31)', async () => {
    const [, other] = driveway.google.oauth.users
    const theirs = await driveway.google.drive.seed(other?.sub ?? '', [{ name: 'x', content: 'x' }])
    const answers = [theirs['x'] ?? '', '1'.repeat(33), '..%2fetc', '%00'].map(async (id) => {
      const answer = await get({}, id)
      return [answer.status, codeIn(answer)]
    })
    for (const answer of await Promise.all(answers))
      expect(answer).toEqual([404, 'drive_not_found'])
  })

  test('and nobody who is not signed in gets any', async () => {
    const answer = await send(driveway.origin, path())
    expect(answer.status).toBe(401)
  })
})

test('with the profile `full` everything can be read', async () => {
  const full = await startDriveway({ env: { ACCESS_PROFILE: 'full' } })
  const seeded = await full.google.drive.seed(full.sub, [{ name: 'theirs.txt', content: 'open' }])
  const answer = await download(full, path(seeded['theirs.txt']))
  expect([answer.status, answer.bytes.toString()]).toEqual([200, 'open'])
  await full.close()
})

describe('a reader', () => {
  test('who leaves takes the request to Drive along', async () => {
    const id = await store(driveway, 'long.bin', Buffer.alloc(32 << 20))
    const answer = await begin(driveway, path(id))
    answer.on('error', () => {})
    await new Promise((resolve) => answer.once('data', resolve))
    expect(driveway.google.openRequests()).toBe(1)
    answer.destroy()
    await until(() => driveway.google.openRequests() === 0)
  })

  test('who takes nothing holds Drive up, and is left in the end (case 95)', async () => {
    const idle = await startDriveway({ beside: driveway, gateway: { idleMs: 200 } })
    const id = await store(driveway, 'longer.bin', Buffer.alloc(32 << 20))
    const { origin } = idle
    const answer = await begin({ origin, bearer: driveway.bearer }, path(id))
    answer.on('error', () => {})
    answer.pause()
    await until(() => idle.logs.some(({ code }) => code === 'too_slow'))
    await until(() => driveway.google.openRequests() === 0)
    answer.resume()
    await new Promise((resolve) => answer.once('close', resolve))
    expect(answer.complete).toBe(false)
    await idle.close()
  })
})
