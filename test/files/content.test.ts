import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { pattern, sha256Of } from '../faults/fixture.ts'
import { send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { expectProblem } from '../kit/requests.ts'
import { waitFor } from '../kit/upload.ts'
import { download, startDownload, storeFile } from '../kit/download.ts'
import type { Download } from '../kit/download.ts'
import { connectH2c } from '../kit/h2c.ts'

const app = 'application/vnd.google-apps.'
const bytes = pattern(300_000)
const size = bytes.length
let driveway: Driveway
let file: string
let empty: string
let ids: Record<string, string>

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { sleep: () => Promise.resolve() } })
  const { google, sub } = driveway
  file = await storeFile(driveway, 'film.mp4', bytes, 'video/mp4')
  empty = await storeFile(driveway, 'nothing.txt', '')
  const madeBy = google.clientId
  ids = await google.drive.seed(sub, [
    { name: 'Mine', document: 'Ship it.', createdBy: madeBy },
    { name: 'Sums', document: 'a,b\n1,2\n', mimeType: `${app}spreadsheet`, createdBy: madeBy },
    { name: 'Talk', document: 'Slide one', mimeType: `${app}presentation`, createdBy: madeBy },
    { name: 'Poll', document: '', mimeType: `${app}form`, createdBy: madeBy },
    { name: 'Endless', document: 'x'.repeat(11 << 20), createdBy: madeBy },
    { name: 'Theirs', document: 'Hands off.' },
    { name: 'theirs.txt', content: 'hands off', mimeType: 'text/plain' },
    { name: 'There', shortcutTo: 'Mine' },
    { name: 'Box', folder: [], createdBy: madeBy },
  ])
})

afterEach(() => driveway.google.faults.clear())
afterAll(() => driveway.close())

const path = (id = file): string => `/files/${id}/content`
const get = (headers: Record<string, string> = {}, id = file): Promise<Download> =>
  download(driveway, path(id), headers)
const exportAs = (name: string, format: string): Promise<Download> =>
  download(driveway, `${path(ids[name])}?as=${encodeURIComponent(format)}`)
const etag = `"${sha256Of(bytes)}"`

describe('GET /files/{id}/content of a file', () => {
  test('returns the bytes with type, length, name and digest', async () => {
    const response = await get()
    expect([response.status, response.isComplete, response.bytes.equals(bytes)]).toEqual([
      200,
      true,
      true,
    ])
    expect(response.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(size),
      'content-disposition': 'attachment; filename="film.mp4"',
      'accept-ranges': 'bytes',
      'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
      etag,
    })
  })

  test('returns an attachment with a sandbox policy for text/html', async () => {
    const id = await storeFile(driveway, 'x.html', '<script>alert(1)</script>', 'text/html')
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

  test('has the same headers with HEAD, without a download from Drive', async () => {
    driveway.google.calls.length = 0
    const { headers, ...response } = await download(
      driveway,
      path(),
      { range: 'bytes=0-9' },
      'HEAD',
    )
    expect([response.status, response.bytes.length]).toEqual([200, 0])
    expect([headers['content-length'], headers.etag]).toEqual([String(size), etag])
    expect(driveway.google.calls).not.toContain('drive.files.media')
  })

  test('of no bytes returns an empty body', async () => {
    const response = await get({}, empty)
    expect([response.status, response.isComplete, response.bytes.length]).toEqual([200, true, 0])
    expect(response.headers['content-length']).toBe('0')
  })

  test('works over HTTP/2', async () => {
    const session = await connectH2c(driveway.origin)
    const { authorization = '' } = driveway.bearer
    const headers = { ':method': 'GET', ':path': path(), authorization }
    const response = await session.request(headers)
    expect([response.status, response.headers['content-length']]).toEqual([200, String(size)])
    expect(response.body).toBe(bytes.toString('utf8'))
    await session.close()
  })

  test('has no Content-Length over MAX_REQUEST_BYTES', async () => {
    const env = { MAX_REQUEST_BYTES: '200000' }
    const proxied = await startDriveway({ sharing: driveway, env })
    const { origin } = proxied
    const whole = await download({ origin, bearer: driveway.bearer }, path())
    expect([whole.headers['content-length'], whole.bytes.equals(bytes)]).toEqual([undefined, true])
    const part = await download({ origin, bearer: driveway.bearer }, path(), { range: 'bytes=-9' })
    expect(part.headers['content-length']).toBe('9')
    await proxied.close()
  })
})

describe('Range', () => {
  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-', 0, size],
    ['bytes=100-199', 100, 200],
    [`bytes=${size - 1}-`, size - 1, size],
    ['bytes=-1', size - 1, size],
    [`bytes=-${size + 5}`, 0, size],
    [`bytes=5-${size + 5}`, 5, size],
    ['BYTES= 7-8 ', 7, 9],
  ])('%s returns 206 with its bytes', async (range, start, end) => {
    const response = await get({ range })
    expect([response.status, response.headers['content-range']]).toEqual([
      206,
      `bytes ${start}-${end - 1}/${size}`,
    ])
    expect(response.headers['content-length']).toBe(String(end - start))
    expect(response.bytes.equals(bytes.subarray(start, end))).toBe(true)
  })

  test.each([`bytes=${size}-`, `bytes=${size}-${size + 9}`, 'bytes=-0', 'bytes=9999999999999999-'])(
    '%s returns 416 with the size of the file',
    async (range) => {
      const response = await get({ range })
      expectProblem(response, 416, 'range_not_satisfiable')
      expect(response.headers['content-range']).toBe(`bytes */${size}`)
    },
  )

  test.each(['bytes=5-4', 'bytes=0-1,5-6', 'lines=0-1', 'bytes=-', 'bytes', 'bytes=a-b'])(
    '%s is ignored',
    async (range) => {
      const response = await get({ range })
      expect([response.status, response.bytes.length]).toEqual([200, size])
    },
  )

  test('of an empty file returns 200, and 416 after its start', async () => {
    expect((await get({ range: 'bytes=0-' }, empty)).status).toBe(200)
    expect((await get({ range: 'bytes=-5' }, empty)).status).toBe(200)
    const beyond = await get({ range: 'bytes=1-' }, empty)
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */0'])
  })
})

