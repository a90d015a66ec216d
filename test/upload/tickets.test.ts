/** Tickets: the bytes go from the caller straight to Drive, and are looked at there afterwards. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import type { RawAnswer } from '../kit/environment.ts'
import { codeOf, send } from '../kit/environment.ts'
import type { Uploading } from '../kit/upload.ts'
import { expectNothingIn, startUploading } from '../kit/upload.ts'

const elsewhere = 'https://photos.example'
const week = 7 * 24 * 60 * 60 * 1000
const bytes = randomBytes(700_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')

interface Ticket {
  ticket: string
  uploadUrl: string
  completeUrl: string
  expires: string
  file: { id: string; name: string; mimeType: string; size: number }
  notice: string
}

let driveway: Uploading
const start = Date.now()
let clock = 0

beforeAll(async () => {
  driveway = await startUploading({
    env: { ALLOWED_ORIGINS: elsewhere, MAX_FILE_BYTES: '5000000' },
    gateway: { now: () => start + clock, wait: () => Promise.resolve() },
  })
})

afterAll(() => driveway.close())

afterEach(() => {
  clock = 0
  driveway.google.faults.clear()
  driveway.google.drive.forgetSessions()
  driveway.forget()
})

const ask = (wanted: object, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  send(driveway.origin, '/upload/tickets', {
    method: 'POST',
    headers: { ...driveway.bearer, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(wanted),
  })

async function open(wanted: object = {}, headers: Record<string, string> = {}): Promise<Ticket> {
  const { length: size } = bytes
  const answer = await ask({ name: 'a.bin', type: 'image/png', size, ...wanted }, headers)
  expect([answer.status, codeOf(answer)]).toEqual([201, 'undefined'])
  return JSON.parse(answer.body) as Ticket
}

const put = (url: string, body = bytes, headers = {}): Promise<Response> =>
  fetch(url, { method: 'PUT', body: new Uint8Array(body), headers })

const complete = ({ ticket }: Pick<Ticket, 'ticket'>, headers = driveway.bearer) =>
  send(driveway.origin, `/upload/tickets/${ticket}/complete`, { method: 'POST', headers })

/** What Drive says of a file that is asked for next. */
function lookUpGives(file: object): void {
  const body = JSON.stringify(file)
  driveway.google.faults.add({ operation: 'drive.files.get', status: 200, body })
}

test('bytes go straight to Drive, and completing answers like any upload', async () => {
  const folder = driveway.google.drive.rootOf(driveway.sub)
  const ticket = await open({ sha256: sha256.toUpperCase(), folder })
  const { file, uploadUrl, expires } = ticket
  expect(file).toMatchObject({ name: 'a.bin', mimeType: 'image/png', size: bytes.length })
  expect(uploadUrl.startsWith(driveway.google.url)).toBe(true)
  expect(Date.parse(expires)).toBeLessThan(start + week)
  expect((await put(uploadUrl)).status).toBe(200)
  const answer = await complete(ticket)
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    201,
    { ...file, sha256, webViewLink: expect.stringContaining(file.id) as unknown as string },
  ])
  expect(driveway.uploaded()).toMatchObject([{ id: file.id, sha256, mimeType: 'image/png' }])
})

test('completing again says the same again, and adds nothing', async () => {
  const ticket = await open()
  await put(ticket.uploadUrl)
  const answers = await Promise.all([complete(ticket), complete(ticket)])
  const { status, body } = await complete(ticket)
  expect(answers.map((answer) => [answer.status, answer.body])).toEqual([
    [201, body],
    [201, body],
  ])
  expect([status, driveway.uploaded().length]).toEqual([201, 1])
})

test('curl gets two lines: where to send, and what to call then', async () => {
  const wanted = { name: 'empty', size: 0 }
  const { status, body } = await ask(wanted, { accept: 'text/plain' })
  const [uploadUrl = '', completeUrl = ''] = body.split('\n')
  expect(status).toBe(201)
  await put(uploadUrl, Buffer.alloc(0))
  const headers = { ...driveway.bearer, accept: 'text/plain' }
  const done = await fetch(completeUrl, { method: 'POST', headers })
  const emptyDigest = createHash('sha256').digest('hex')
  expect([done.status, await done.text()]).toEqual([
    201,
    expect.stringContaining(`empty\t0\t${emptyDigest}`),
  ])
})

test('before the bytes are there, completing says so; the bytes can still come', async () => {
  const ticket = await open()
  const unit = 256 * 1024
  await put(ticket.uploadUrl, bytes.subarray(0, unit), {
    'content-range': `bytes 0-${unit - 1}/${bytes.length}`,
  })
  const early = await complete(ticket)
  const { retryable } = JSON.parse(early.body) as { retryable: boolean }
  expect([early.status, codeOf(early), retryable]).toEqual([409, 'upload_incomplete', true])
  await put(ticket.uploadUrl, bytes.subarray(unit), {
    'content-range': `bytes ${unit}-${bytes.length - 1}/${bytes.length}`,
  })
  expect((await complete(ticket)).status).toBe(201)
})

