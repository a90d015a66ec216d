/** CORS of tus uploads from pages of other origins. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { send, startDriveway } from '../../kit/environment.ts'
import type { Driveway, RawResponse } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'

let driveway: Driveway
const allowedOrigin = 'https://friend.example'

beforeAll(async () => {
  driveway = await startDriveway({ env: { ALLOWED_ORIGINS: allowedOrigin } })
})
afterAll(() => driveway.close())

function listIn(response: RawResponse, name: string): string[] {
  return String(response.headers[name] ?? '').split(', ')
}

/** Every request header of tus clients. */
const requestHeaders = [
  'Authorization',
  'Content-Type',
  'Tus-Resumable',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Checksum',
  'X-HTTP-Method-Override',
  'X-Request-ID',
  'Driveway-Direct',
]

/** Every response header that tus clients read. */
const responseHeaders = [
  'Location',
  'Tus-Resumable',
  'Tus-Version',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Checksum-Algorithm',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Expires',
  'Driveway-Direct-Url',
  'Driveway-File-Id',
]

test.each([
  ['/upload/tus', ['POST']],
  ['/upload/tus/a.b.c', ['HEAD', 'PATCH', 'DELETE', 'POST']],
])(
  'a preflight for %s permits an allowed origin every method and header of tus',
  async (path, methods) => {
    for (const method of methods) {
      const headers = {
        origin: allowedOrigin,
        'access-control-request-method': method,
        'access-control-request-headers': requestHeaders.join(',').toLowerCase(),
      }
      const response = await send(driveway.origin, path, { method: 'OPTIONS', headers })
      expect([response.status, response.headers['tus-version']]).toEqual([204, '1.0.0'])
      expect(response.headers['access-control-allow-origin']).toBe(allowedOrigin)
      expect(listIn(response, 'access-control-allow-methods')).toContain(method)
      const allowed = listIn(response, 'access-control-allow-headers')
      expect(requestHeaders.filter((name) => !allowed.includes(name))).toEqual([])
    }
  },
)

test('a preflight from an unknown origin returns no CORS headers', async () => {
  for (const path of ['/upload/tus', '/upload/tus/a.b.c']) {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    const response = await send(driveway.origin, path, { method: 'OPTIONS', headers })
    const corsHeaders = Object.keys(response.headers).filter((name) =>
      name.startsWith('access-control'),
    )
    expect(corsHeaders).toEqual([])
  }
})

test('an allowed origin may read every response header of tus, of errors too', async () => {
  const headers = { ...driveway.bearer, origin: allowedOrigin, 'tus-resumable': '1.0.0' }
  const path = '/upload/tus'
  const created = await send(driveway.origin, path, {
    method: 'POST',
    headers: { ...headers, 'upload-length': '9' },
  })
  const rejected = await send(driveway.origin, path, { method: 'POST', headers })
  expect([created.status, rejected.status]).toEqual([201, 400])
  for (const response of [created, rejected]) {
    expect(response.headers['access-control-allow-origin']).toBe(allowedOrigin)
    const exposed = listIn(response, 'access-control-expose-headers')
    expect(responseHeaders.filter((name) => !exposed.includes(name))).toEqual([])
  }
})

test('a preflight for another URL permits no headers of tus', async () => {
  const headers = { origin: allowedOrigin, 'access-control-request-method': 'GET' }
  const response = await send(driveway.origin, '/files', { method: 'OPTIONS', headers })
  expect(response.headers['access-control-allow-headers']).toBe('Authorization, Content-Type')
})

test('GET of an upload returns method_not_allowed', async () => {
  const response = await send(driveway.origin, '/upload/tus/a.b.c', { headers: driveway.bearer })
  expectProblem(response, 405, 'method_not_allowed')
  expect(listIn(response, 'allow')).toEqual(expect.arrayContaining(['HEAD', 'PATCH', 'DELETE']))
})
