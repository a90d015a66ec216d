/** What a page of another origin needs to speak tus, and what it is told. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../../kit/environment.ts'
import type { Driveway, RawAnswer } from '../../kit/environment.ts'

let driveway: Driveway
const friend = 'https://friend.example'

beforeAll(async () => {
  driveway = await startDriveway({ env: { ALLOWED_ORIGINS: friend } })
})
afterAll(() => driveway.close())

function listIn(answer: RawAnswer, name: string): string[] {
  return String(answer.headers[name] ?? '').split(', ')
}

/** Every header that clients send, in any mode of theirs. */
const sent = [
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

/** Every header that clients read. */
const read = [
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
])('a preflight for %s lets a known page speak tus (case 27)', async (path, methods) => {
  for (const method of methods) {
    const headers = {
      origin: friend,
      'access-control-request-method': method,
      'access-control-request-headers': sent.join(',').toLowerCase(),
    }
    const answer = await send(driveway.origin, path, { method: 'OPTIONS', headers })
    expect([answer.status, answer.headers['tus-version']]).toEqual([204, '1.0.0'])
    expect(answer.headers['access-control-allow-origin']).toBe(friend)
    expect(listIn(answer, 'access-control-allow-methods')).toContain(method)
    const allowed = listIn(answer, 'access-control-allow-headers')
    expect(sent.filter((name) => !allowed.includes(name))).toEqual([])
  }
})

test('an unknown page is told nothing', async () => {
  for (const path of ['/upload/tus', '/upload/tus/a.b.c']) {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    const answer = await send(driveway.origin, path, { method: 'OPTIONS', headers })
    const told = Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))
    expect(told).toEqual([])
  }
})

test('a known page may read every header of an answer, of a refusal too (case 28)', async () => {
  const headers = { ...driveway.bearer, origin: friend, 'tus-resumable': '1.0.0' }
  const path = '/upload/tus'
  const created = await send(driveway.origin, path, {
    method: 'POST',
    headers: { ...headers, 'upload-length': '9' },
  })
  const refused = await send(driveway.origin, path, { method: 'POST', headers })
  expect([created.status, refused.status]).toEqual([201, 400])
  for (const answer of [created, refused]) {
    expect(answer.headers['access-control-allow-origin']).toBe(friend)
    const exposed = listIn(answer, 'access-control-expose-headers')
    expect(read.filter((name) => !exposed.includes(name))).toEqual([])
  }
})

test('other addresses let pages send what they did before', async () => {
  const headers = { origin: friend, 'access-control-request-method': 'GET' }
  const answer = await send(driveway.origin, '/files', { method: 'OPTIONS', headers })
  expect(answer.headers['access-control-allow-headers']).toBe('Authorization, Content-Type')
})

test('a GET of an upload is not taken: there is nothing to read back', async () => {
  const answer = await send(driveway.origin, '/upload/tus/a.b.c', { headers: driveway.bearer })
  expect([answer.status, codeOf(answer)]).toEqual([405, 'method_not_allowed'])
  expect(listIn(answer, 'allow')).toEqual(expect.arrayContaining(['HEAD', 'PATCH', 'DELETE']))
})
