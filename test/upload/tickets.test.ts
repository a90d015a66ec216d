/** Tickets: the client sends the bytes to Drive, and the gateway verifies the stored file. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { problemCode } from '../kit/environment.ts'
import {
  completeTicket,
  expectProblem,
  parseJson,
  putBytes,
  requestTicket,
} from '../kit/requests.ts'
import { expectNothingStored, startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const allowedOrigin = 'https://photos.example'
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

let driveway: UploadGateway
const start = Date.now()
let clock = 0

beforeAll(async () => {
  driveway = await startUploadGateway({
    env: { ALLOWED_ORIGINS: allowedOrigin, MAX_FILE_BYTES: '5000000' },
    gateway: { now: () => start + clock, sleep: () => Promise.resolve() },
  })
})

afterAll(() => driveway.close())

afterEach(() => {
  clock = 0
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
  driveway.resetUploads()
})

async function createTicket(file: object = {}): Promise<Ticket> {
  const { length: size } = bytes
  const response = await requestTicket(driveway, {
    name: 'a.bin',
    type: 'image/png',
    size,
    ...file,
  })
  expect([response.status, problemCode(response)]).toEqual([201, 'undefined'])
  return parseJson<Ticket>(response)
}

const complete = (ticket: Pick<Ticket, 'ticket'>, headers = driveway.bearer) =>
  completeTicket(driveway, ticket, headers)

/** Makes Drive return this file to the next request for its metadata. */
function overrideMetadata(file: object): void {
  const body = JSON.stringify(file)
  driveway.google.faults.add({ operation: 'drive.files.get', status: 200, body })
}

test('completing a ticket returns the file that the client sent to Drive', async () => {
  const folder = driveway.google.drive.rootOf(driveway.sub)
  const ticket = await createTicket({ sha256: sha256.toUpperCase(), folder })
  const { file, uploadUrl, expires } = ticket
  expect(file).toMatchObject({ name: 'a.bin', mimeType: 'image/png', size: bytes.length })
  expect(uploadUrl.startsWith(driveway.google.url)).toBe(true)
  expect(Date.parse(expires)).toBeLessThan(start + week)
  expect((await putBytes(uploadUrl, bytes)).status).toBe(200)
  const response = await complete(ticket)
  expect([response.status, JSON.parse(response.body)]).toEqual([
    201,
    { ...file, sha256, webViewLink: expect.stringContaining(file.id) as unknown as string },
  ])
  expect(driveway.uploaded()).toMatchObject([{ id: file.id, sha256, mimeType: 'image/png' }])
})

test.each([
  ['AC/DC.mp3', 'AC/DC.mp3'],
  [String.raw`C:\Music\x.mp3`, 'x.mp3'],
])('a ticket for %s names the file %s', async (requested, name) => {
  expect((await createTicket({ name: requested })).file.name).toBe(name)
})

test('completing a ticket twice returns the same response and stores one file', async () => {
  const ticket = await createTicket()
  await putBytes(ticket.uploadUrl, bytes)
  const responses = await Promise.all([complete(ticket), complete(ticket)])
  const { status, body } = await complete(ticket)
  expect(responses.map((response) => [response.status, response.body])).toEqual([
    [201, body],
    [201, body],
  ])
  expect([status, driveway.uploaded().length]).toEqual([201, 1])
})

test('POST /upload/tickets returns uploadUrl and completeUrl as two lines for Accept: text/plain', async () => {
  const file = { name: 'empty', size: 0 }
  const { status, body } = await requestTicket(driveway, file, { accept: 'text/plain' })
  const [uploadUrl = '', completeUrl = ''] = body.split('\n')
  expect(status).toBe(201)
  await putBytes(uploadUrl, Buffer.alloc(0))
  const headers = { ...driveway.bearer, accept: 'text/plain' }
  const completed = await fetch(completeUrl, { method: 'POST', headers })
  const emptyDigest = createHash('sha256').digest('hex')
  expect([completed.status, await completed.text()]).toEqual([
    201,
    expect.stringContaining(`empty\t0\t${emptyDigest}`),
  ])
})

