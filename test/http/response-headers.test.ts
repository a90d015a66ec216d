/** Security headers of every response, and responses to unusual requests and malformed bodies. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, sendRaw, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { approveConsent, startSignIn, completeSignIn } from '../kit/sign-in.ts'

let driveway: Driveway
let secureDriveway: Driveway
const publicUrl = 'https://drive.example'

beforeAll(async () => {
  driveway = await startDriveway()
  secureDriveway = await startDriveway({ isSignedIn: false, google: { publicUrl } })
})
afterAll(async () => {
  await secureDriveway.close()
  await driveway.close()
})

const routes = ['/auth', '/auth/session', '/auth/tokens', '/callback', '/files', '/upload']
const unknownPaths = ['/', '/auth/', '/auth/x', '/callback/x', '/files/', '/upload/x/y', '/nothing']
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

function expectSecurityHeaders({ headers }: RawResponse): void {
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'Origin',
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
  })
  expect(headers).not.toHaveProperty('x-powered-by')
  expect(headers).not.toHaveProperty('server')
}

function expectProblem(response: RawResponse): void {
  expect(response.headers['content-type']).toBe('application/problem+json')
  const problem = JSON.parse(response.body) as Record<string, unknown>
  expect(problem).toMatchObject({
    status: response.status,
    code: expect.stringMatching(/^[a-z_]+$/),
    title: expect.any(String),
    requestId: response.headers['x-request-id'],
    retryable: expect.any(Boolean),
  })
  expect(response.body).not.toMatch(/<|node_modules|\.ts\b|\bat \w+ \(|v20\.|\/work|stack/)
}

describe('the security headers of a response', () => {
  test.each(methods)(
    'are present for %s on every path, with and without credentials',
    async (method) => {
      const cookie = driveway.session['cookie'] ?? ''
      const requests: Record<string, string>[] = [
        {},
        driveway.bearer,
        { authorization: 'Bearer x' },
        { cookie },
        { cookie: `${cookie}; ${cookie}` },
        { accept: 'text/html' },
        { origin: 'https://evil.example', cookie },
      ]
      for (const path of [...routes, ...unknownPaths, '/files?q=%zz', '/auth?a=1&a=2']) {
        for (const headers of requests) {
          const response = await send(driveway.origin, path, { method, headers })
          expect([path, response.status >= 500]).toEqual([path, false])
          expectSecurityHeaders(response)
          expect(response.headers).not.toHaveProperty('strict-transport-security')
          if (response.status >= 400 && method !== 'HEAD' && headers['accept'] === undefined) {
            expectProblem(response)
          }
          if (response.status === 405)
            expect(response.headers['allow']).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
        }
      }
    },
  )

  test('include Strict-Transport-Security, without subdomains, if the public URL is https', async () => {
    for (const path of [...routes, ...unknownPaths]) {
      const { headers } = await send(secureDriveway.origin, path)
      expect(headers['strict-transport-security']).toBe('max-age=63072000')
    }
    const started = await startSignIn(secureDriveway)
    const response = await completeSignIn(
      secureDriveway,
      await approveConsent(started),
      started.cookie,
    )
    expectSecurityHeaders(response)
    expect(response.headers.location).toBe(`${publicUrl}/`)
  })

  test('extend Strict-Transport-Security to subdomains with HSTS_INCLUDE_SUBDOMAINS', async () => {
    const env = { HSTS_INCLUDE_SUBDOMAINS: 'true' }
    const other = await startDriveway({ isSignedIn: false, google: { publicUrl }, env })
    const { headers } = await send(other.origin, '/auth/session')
    expect(headers['strict-transport-security']).toBe('max-age=63072000; includeSubDomains')
    await other.close()
  })

  test('forbid scripts and frames on the problem page', async () => {
    const response = await completeSignIn(driveway, 'state=<script>', undefined, {
      accept: 'text/html,*/*',
    })
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(response.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; .*frame-ancestors 'none'$/,
    )
    expect(response.body).not.toContain('script>')
    expectSecurityHeaders(response)
  })
})

