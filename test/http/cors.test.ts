/** CORS headers: complete for allowed origins, none for other origins. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { send, sendRaw, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'

let driveway: Driveway
const allowedOrigin = 'https://friend.example:8443'

beforeAll(async () => {
  driveway = await startDriveway({
    env: { ALLOWED_ORIGINS: `${allowedOrigin} https://other.example` },
  })
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.google.calls.length = 0
  driveway.google.faults.clear()
})

function corsHeaders({ headers }: RawResponse): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}

function expectAllowed(response: RawResponse): void {
  expect(response.headers['vary']).toBe('Origin')
  expect(response.headers['access-control-allow-origin']).toBe(allowedOrigin)
  expect(response.headers['access-control-allow-credentials']).toBe('true')
  for (const name of ['Location', 'Retry-After', 'X-Request-Id']) {
    expect(response.headers['access-control-expose-headers']?.split(', ')).toContain(name)
  }
}

const foreignOrigins = [
  `${allowedOrigin}.evil.example`,
  'https://friend.example',
  'https://friend.example:8444',
  'https://friend.example:84430',
  'http://friend.example:8443',
  'https://evilfriend.example:8443',
  'https://evil.example/https://friend.example:8443',
  'https://sub.friend.example:8443',
  'https://FRIEND.example:8443',
  'HTTPS://friend.example:8443',
  'https://friend.example.:8443',
  `${allowedOrigin}/`,
  ` ${allowedOrigin} x`,
  `${allowedOrigin}, https://other.example`,
  'https://user@friend.example:8443',
  'https://friend.example:8443@evil.example',
  'null',
  'file://',
  '*',
  `https://${'a'.repeat(10_000)}.example`,
  'https://friend.ex\u00e4mple:8443',
  'http://localhost:8080',
]

describe('an origin that differs from every allowed one', () => {
  test.each(foreignOrigins)('%.60s gets no CORS headers', async (origin) => {
    for (const method of ['GET', 'OPTIONS', 'POST']) {
      const response = await send(driveway.origin, '/files', {
        method,
        headers: { ...driveway.bearer, origin },
      })
      expect(corsHeaders(response)).toEqual([])
      expect(response.headers['vary']).toBe('Origin')
    }
  })

  test('an origin of 100 KB gets 431 from Node', async () => {
    const origin = `https://${'a'.repeat(100_000)}`
    const received = await sendRaw(driveway.origin, [
      `GET /files HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\n\r\n`,
    ])
    expect(received).toMatch(/^HTTP\/1\.1 431 /)
    expect(received).not.toMatch(/access-control/i)
  })

  test('a request without an origin gets Vary: Origin and no CORS headers', async () => {
    for (const path of ['/auth', '/callback', '/files', '/upload', '/auth/session', '/nothing']) {
      const response = await send(driveway.origin, path)
      expect([path, response.headers['vary'], corsHeaders(response)]).toEqual([path, 'Origin', []])
    }
  })
})

describe('a CORS preflight', () => {
  const requestedHeaders = [
    'authorization',
    'content-type',
    'authorization,content-type',
    'tus-resumable,upload-offset,upload-length,upload-metadata,upload-checksum',
    'x-anything',
  ]
  test.each([
    ['/files', 'GET, POST'],
    ['/files/abc', 'GET'],
    ['/files/abc/content', 'GET, HEAD', ', Range, If-None-Match, If-Range'],
    ['/upload', 'POST', ', Idempotency-Key'],
    ['/upload/a/b.txt', 'PUT', ', Idempotency-Key, Repr-Digest'],
    ['/auth/session', 'GET, DELETE'],
    ['/auth/tokens', 'POST, GET'],
    [`/auth/tokens/${'0'.repeat(64)}`, 'DELETE'],
    ['/auth', 'GET'],
  ])(
    'for %s lists the methods and headers, without a request to Google',
    async (path, methods, more = '') => {
      for (const origin of [driveway.origin, allowedOrigin, 'https://evil.example']) {
        for (const headers of requestedHeaders) {
          const response = await send(driveway.origin, path, {
            method: 'OPTIONS',
            headers: {
              origin,
              'access-control-request-method': methods.split(', ').at(-1) ?? '',
              'access-control-request-headers': headers,
            },
          })
          expect([response.status, response.body, response.headers['vary']]).toEqual([
            204,
            '',
            'Origin',
          ])
          if (origin === 'https://evil.example') {
            expect(corsHeaders(response)).toEqual([])
            continue
          }
          expect(response.headers['access-control-allow-origin']).toBe(origin)
          expect(response.headers['access-control-allow-methods']).toBe(methods)
          expect(response.headers['access-control-allow-headers']).toBe(
            `Authorization, Content-Type${more}`,
          )
        }
      }
      expect(driveway.google.calls).toEqual([])
    },
  )
})

describe('an error response for a page of an allowed origin', () => {
  const origin = allowedOrigin
  test.each<[string, number, () => Promise<RawResponse>]>([
    ['no credential', 401, () => send(driveway.origin, '/files', { headers: { origin } })],
    [
      'a Google token',
      401,
      () =>
        send(driveway.origin, '/files', { headers: { origin, authorization: 'Bearer ya29.x' } }),
    ],
    [
      'a bearer where a session is required',
      403,
      () =>
        send(driveway.origin, '/auth/session', {
          method: 'DELETE',
          headers: { origin, ...driveway.bearer },
        }),
    ],
    ['an unknown path', 404, () => send(driveway.origin, '/auth/nothing', { headers: { origin } })],
    ['a preflight of an unknown path', 404, () => options('/auth/nothing')],
    [
      'an unsupported method',
      405,
      () => send(driveway.origin, '/files', { method: 'PUT', headers: { origin } }),
    ],
    [
      'a malformed query',
      400,
      () => send(driveway.origin, '/files?q=%zz', { headers: { origin } }),
    ],
    [
      'a repeated parameter',
      400,
      () => send(driveway.origin, '/files?q=a&q=b', { headers: { origin } }),
    ],
    [
      'a body that is not read',
      415,
      () =>
        send(driveway.origin, '/upload', {
          method: 'POST',
          headers: { origin, ...driveway.bearer, 'content-type': 'text/plain' },
          body: 'x'.repeat(200_000),
        }),
    ],
    [
      'an unexpected response of Drive',
      502,
      () => {
        driveway.google.faults.add({ operation: 'drive.files.list', status: 400, body: '<html>' })
        return send(driveway.origin, '/files', { headers: { origin, ...driveway.bearer } })
      },
    ],
  ])('has CORS headers for %s (%i)', async (_, status, request) => {
    const response = await request()
    expect(response.status).toBe(status)
    expectAllowed(response)
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  function options(path: string): Promise<RawResponse> {
    return send(driveway.origin, path, { method: 'OPTIONS', headers: { origin } })
  }
})
