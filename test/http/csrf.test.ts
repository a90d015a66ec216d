/** A cookie counts only for requests of an allowed page, and that is known before a body is read. */
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

/** What a browser sends for a form on somebody else's page, and what odd clients send. */
const foreignRequests: [string, Record<string, string>][] = [
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['another site, with its origin', { origin: 'https://evil.example' }],
  ['both', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['a lie about the site', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
  ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'same-origin' }],
  ['an empty origin', { origin: '' }],
  ['a sibling host', { 'sec-fetch-site': 'same-site' }],
  ['the address bar', { 'sec-fetch-site': 'none' }],
  ['nothing said', {}],
  ['a value that nobody knows', { 'sec-fetch-site': 'other' }],
  ['a referrer alone', { referer: 'http://127.0.0.1/' }],
]

describe('a form of another page uploads nothing (case 22)', () => {
  test.each(foreignRequests)('%s', async (_, headers) => {
    const answer = await upload(headers)
    expect([answer.status, problemCode(answer)]).toEqual([403, 'csrf'])
    expect(driveCalls()).toEqual([])
  })

  test('and is refused before its body comes', async () => {
    const answer = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { ...multipart, cookie, 'content-length': '100000', expect: '100-continue' },
    })
    expect([answer.status, problemCode(answer)]).toEqual([403, 'csrf'])
  })

  test('our own page and an allowed one may', async () => {
    const allowed = [
      { origin: driveway.origin },
      { origin: allowedOrigin, 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-origin' },
    ]
    for (const headers of allowed) expect((await upload(headers)).status).toBe(201)
  })

  test('a bearer needs no origin: no page makes a browser send it', async () => {
    const headers = { ...multipart, ...driveway.bearer, origin: 'https://evil.example' }
    const answer = await send(driveway.origin, '/upload', { method: 'POST', headers, body })
    expect(answer.status).toBe(201)
  })
})

describe('other requests that change something (case 23)', () => {
  test.each([
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a type in capitals', { 'content-type': 'TEXT/PLAIN' }],
    ['form fields', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', {}],
    ['a method override', { 'x-http-method-override': 'PUT' }],
  ])('a raw POST with %s', async (_, headers) => {
    const answer = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { cookie, 'sec-fetch-site': 'cross-site', ...headers },
      body: 'hello',
    })
    expect([answer.status, problemCode(answer)]).toEqual([403, 'csrf'])
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
  ])('%s %s with %p signs nobody out', async (method, path, headers, status) => {
    const answer = await send(driveway.origin, path, { method, headers: { cookie, ...headers } })
    expect(answer.status).toBe(status)
    const still = await send(driveway.origin, '/files', { headers: { cookie } })
    expect(still.status).toBe(200)
  })

  test('a token is made for no other page, and by no simple request', async () => {
    const make = (headers: Record<string, string>): Promise<RawResponse> =>
      send(driveway.origin, '/auth/tokens', {
        method: 'POST',
        headers: { cookie, ...headers },
        body: '{"name":"x"}',
      })
    const json = { 'content-type': 'application/json' }
    for (const [, headers] of foreignRequests) {
      expect(problemCode(await make({ ...json, ...headers }))).toBe('csrf')
    }
    const simple = await make({ origin: driveway.origin, 'content-type': 'text/plain' })
    expect([simple.status, problemCode(simple)]).toEqual([415, 'unsupported_media_type'])
    expect((await make({ origin: driveway.origin, ...json })).status).toBe(201)
  })
})

async function listStatus(headers: Record<string, string>): Promise<number> {
  return (await send(driveway.origin, '/files', { headers: { cookie, ...headers } })).status
}

test("a list is read by our own page and by an old browser, and by no other site's page", async () => {
  expect(await listStatus({})).toBe(200)
  expect(await listStatus({ 'sec-fetch-site': 'none' })).toBe(200)
  expect(await listStatus({ 'sec-fetch-site': 'same-site' })).toBe(403)
  expect(await listStatus({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await listStatus({ origin: 'null' })).toBe(403)
})