describe('an unusual request', () => {
  test.each<[string, string, RegExp]>([
    ['TRACE', 'TRACE /files HTTP/1.1\r\nHost: x\r\n', / 405 /],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n', /^$| 4\d\d /],
    ['PROPFIND', 'PROPFIND /files HTTP/1.1\r\nHost: x\r\n', / 405 /],
    ['PUT /auth', 'PUT /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n', / 405 /],
    ['an unknown method', 'DRIVE /files HTTP/1.1\r\nHost: x\r\n', / 400 /],
    ['two slashes', 'POST //upload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n', / 40[45] /],
    ['a path with ..', 'GET /upload/../auth HTTP/1.1\r\nHost: x\r\n', / 405 /],
    ['a path with encoded ..', 'GET /upload/%2e%2e/auth HTTP/1.1\r\nHost: x\r\n', / 405 /],
    ['an encoded letter', 'GET /%61uth HTTP/1.1\r\nHost: x\r\n', / 404 /],
    ['an encoded slash', 'GET /auth%2fsession HTTP/1.1\r\nHost: x\r\n', / 404 /],
    ['NUL', 'GET /auth/%00 HTTP/1.1\r\nHost: x\r\n', / 404 /],
    ['a malformed percent-escape in the path', 'GET /auth/%zz HTTP/1.1\r\nHost: x\r\n', / 404 /],
    ['a path of 8 KB', `GET /auth/${'a'.repeat(8_192)} HTTP/1.1\r\nHost: x\r\n`, / 4(04|14) /],
    ['a path of 80 KB', `GET /auth/${'a'.repeat(81_920)} HTTP/1.1\r\nHost: x\r\n`, / 4(14|31) /],
    ['no path', 'GET ?q=1 HTTP/1.1\r\nHost: x\r\n', / 40[04] /],
    ['__proto__', 'GET /files HTTP/1.1\r\nHost: x\r\n__proto__: x\r\nconstructor: y\r\n', / 401 /],
    ['2,500 headers', `GET /files HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(2_500)}`, / 4\d\d /],
  ])('with %s gets a response and does not affect the next request', async (_, head, status) => {
    const received = await sendRaw(driveway.origin, [`${head}Connection: close\r\n\r\n`], 'end')
    expect(received.split('\r\n', 1)[0]).toMatch(status)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
    const after = await send(driveway.origin, '/files', { headers: driveway.bearer })
    expect(after.status).toBe(200)
  })
})

describe('a malformed body', () => {
  const json = 'application/json'
  const bodies: [string, string, Buffer | string][] = [
    ['truncated JSON', json, '{"name":'],
    ['text that is not JSON', json, 'name=x'],
    ['an empty body', json, ''],
    ['a list', json, '[]'],
    ['null', json, 'null'],
    ['a string', json, '"x"'],
    ['invalid UTF-8', json, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['deeply nested JSON', json, '['.repeat(12_000)],
    ['17 KB', json, JSON.stringify({ name: 'x'.repeat(17_000) })],
    ['a number as the name', json, '{"name":7}'],
    ['an empty name', json, '{"name":""}'],
    ['a long name', json, JSON.stringify({ name: 'x'.repeat(101) })],
    ['a name of two lines', json, '{"name":"a\\r\\nb"}'],
    ['a name with C1 in it', json, '{"name":"a\\u009bb"}'],
    ['half a surrogate pair', json, '{"name":"\\ud83d"}'],
    ['a form', 'application/x-www-form-urlencoded', 'name=x'],
    ['1 MB of form', 'application/x-www-form-urlencoded', `a=${'%41'.repeat(350_000)}`],
    ['a media type similar to JSON', 'application/jsonp', '{"name":"x"}'],
  ]

  test.each(bodies)('POST /auth/tokens with %s creates no token', async (_, type, body) => {
    const response = await send(driveway.origin, '/auth/tokens', {
      method: 'POST',
      headers: { ...driveway.session, 'content-type': type },
      body,
    })
    expect([response.status, problemCode(response)]).toEqual(
      type === json ? [400, 'bad_request'] : [415, 'unsupported_media_type'],
    )
    expectProblem(response)
  })

  test.each(routes)('causes no 5xx at %s', async (path) => {
    for (const [, type, body] of bodies) {
      for (const method of ['POST', 'DELETE', 'GET']) {
        // Node's client announces no body for GET and DELETE.
        const length = { 'content-length': String(Buffer.byteLength(body)) }
        const response = await send(driveway.origin, path, {
          method,
          headers: { ...driveway.bearer, 'content-type': type, ...length },
          body,
        })
        expect([method, type, response.status >= 500]).toEqual([method, type, false])
        expectSecurityHeaders(response)
        if (response.status >= 400) expectProblem(response)
      }
    }
  })

  test.each(['%', '%zz', '%e0%a4%a', '%ff', '%c0%af', '%ed%a0%80', 'a=%u0041', '%00%'])(
    'the malformed query %s gets 400 on every path',
    async (query) => {
      for (const path of routes) {
        const response = await send(driveway.origin, `${path}?${query}`, {
          headers: driveway.bearer,
        })
        expect([path, response.status, problemCode(response)]).toEqual([path, 400, 'bad_request'])
        expectProblem(response)
      }
    },
  )

  test('POST /auth/tokens keeps the name unchanged', async () => {
    const name = 'CI “build” 🚗 __proto__'
    const response = await send(driveway.origin, '/auth/tokens', {
      method: 'POST',
      headers: { ...driveway.session, 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify({ name, __proto__: { admin: true } }),
    })
    expect(JSON.parse(response.body)).toMatchObject({ name, token: expect.stringMatching(/^dw_/) })
  })
})