test('a ticket whose bytes never came is over after a week, one whose bytes came is not', async () => {
  const [used, unused] = [await open(), await open()]
  await put(used.uploadUrl)
  clock = week
  const late = await complete(unused)
  expect([late.status, codeOf(late)]).toEqual([410, 'upload_gone'])
  expect((await complete(used)).status).toBe(201)
})

test('Drive takes nothing but the size that was told', async () => {
  const ticket = await open()
  for (const size of [bytes.length - 1, bytes.length + 1]) {
    expect((await put(ticket.uploadUrl, Buffer.alloc(size))).status).toBe(400)
  }
  expect(codeOf(await complete(ticket))).toBe('upload_incomplete')
})

test('other bytes than those of the given sha256 are removed (case 82)', async () => {
  const ticket = await open({ sha256 })
  await put(ticket.uploadUrl, randomBytes(bytes.length))
  const answer = await complete(ticket)
  expect([answer.status, codeOf(answer)]).toEqual([400, 'digest_mismatch'])
  expectNothingIn(driveway)
  expect(codeOf(await complete(ticket))).toBe('upload_incomplete')
})

test.each([
  ['another size', { size: '1' }, 502, 'integrity_check_failed', 0],
  ['no checksum', { sha256Checksum: undefined }, 502, 'upstream_bad_response', 1],
  ['another id', { id: 'other' }, 502, 'upstream_bad_response', 1],
])('a Drive that names %s is not believed (case 82)', async (_, changed, status, code, files) => {
  const ticket = await open({ sha256 })
  const stored = (await (await put(ticket.uploadUrl)).json()) as object
  lookUpGives({ ...stored, modifiedTime: new Date(start).toISOString(), ...changed })
  const answer = await complete(ticket)
  expect([answer.status, codeOf(answer)]).toEqual([status, code])
  expect(driveway.uploaded().length).toBe(files)
})

test('a file that its owner has changed since is never removed', async () => {
  const ticket = await open({ sha256 })
  const stored = (await (await put(ticket.uploadUrl)).json()) as object
  expect((await complete(ticket)).status).toBe(201)
  for (const changed of [{ size: '20' }, { sha256Checksum: 'f'.repeat(64) }]) {
    lookUpGives({ ...stored, modifiedTime: new Date(start + 1).toISOString(), ...changed })
    const answer = await complete(ticket)
    expect([answer.status, codeOf(answer)]).toEqual([409, 'file_changed_after_upload'])
    expect(driveway.uploaded()).toMatchObject([{ id: ticket.file.id }])
  }
})

test('another account’s ticket, and one with any letter changed, is nobody’s', async () => {
  const ticket = await open()
  await put(ticket.uploadUrl)
  const [, ben] = driveway.google.oauth.users
  const cookie = await signIn(driveway.origin, ben?.email ?? '')
  const token = await mintToken(driveway.origin, cookie, 'test')
  const theirs = await complete(ticket, { authorization: `Bearer ${token}` })
  expect([theirs.status, codeOf(theirs)]).toEqual([404, 'not_found'])
  for (let at = 0; at < ticket.ticket.length; at += 7) {
    const letter = ticket.ticket[at] === 'A' ? 'B' : 'A'
    const tampered = ticket.ticket.slice(0, at) + letter + ticket.ticket.slice(at + 1)
    const answer = await complete({ ticket: tampered })
    expect([at, answer.status, codeOf(answer)]).toEqual([at, 404, 'not_found'])
  }
  expect((await complete(ticket, {})).status).toBe(401)
  expect((await complete(ticket)).status).toBe(201)
})

test.each([
  [{ name: '' }, 400, 'bad_request'],
  [{ name: 7 }, 400, 'bad_request'],
  [{ name: 'a\nb' }, 400, 'invalid_filename'],
  [{ size: undefined }, 400, 'bad_request'],
  [{ size: -1 }, 400, 'bad_request'],
  [{ size: 1.5 }, 400, 'bad_request'],
  [{ size: '7' }, 400, 'bad_request'],
  [{ size: 1e300 }, 400, 'bad_request'],
  [{ size: 5_000_001 }, 413, 'too_large'],
  [{ type: 'no type' }, 400, 'bad_request'],
  [{ type: 'a/b\r\nx: y' }, 400, 'bad_request'],
  [{ sha256: 'abc' }, 400, 'bad_request'],
  [{ folder: 7 }, 400, 'bad_request'],
  [{ folder: '../x' }, 404, 'drive_not_found'],
  [{ folder: 'nobodysfolder' }, 404, 'drive_not_found'],
])('%j is refused, and opens no session', async (wanted, status, code) => {
  const answer = await ask({ name: 'a', size: 7, ...wanted })
  expect([answer.status, codeOf(answer)]).toEqual([status, code])
  expectNothingIn(driveway)
})

test('only somebody who is signed in gets a ticket', async () => {
  const answer = await ask({ name: 'a', size: 7 }, { authorization: '' })
  expect(answer.status).toBe(401)
  expectNothingIn(driveway)
})
