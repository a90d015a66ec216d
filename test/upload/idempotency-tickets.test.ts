/** Tickets with an `Idempotency-Key`: repeated requests lead to one file. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { problemCode, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  completeTicket,
  expectProblem,
  parseJson,
  putBytes,
  requestTicket,
  uploadFile,
} from '../kit/requests.ts'
import { startUploadGateway, waitFor } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const allowedOrigin = 'https://photos.example'
const bytes = randomBytes(700_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')

interface Ticket {
  ticket: string
  uploadUrl: string | null
  completeUrl: string
  expires: string
  file: { id: string; size: number }
}

let driveway: UploadGateway
let second: Driveway
const start = Date.now()
let clock = 0

beforeAll(async () => {
  const gateway = { now: () => start + clock, sleep: () => Promise.resolve() }
  const env = { ALLOWED_ORIGINS: allowedOrigin }
  driveway = await startUploadGateway({ gateway, env })
  second = await startDriveway({ sharing: driveway, gateway, env })
})

afterAll(async () => {
  await second.close()
  await driveway.close()
})

afterEach(() => {
  clock = 0
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
  driveway.resetUploads()
})

let count = 0
const newKey = (): string => `key-${++count}`

interface Options {
  file?: object
  headers?: Record<string, string>
  at?: { origin: string }
}

function postTicket(
  key: string,
  { file = {}, headers = {}, at = driveway }: Options = {},
): Promise<RawResponse> {
  return requestTicket(
    { origin: at.origin, bearer: driveway.bearer },
    { name: 'a.bin', size: bytes.length, sha256, ...file },
    { 'idempotency-key': key, ...headers },
  )
}

async function createTicket(key: string, at: { origin: string } = driveway): Promise<Ticket> {
  const response = await postTicket(key, { at })
  expect([response.status, problemCode(response)]).toEqual([201, 'undefined'])
  return parseJson<Ticket>(response)
}

async function expectOneFile(ticket: Ticket): Promise<void> {
  const response = await completeTicket(driveway, ticket)
  expect([response.status, JSON.parse(response.body)]).toMatchObject([
    201,
    { id: ticket.file.id, sha256 },
  ])
  expect(driveway.uploaded().map(({ id }) => id)).toEqual([ticket.file.id])
}

describe('POST /upload/tickets with a repeated Idempotency-Key', () => {
  test('returns the same ticket on every instance while its session is open', async () => {
    const key = newKey()
    const first = await createTicket(key)
    expect(await createTicket(key, second)).toEqual(first)
    await putBytes(first.uploadUrl, bytes.subarray(0, 262_144), {
      'content-range': `bytes 0-262143/${bytes.length}`,
    })
    expect(await createTicket(key)).toEqual(first)
    expect(driveway.google.drive.openSessions()).toBe(1)
  })

  test('returns the ticket without uploadUrl when the file is stored', async () => {
    const key = newKey()
    const first = await createTicket(key)
    await putBytes(first.uploadUrl, bytes)
    const again = await postTicket(key, { at: second })
    expect([again.status, parseJson<Ticket>(again)]).toMatchObject([
      200,
      { ticket: first.ticket, uploadUrl: null, file: { id: first.file.id } },
    ])
    const text = await postTicket(key, { headers: { accept: 'text/plain' } })
    expect([text.status, text.body]).toEqual([200, `\n${first.completeUrl}\n`])
    await expectOneFile(parseJson<Ticket>(again))
  })

  test('opens another session for the same file id when the first has expired', async () => {
    const key = newKey()
    const first = await createTicket(key)
    driveway.google.drive.expireSessions()
    const again = await createTicket(key)
    expect(again.file).toEqual(first.file)
    expect(again.uploadUrl).not.toBe(first.uploadUrl)
    await putBytes(again.uploadUrl, bytes)
    await expectOneFile(again)
    await expectOneFile(first)
  })

  test('leads to one file when two sessions are open for it', async () => {
    const key = newKey()
    const first = await createTicket(key)
    // Drive briefly does not find the session, so a second one is opened.
    driveway.google.faults.add({ operation: 'drive.upload.status', status: 404 })
    const again = await createTicket(key)
    expect([again.file, driveway.google.drive.openSessions()]).toEqual([first.file, 2])
    await putBytes(first.uploadUrl, bytes)
    await putBytes(again.uploadUrl, bytes)
    await expectOneFile(again)
  })

  test('returns idempotency_key_reused for another file, origin or upload method', async () => {
    const key = newKey()
    await createTicket(key)
    for (const file of [{ name: 'b.bin' }, { size: 1 }, { sha256: 'f'.repeat(64) }]) {
      expect(problemCode(await postTicket(key, { file }))).toBe('idempotency_key_reused')
    }
    const page = await postTicket(key, { headers: { origin: allowedOrigin } })
    expectProblem(page, 422, 'idempotency_key_reused')
    const upload = await uploadFile(driveway, 'a.bin', bytes, { 'idempotency-key': key })
    expect(problemCode(upload)).toBe('idempotency_key_reused')
  })

  test('returns idempotency_key_in_use with Retry-After during the first request', async () => {
    const key = newKey()
    driveway.google.faults.add({ operation: 'drive.upload.open', hold: 'request' })
    driveway.google.calls.length = 0
    const first = createTicket(key)
    await waitFor(() => driveway.google.calls.includes('drive.upload.open'))
    const repeated = await postTicket(key, { at: second })
    expectProblem(repeated, 409, 'idempotency_key_in_use')
    expect(repeated.headers['retry-after']).toBe('5')
    driveway.google.faults.release()
    const issued = await first
    expect(await createTicket(key)).toEqual(issued)
  })

  test('opens a session after the first request failed', async () => {
    const key = newKey()
    driveway.google.faults.add({ operation: 'drive.upload.open', status: 503, times: 99 })
    expect(problemCode(await postTicket(key))).toBe('drive_unavailable')
    driveway.google.faults.clear()
    const ticket = await createTicket(key)
    await putBytes(ticket.uploadUrl, bytes)
    await expectOneFile(ticket)
  })

  test.each(['', 'x'.repeat(256), 'ü'])('returns bad_request for the key %p', async (key) => {
    const response = await postTicket(key)
    expectProblem(response, 400, 'bad_request')
  })
})

describe('POST /upload/tickets after an instance stopped', () => {
  const minute = 60_000

  test('opens a session for the same file id when the instance stopped before it had one', async () => {
    const key = newKey()
    // Drive's response never arrives, as on an instance that has stopped.
    driveway.google.faults.add({ operation: 'drive.upload.open', hang: 'response' })
    driveway.google.calls.length = 0
    const stopped = postTicket(key).catch(() => undefined)
    await waitFor(() => driveway.google.drive.openSessions() === 1)
    clock += minute
    const ticket = await createTicket(key, second)
    await putBytes(ticket.uploadUrl, bytes)
    await expectOneFile(ticket)
    driveway.google.faults.clear()
    void stopped
  })

  test('opens another session for the same file id when the instance stopped before it recorded the first', async () => {
    const key = newKey()
    const refusal = JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED' } })
    const commit = { operation: 'firestore.commit', status: 403, body: refusal }
    driveway.google.faults.add({ ...commit, skip: 1, times: Infinity })
    const first = await createTicket(key)
    driveway.google.faults.clear()
    clock += minute
    const again = await createTicket(key)
    expect([again.file.id, again.uploadUrl === first.uploadUrl]).toEqual([first.file.id, false])
    await putBytes(first.uploadUrl, bytes)
    const repeated = await postTicket(key)
    expect([repeated.status, parseJson<Ticket>(repeated).uploadUrl]).toEqual([200, null])
    await expectOneFile(parseJson<Ticket>(repeated))
  })
})

test('the store contains no session URI in plain text', async () => {
  const { uploadUrl } = await createTicket(newKey())
  const secret = new URL(uploadUrl ?? '').searchParams.get('upload_id') ?? 'none'
  const dump = JSON.stringify(driveway.google.firestore.dump())
  expect([dump.includes('idempotencyKeys'), dump.includes(secret)]).toEqual([true, false])
})