describe('a conditional request', () => {
  test.each([etag, `W/${etag}`, `"other", ${etag}`, '*'])(
    'with If-None-Match: %s returns 304',
    async (tag) => {
      driveway.google.calls.length = 0
      const response = await get({ 'if-none-match': tag })
      expect([response.status, response.bytes.length, response.headers.etag]).toEqual([
        304,
        0,
        etag,
      ])
      expect(driveway.google.calls).not.toContain('drive.files.media')
    },
  )

  test('with another If-None-Match returns 200', async () => {
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200)
  })

  test.each([
    [etag, 206],
    ['"other"', 200],
    [`W/${etag}`, 200],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 200],
  ])('with If-Range: %s returns %i', async (condition, status) => {
    const response = await get({ range: 'bytes=1-2', 'if-range': condition })
    expect([response.status, response.bytes.length]).toEqual([status, status === 206 ? 2 : size])
  })
})

describe('Content-Disposition is safe', () => {
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
  ])('for the name %j', async (name, disposition) => {
    const seeded = await driveway.google.drive.seed(driveway.sub, [
      { name, content: 'x', createdBy: driveway.google.clientId },
    ])
    const response = await get({}, seeded[name] ?? '')
    expect([response.status, response.headers['content-disposition']]).toEqual([200, disposition])
    expect(response.headers['set-cookie']).toBeUndefined()
  })

  test('and so is Content-Type for an invalid media type', async () => {
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

describe('GET /files/{id}/content of a document', () => {
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
  ])('exports %s as %s', async (name, format, type, filename) => {
    const response = await exportAs(name, format)
    expect([response.status, response.isComplete, response.headers['content-type']]).toEqual([
      200,
      true,
      type,
    ])
    expect(response.headers['content-disposition']).toBe(`attachment; filename="${filename}"`)
    expect(response.headers['accept-ranges']).toBeUndefined()
    expect(response.bytes.length).toBeGreaterThan(0)
  })

  test('exports its text', async () => {
    expect((await exportAs('Mine', 'txt')).bytes.toString()).toBe('Ship it.')
  })

  test('has a weak ETag per format, and no ranges', async () => {
    const { headers } = await exportAs('Mine', 'txt')
    expect(headers.etag).toMatch(/^W\/"\d+-text\/plain"$/)
    const condition = { 'if-none-match': headers.etag ?? '' }
    const at = `${path(ids['Mine'])}?as=`
    expect((await download(driveway, `${at}txt`, condition)).status).toBe(304)
    expect((await download(driveway, `${at}md`, condition)).status).toBe(200)
    expect((await download(driveway, `${at}txt`, { range: 'bytes=0-1' })).status).toBe(200)
  })

  test('returns unknown_export_format with the formats, without a format or with an unknown one', async () => {
    for (const query of ['', '?as=', '?as=exe', '?as=csv', '?as=constructor', '?as=text%2Fcsv']) {
      const response = await download(driveway, `${path(ids['Mine'])}${query}`)
      expectProblem(response, 400, 'unknown_export_format')
      expect(response.bytes.toString()).toContain(
        '?as=docx | odt | rtf | pdf | txt | zip | epub | md | html',
      )
    }
  })

  test('returns export_too_large over 10 MB', async () => {
    const response = await exportAs('Endless', 'txt')
    expectProblem(response, 403, 'export_too_large')
  })
})