test('completing an incomplete upload returns upload_incomplete, and the upload can continue', async () => {
  const ticket = await createTicket()
  const unit = 256 * 1024
  await putBytes(ticket.uploadUrl, bytes.subarray(0, unit), {
    'content-range': `bytes 0-${unit - 1}/${bytes.length}`,
  })
  const early = await complete(ticket)
  const { retryable } = JSON.parse(early.body) as { retryable: boolean }
  expect([early.status, problemCode(early), retryable]).toEqual([409, 'upload_incomplete', true])
  await putBytes(ticket.uploadUrl, bytes.subarray(unit), {
    'content-range': `bytes ${unit}-${bytes.length - 1}/${bytes.length}`,
  })
  expect((await complete(ticket)).status).toBe(201)
})

test('completing an expired ticket returns upload_gone, unless its file is stored', async () => {
  const [used, unused] = [await createTicket(), await createTicket()]
  await putBytes(used.uploadUrl, bytes)
  clock = week
  const late = await complete(unused)
  expectProblem(late, 410, 'upload_gone')
  expect((await complete(used)).status).toBe(201)
})

test('Drive rejects bytes of another size than the ticket has', async () => {
  const ticket = await createTicket()
  for (const size of [bytes.length - 1, bytes.length + 1]) {
    expect((await putBytes(ticket.uploadUrl, Buffer.alloc(size))).status).toBe(400)
  }
  expect(problemCode(await complete(ticket))).toBe('upload_incomplete')
})

test('completing a ticket removes a file whose bytes do not match the sha256', async () => {
  const ticket = await createTicket({ sha256 })
  await putBytes(ticket.uploadUrl, randomBytes(bytes.length))
  const response = await complete(ticket)
  expectProblem(response, 400, 'digest_mismatch')
  expectNothingStored(driveway)
  expect(problemCode(await complete(ticket))).toBe('upload_incomplete')
})

test.each([
  ['another size', { size: '1' }, 502, 'integrity_check_failed', 0],
  ['no checksum', { sha256Checksum: undefined }, 502, 'upstream_bad_response', 1],
  ['another id', { id: 'other' }, 502, 'upstream_bad_response', 1],
])('completing a ticket fails when Drive returns %s', async (_, changed, status, code, files) => {
  const ticket = await createTicket({ sha256 })
  const stored = (await (await putBytes(ticket.uploadUrl, bytes)).json()) as object
  overrideMetadata({ ...stored, modifiedTime: new Date(start).toISOString(), ...changed })
  const response = await complete(ticket)
  expectProblem(response, status, code)
  expect(driveway.uploaded().length).toBe(files)
})

test('completing a ticket keeps a file that was changed after the upload', async () => {
  const ticket = await createTicket({ sha256 })
  const stored = (await (await putBytes(ticket.uploadUrl, bytes)).json()) as object
  expect((await complete(ticket)).status).toBe(201)
  for (const changed of [{ size: '20' }, { sha256Checksum: 'f'.repeat(64) }]) {
    overrideMetadata({ ...stored, modifiedTime: new Date(start + 1).toISOString(), ...changed })
    const response = await complete(ticket)
    expectProblem(response, 409, 'file_changed_after_upload')
    expect(driveway.uploaded()).toMatchObject([{ id: ticket.file.id }])
  }
})

test('completing the ticket of another account, or a modified ticket, returns not_found', async () => {
  const ticket = await createTicket()
  await putBytes(ticket.uploadUrl, bytes)
  const [, ben] = driveway.google.oauth.users
  const cookie = await signIn(driveway.origin, ben?.email ?? '')
  const token = await mintToken(driveway.origin, cookie, 'test')
  const foreign = await complete(ticket, { authorization: `Bearer ${token}` })
  expectProblem(foreign, 404, 'not_found')
  for (let at = 0; at < ticket.ticket.length; at += 7) {
    const letter = ticket.ticket[at] === 'A' ? 'B' : 'A'
    const tampered = ticket.ticket.slice(0, at) + letter + ticket.ticket.slice(at + 1)
    const response = await complete({ ticket: tampered })
    expect([at, response.status, problemCode(response)]).toEqual([at, 404, 'not_found'])
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
  [{ folder: '../x' }, 400, 'bad_request'],
  [{ folder: 'nobodysfolder' }, 404, 'drive_not_found'],
])('POST /upload/tickets rejects %j and opens no session', async (file, status, code) => {
  const response = await requestTicket(driveway, { name: 'a', size: 7, ...file })
  expectProblem(response, status, code)
  expectNothingStored(driveway)
})

test('POST /upload/tickets requires authentication', async () => {
  const response = await requestTicket(driveway, { name: 'a', size: 7 }, { authorization: '' })
  expect(response.status).toBe(401)
  expectNothingStored(driveway)
})
