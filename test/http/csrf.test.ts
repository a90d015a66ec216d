/** CSRF protection: a cookie is accepted only from an allowed origin, before the body is read. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { problemCode, filePart, form, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'

let driveway: Driveway
let cookie = ''
const allowedOrigin = 'https://friend.example'

beforeAll(async () => {
  driveway = await startDriveway({ env: { ALLOWED_ORIGINS: allowedOrigin } })
  cookie = driveway.session['cookie'] ?? ''
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.calls.length = 0
})

const body = form('b', filePart('a.txt', 'hello'))
const multipart = { 'content-type': 'multipart/form-data; boundary=b' }

function upload(headers: Record<string, string>): Promise<RawResponse> {
  const all = { ...multipart, cookie, ...headers }
  return send(driveway.origin, '/upload', { method: 'POST', headers: all, body })
}

function driveCalls(): string[] {
  return driveway.google.calls.filter((call) => call.startsWith('drive.'))
}

/** Headers that browsers send for a form on another site, and headers of unusual clients. */
const foreignRequests: [string, Record<string, string>][] = [
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['another site, with its origin', { origin: 'https://evil.example' }],
  [
    'another site, with both headers',
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  ],
  ['a false Sec-Fetch-Site', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
  ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'same-origin' }],
  ['an empty origin', { origin: '' }],
  ['a sibling host', { 'sec-fetch-site': 'same-site' }],
  ['the address bar', { 'sec-fetch-site': 'none' }],
  ['no header', {}],
  ['an unknown Sec-Fetch-Site', { 'sec-fetch-site': 'other' }],
  ['only a referrer', { referer: 'http://127.0.0.1/' }],
]

describe('POST /upload with a cookie', () => {
  test.each(foreignRequests)('from %s gets 403 csrf and uploads nothing', async (_, headers) => {
    const response = await upload(headers)
    expect([response.status, problemCode(response)]).toEqual([403, 'csrf'])
    expect(driveCalls()).toEqual([])
  })

  test('gets 403 csrf before the body is sent', async () => {
    const response = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { ...multipart, cookie, 'content-length': '100000', expect: '100-continue' },
    })
    expect([response.status, problemCode(response)]).toEqual([403, 'csrf'])
  })

  test('succeeds from the own origin and from an allowed one', async () => {
    const allowed = [
      { origin: driveway.origin },
      { origin: allowedOrigin, 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-origin' },
    ]
    for (const headers of allowed) expect((await upload(headers)).status).toBe(201)
  })

  test('succeeds with a bearer from any origin, because browsers do not send bearers by themselves', async () => {
    const headers = { ...multipart, ...driveway.bearer, origin: 'https://evil.example' }
    const response = await send(driveway.origin, '/upload', { method: 'POST', headers, body })
    expect(response.status).toBe(201)
  })
})

describe('other state-changing requests with a cookie', () => {
  test.each([
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a media type in capitals', { 'content-type': 'TEXT/PLAIN' }],
    ['form fields', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no media type', {}],
    ['a method override', { 'x-http-method-override': 'PUT' }],
  ])('a cross-site POST /upload with %s gets 403 csrf', async (_, headers) => {
    const response = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { cookie, 'sec-fetch-site': 'cross-site', ...headers },
      body: 'hello',
    })
    expect([response.status, problemCode(response)]).toEqual([403, 'csrf'])
    expect(driveCalls()).toEqual([])
  })

  test.each<[string, string, Record<string, string>, number]>([
    ['GET', '/auth/session', {}, 200],
    ['GET', '/auth/session?_method=DELETE', { 'x-http-method-override': 'DELETE' }, 200],
    ['POST', '/auth/session', { 'x-http-method-override': 'DELETE' }, 405],
    ['POST', '/auth/session', {}, 405],
    ['DELETE', '/auth/session', {}, 403],
    ['DELETE', '/auth/session', { origin: 'https://evil.example' }, 403],
    ['DELETE', '/auth/session', { 'sec-fetch-site': 'cross-site' }, 403],
    ['GET', '/auth/session', { 'sec-fetch-site': 'cross-site' }, 403],
    ['POST', '/auth/tokens', { 'content-type': 'application/json' }, 403],
    ['GET', '/auth/tokens', {}, 200],
    ['GET', '/auth/tokens', { 'sec-fetch-site': 'cross-site' }, 403],
    ['PUT', '/auth/tokens', {}, 405],
  ])('%s %s with %p does not end the session', async (method, path, headers, status) => {
    const response = await send(driveway.origin, path, { method, headers: { cookie, ...headers } })
    expect(response.status).toBe(status)
    const listed = await send(driveway.origin, '/files', { headers: { cookie } })
    expect(listed.status).toBe(200)
  })

  test('POST /auth/tokens creates no token for another site or for a simple request', async () => {
    const postToken = (headers: Record<string, string>): Promise<RawResponse> =>
      send(driveway.origin, '/auth/tokens', {
        method: 'POST',
        headers: { cookie, ...headers },
        body: '{"name":"x"}',
      })
    const json = { 'content-type': 'application/json' }
    for (const [, headers] of foreignRequests) {
      expect(problemCode(await postToken({ ...json, ...headers }))).toBe('csrf')
    }
    const simple = await postToken({ origin: driveway.origin, 'content-type': 'text/plain' })
    expect([simple.status, problemCode(simple)]).toEqual([415, 'unsupported_media_type'])
    expect((await postToken({ origin: driveway.origin, ...json })).status).toBe(201)
  })
})

async function listStatus(headers: Record<string, string>): Promise<number> {
  return (await send(driveway.origin, '/files', { headers: { cookie, ...headers } })).status
}

test('GET /files with a cookie succeeds from the own page and old browsers, and fails from another site', async () => {
  expect(await listStatus({})).toBe(200)
  expect(await listStatus({ 'sec-fetch-site': 'none' })).toBe(200)
  expect(await listStatus({ 'sec-fetch-site': 'same-site' })).toBe(403)
  expect(await listStatus({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await listStatus({ origin: 'null' })).toBe(403)
})
