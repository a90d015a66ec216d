/** Upload URLs are bound to their account and reveal nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { pattern } from '../../faults/fixture.ts'
import { send } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import {
  chunkUnit,
  createTusClient,
  encodeMetadata,
  offsetOf,
  tusContentType,
} from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: UploadGateway
let owner: TusClient
let other: TusClient

beforeAll(async () => {
  driveway = await startUploadGateway()
  const { origin, google } = driveway
  owner = createTusClient(driveway)
  const cookie = await signIn(origin, google.oauth.users[1]?.email ?? '')
  const authorization = `Bearer ${await mintToken(origin, cookie, 'other')}`
  other = createTusClient({ origin, bearer: { authorization } })
})
afterAll(() => driveway.close())

/** Returns a body without its request id. */
function withoutId(text: string): string {
  return text.replace(/"requestId":"[^"]+"/, '')
}

test('the upload of another account is answered like an unknown one', async () => {
  const path = await owner.create({ 'upload-length': String(2 * chunkUnit) })
  const headers = { 'content-type': tusContentType, 'upload-offset': '0' }
  for (const method of ['HEAD', 'PATCH', 'DELETE']) {
    driveway.google.calls.length = 0
    const body = method === 'PATCH' ? pattern(chunkUnit) : undefined
    const foreign = await other.request(method, path, headers, body)
    const absent = await other.request(method, '/upload/tus/a.b', headers, body)
    expect([foreign.status, withoutId(foreign.body)]).toEqual([404, withoutId(absent.body)])
    expect(driveway.driveCalls()).toEqual([])
  }
  expect(offsetOf(await owner.head(path))).toBe(0)
})

test('a modified upload URL returns 404', async () => {
  const path = await owner.create({ 'upload-length': '9' })
  const base = '/upload/tus/'.length
  for (let at = base; at < path.length; at += 7) {
    const letter = path[at] === 'A' ? 'B' : 'A'
    const modified = path.slice(0, at) + letter + path.slice(at + 1)
    expect([at, (await owner.head(modified)).status]).toEqual([at, 404])
  }
  expect((await owner.head(path)).status).toBe(200)
})

test('an upload URL is not accepted as a ticket', async () => {
  const path = await owner.create({ 'upload-length': '9' })
  const sealed = path.slice('/upload/tus/'.length)
  const { bearer, origin } = driveway
  const complete = `/upload/tickets/${sealed}/complete`
  const response = await send(origin, complete, { method: 'POST', headers: bearer })
  expectProblem(response, 404, 'not_found')
})

test('every method returns 401 without a credential, and sends Drive no request', async () => {
  const path = await owner.create({ 'upload-length': '9' })
  driveway.google.calls.length = 0
  const anonymous = createTusClient({ origin: driveway.origin, bearer: {} })
  for (const [method, at] of [
    ['POST', '/upload/tus'],
    ['HEAD', path],
    ['PATCH', path],
    ['DELETE', path],
  ] as const) {
    const response = await anonymous.request(method, at, { 'upload-length': '9' })
    expect([method, response.status]).toEqual([method, 401])
  }
  expect(driveway.driveCalls()).toEqual([])
})

test('the session URI is in no response and no log line', async () => {
  const metadata = encodeMetadata({ filename: 'secret.txt' })
  const created = await owner.post({
    'upload-length': String(chunkUnit + 1),
    'upload-metadata': metadata,
  })
  const path = new URL(created.headers.location ?? '').pathname
  const bytes = pattern(chunkUnit + 1)
  driveway.google.faults.add({ operation: 'drive.upload.chunk', status: 400 })
  const responses = [
    created,
    await owner.head(path),
    await owner.patch(path, 0, bytes),
    await owner.patch(path, 5, bytes.subarray(5)),
    await owner.remove(path),
  ]
  const output = JSON.stringify(responses) + driveway.lines.join('')
  expect(output).not.toContain('upload_id')
  expect(driveway.lines.join('')).not.toContain(path.slice(-40))
})

test('a session cookie is accepted from same-origin pages only', async () => {
  const path = await owner.create({ 'upload-length': '9' })
  const { session, origin } = driveway
  const commonHeaders = { 'tus-resumable': '1.0.0' }
  const cookie = session['cookie'] ?? ''
  const own = await send(origin, path, {
    method: 'HEAD',
    headers: { ...commonHeaders, ...session },
  })
  expect(own.status).toBe(200)
  for (const foreign of ['https://evil.example', 'null']) {
    for (const method of ['HEAD', 'DELETE']) {
      const headers = { ...commonHeaders, cookie, origin: foreign }
      expect((await send(origin, path, { method, headers })).status).toBe(403)
    }
  }
})
