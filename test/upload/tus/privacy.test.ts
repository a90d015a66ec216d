/** Whose an upload is, and what its address gives away: nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { pattern } from '../../faults/fixture.ts'
import type { Uploading } from '../../kit/upload.ts'
import { startUploading } from '../../kit/upload.ts'
import { codeOf, send } from '../../kit/environment.ts'
import { bodyType, metadata, offsetOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

let driveway: Uploading
let mine: Tus
let theirs: Tus

beforeAll(async () => {
  driveway = await startUploading()
  const { origin, google } = driveway
  mine = tus(driveway)
  const cookie = await signIn(origin, google.oauth.users[1]?.email ?? '')
  const authorization = `Bearer ${await mintToken(origin, cookie, 'other')}`
  theirs = tus({ origin, bearer: { authorization } })
})
afterAll(() => driveway.close())

/** An answer's body without what differs in every one. */
function same(text: string): string {
  return text.replace(/"requestId":"[^"]+"/, '')
}

test('somebody else’s upload is answered like one that never was', async () => {
  const path = await mine.create({ 'upload-length': String(2 * unit) })
  const headers = { 'content-type': bodyType, 'upload-offset': '0' }
  for (const method of ['HEAD', 'PATCH', 'DELETE']) {
    driveway.google.calls.length = 0
    const body = method === 'PATCH' ? pattern(unit) : undefined
    const foreign = await theirs.ask(method, path, headers, body)
    const absent = await theirs.ask(method, '/upload/tus/a.b', headers, body)
    expect([foreign.status, same(foreign.body)]).toEqual([404, same(absent.body)])
    expect(driveway.driveCalls()).toEqual([])
  }
  expect(offsetOf(await mine.head(path))).toBe(0)
})

test('an address of which a letter was changed is nobody’s', async () => {
  const path = await mine.create({ 'upload-length': '9' })
  const base = '/upload/tus/'.length
  for (let at = base; at < path.length; at += 7) {
    const other = path[at] === 'A' ? 'B' : 'A'
    const changed = path.slice(0, at) + other + path.slice(at + 1)
    expect([at, (await mine.head(changed)).status]).toEqual([at, 404])
  }
  expect((await mine.head(path)).status).toBe(200)
})

test('a ticket is no upload, and an upload no ticket', async () => {
  const path = await mine.create({ 'upload-length': '9' })
  const sealed = path.slice('/upload/tus/'.length)
  const { bearer, origin } = driveway
  const complete = `/upload/tickets/${sealed}/complete`
  const answer = await send(origin, complete, { method: 'POST', headers: bearer })
  expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found'])
})

test('without a credential nothing is told, and nothing asked of Drive', async () => {
  const path = await mine.create({ 'upload-length': '9' })
  driveway.google.calls.length = 0
  const stranger = tus({ origin: driveway.origin, bearer: {} })
  for (const [method, at] of [
    ['POST', '/upload/tus'],
    ['HEAD', path],
    ['PATCH', path],
    ['DELETE', path],
  ] as const) {
    const answer = await stranger.ask(method, at, { 'upload-length': '9' })
    expect([method, answer.status]).toEqual([method, 401])
  }
  expect(driveway.driveCalls()).toEqual([])
})

test('the session URI is in no answer and in no line of the log', async () => {
  const said = metadata({ filename: 'secret.txt' })
  const created = await mine.post({
    'upload-length': String(unit + 1),
    'upload-metadata': said,
  })
  const path = new URL(created.headers.location ?? '').pathname
  const bytes = pattern(unit + 1)
  driveway.google.faults.add({ operation: 'drive.upload.chunk', status: 400 })
  const answers = [
    created,
    await mine.head(path),
    await mine.patch(path, 0, bytes),
    await mine.patch(path, 5, bytes.subarray(5)),
    await mine.remove(path),
  ]
  const told = JSON.stringify(answers) + driveway.lines.join('')
  expect(told).not.toContain('upload_id')
  expect(driveway.lines.join('')).not.toContain(path.slice(-40))
})

test('a session’s cookie counts for our own pages only', async () => {
  const path = await mine.create({ 'upload-length': '9' })
  const { session, origin } = driveway
  const spoken = { 'tus-resumable': '1.0.0' }
  const cookie = session['cookie'] ?? ''
  const own = await send(origin, path, { method: 'HEAD', headers: { ...spoken, ...session } })
  expect(own.status).toBe(200)
  for (const foreign of ['https://evil.example', 'null']) {
    for (const method of ['HEAD', 'DELETE']) {
      const headers = { ...spoken, cookie, origin: foreign }
      expect((await send(origin, path, { method, headers })).status).toBe(403)
    }
  }
})