describe('GET /files/{id}/content without content', () => {
  test.each<[string, string, number, string, string]>([
    ['Box', '', 409, 'not_downloadable', 'GET /files?folder='],
    ['There', '', 409, 'not_downloadable', '/content'],
    ['Poll', '?as=pdf', 409, 'not_downloadable', 'webViewLink'],
    ['theirs.txt', '', 403, 'drive_forbidden', 'Driveway reads only files that it stored itself'],
    [
      'Theirs',
      '?as=pdf',
      403,
      'drive_forbidden',
      'Driveway reads only files that it stored itself',
    ],
  ])('of %s%s returns %i %s', async (name, query, status, code, hint) => {
    driveway.google.calls.length = 0
    const response = await download(driveway, `${path(ids[name])}${query}`)
    expectProblem(response, status, code)
    expect(response.bytes.toString()).toContain(hint)
    expect(driveway.google.calls).not.toContain('drive.files.media')
  })

  test('returns unknown_export_format for a file', async () => {
    const response = await download(driveway, `${path()}?as=pdf`)
    expectProblem(response, 400, 'unknown_export_format')
  })

  test('returns drive_not_found for the file of another account as for an unknown one', async () => {
    const [, other] = driveway.google.oauth.users
    const theirs = await driveway.google.drive.seed(other?.sub ?? '', [{ name: 'x', content: 'x' }])
    for (const id of [theirs['x'] ?? '', '1'.repeat(33)]) {
      expectProblem(await get({}, id), 404, 'drive_not_found')
    }
  })

  test('returns bad_request for a malformed id', async () => {
    for (const id of ['..%2fetc', '%00']) expectProblem(await get({}, id), 400, 'bad_request')
  })

  test('requires authentication', async () => {
    const response = await send(driveway.origin, path())
    expect(response.status).toBe(401)
  })
})

test('GET /files/{id}/content returns every file of the user under ACCESS_PROFILE=full', async () => {
  const full = await startDriveway({ env: { ACCESS_PROFILE: 'full' } })
  const seeded = await full.google.drive.seed(full.sub, [{ name: 'theirs.txt', content: 'open' }])
  const response = await download(full, path(seeded['theirs.txt']))
  expect([response.status, response.bytes.toString()]).toEqual([200, 'open'])
  await full.close()
})

describe('a client', () => {
  test('that disconnects aborts the request to Drive', async () => {
    const id = await storeFile(driveway, 'long.bin', Buffer.alloc(32 << 20))
    const response = await startDownload(driveway, path(id))
    response.on('error', () => {})
    await new Promise((resolve) => response.once('data', resolve))
    expect(driveway.google.openRequests()).toBe(1)
    response.destroy()
    await waitFor(() => driveway.google.openRequests() === 0)
  })

  test('that stops reading pauses Drive, and is aborted after the idle timeout', async () => {
    const impatient = await startDriveway({ sharing: driveway, gateway: { idleTimeoutMs: 200 } })
    const id = await storeFile(driveway, 'longer.bin', Buffer.alloc(32 << 20))
    const { origin } = impatient
    const response = await startDownload({ origin, bearer: driveway.bearer }, path(id))
    response.on('error', () => {})
    response.pause()
    await waitFor(() => impatient.logs.some(({ code }) => code === 'too_slow'))
    await waitFor(() => driveway.google.openRequests() === 0)
    response.resume()
    await new Promise((resolve) => response.once('close', resolve))
    expect(response.complete).toBe(false)
    await impatient.close()
  })
})
