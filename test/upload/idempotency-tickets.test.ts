/** Tickets that are asked for again under their `Idempotency-Key`: one file at most. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import type { Uploading } from '../kit/upload.ts'
import { startUploading, until } from '../kit/upload.ts'

const friend = 'https://photos.example'
const bytes = randomBytes(700_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')

interface Ticket {
  ticket: string
  uploadUrl: string | null
  completeUrl: string
  expires: string
  file: { id: string; size: number }
}

let driveway: Uploading
let beside: Driveway
const start = Date.now()
let clock = 0

beforeAll(async () => {
  const gateway = { now: () => start + clock, wait: () => Promise.resolve() }
  const env = { ALLOWED_ORIGINS: friend }
  driveway = await startUploading({ gateway, env })
  beside = await startDriveway({ beside: driveway, gateway, env })
})

afterAll(async () => {
  await beside.close()
  await driveway.close()
})

afterEach(() => {
  clock = 0
  driveway.google.faults.clear()
  driveway.google.drive.forgetSessions()
  driveway.forget()
})

let count = 0
const fresh = (): string => `key-${++count}`

interface Asked {
  wanted?: object
  headers?: Record<string, string>
  at?: { origin: string }
}

function ask(
  key: string,
  { wanted = {}, headers = {}, at = driveway }: Asked = {},
): Promise<RawAnswer> {
  return send(at.origin, '/upload/tickets', {
    method: 'POST',
    headers: {
      ...driveway.bearer,
      'content-type': 'application/json',
      'idempotency-key': key,
      ...headers,
    },
    body: JSON.stringify({ name: 'a.bin', size: bytes.length, sha256, ...wanted }),
  })
}

const read = (answer: RawAnswer): Ticket => JSON.parse(answer.body) as Ticket

async function open(key: string, at: { origin: string } = driveway): Promise<Ticket> {
  const answer = await ask(key, { at })
  expect([answer.status, codeOf(answer)]).toEqual([201, 'undefined'])
  return read(answer)
}

const put = (url: string | null, body = bytes, headers = {}): Promise<Response> =>
  fetch(url ?? '', { method: 'PUT', body: new Uint8Array(body), headers })

const complete = ({ ticket }: Ticket): Promise<RawAnswer> =>
  send(driveway.origin, `/upload/tickets/${ticket}/complete`, {
    method: 'POST',
    headers: driveway.bearer,
  })

async function expectOneFile(ticket: Ticket): Promise<void> {
  const answer = await complete(ticket)
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
    201,
    { id: ticket.file.id, sha256 },
  ])
  expect(driveway.uploaded().map(({ id }) => id)).toEqual([ticket.file.id])
}

describe('a ticket that is asked for again', () => {
  test('is the same, here and on another instance, for as long as its session is open', async () => {
    const key = fresh()
    const first = await open(key)
    expect(await open(key, beside)).toEqual(first)
    await put(first.uploadUrl, bytes.subarray(0, 262_144), {
      'content-range': `bytes 0-262143/${bytes.length}`,
    })
    expect(await open(key)).toEqual(first)
    expect(driveway.google.drive.openSessions()).toBe(1)
  })

  test('comes without an address once the file is there, and completes', async () => {
    const key = fresh()
    const first = await open(key)
    await put(first.uploadUrl)
    const again = await ask(key, { at: beside })
    expect([again.status, read(again)]).toMatchObject([
      200,
      { ticket: first.ticket, uploadUrl: null, file: { id: first.file.id } },
    ])
    const lines = await ask(key, { headers: { accept: 'text/plain' } })
    expect([lines.status, lines.body]).toEqual([200, `\n${first.completeUrl}\n`])
    await expectOneFile(read(again))
  })

  test('has another session for the same file where the first is gone', async () => {
    const key = fresh()
    const first = await open(key)
    driveway.google.drive.forgetSessions()
    const again = await open(key)
    expect(again.file).toEqual(first.file)
    expect(again.uploadUrl).not.toBe(first.uploadUrl)
    await put(again.uploadUrl)
    await expectOneFile(again)
    await expectOneFile(first)
  })

  test('never makes two files, whichever session the bytes go to', async () => {
    const key = fresh()
    const first = await open(key)
    // Drive does not know the session for a moment: a second one is opened beside it.
    driveway.google.faults.add({ operation: 'drive.upload.status', status: 404 })
    const again = await open(key)
    expect([again.file, driveway.google.drive.openSessions()]).toEqual([first.file, 2])
    await put(first.uploadUrl)
    await put(again.uploadUrl)
    await expectOneFile(again)
  })

  test('for something else is refused', async () => {
    const key = fresh()
    await open(key)
    for (const wanted of [{ name: 'b.bin' }, { size: 1 }, { sha256: 'f'.repeat(64) }]) {
      expect(codeOf(await ask(key, { wanted }))).toBe('idempotency_key_reused')
    }
    const page = await ask(key, { headers: { origin: friend } })
    expect([page.status, codeOf(page)]).toEqual([422, 'idempotency_key_reused'])
    const upload = await send(driveway.origin, '/upload/a.bin', {
      method: 'PUT',
      headers: { ...driveway.bearer, 'idempotency-key': key },
      body: bytes,
    })
    expect(codeOf(upload)).toBe('idempotency_key_reused')
  })

  test('while the first is under way, is told to wait', async () => {
    const key = fresh()
    driveway.google.faults.add({ operation: 'drive.upload.open', latency: 500 })
    driveway.google.calls.length = 0
    const first = open(key)
    await until(() => driveway.google.calls.includes('drive.upload.open'))
    const second = await ask(key, { at: beside })
    expect([second.status, codeOf(second)]).toEqual([409, 'idempotency_key_in_use'])
    expect(second.headers['retry-after']).toBe('5')
    const told = await first
    expect(await open(key)).toEqual(told)
  })

  test('after a refusal is tried anew, under the same id', async () => {
    const key = fresh()
    driveway.google.faults.add({ operation: 'drive.upload.open', status: 503, times: 99 })
    expect(codeOf(await ask(key))).toBe('drive_unavailable')
    driveway.google.faults.clear()
    const ticket = await open(key)
    await put(ticket.uploadUrl)
    await expectOneFile(ticket)
  })

  test.each(['', 'x'.repeat(256), 'ü'])('needs a key that is one: %p', async (key) => {
    const answer = await ask(key)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
  })
})

describe('where an instance dies between two steps', () => {
  const minute = 60_000

  test('before it has a session, the next takes the same id', async () => {
    const key = fresh()
    // The answer that a session is open never comes, and the instance is as good as dead.
    driveway.google.faults.add({ operation: 'drive.upload.open', hang: 'answer' })
    driveway.google.calls.length = 0
    const dead = ask(key).catch(() => undefined)
    await until(() => driveway.google.drive.openSessions() === 1)
    clock += minute
    const ticket = await open(key, beside)
    await put(ticket.uploadUrl)
    await expectOneFile(ticket)
    driveway.google.faults.clear()
    void dead
  })

  test('before its note is kept, the next opens another session for the same id', async () => {
    const key = fresh()
    const refusal = JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED' } })
    const commit = { operation: 'firestore.commit', status: 403, body: refusal }
    driveway.google.faults.add({ ...commit, skip: 1, times: Infinity })
    const first = await open(key)
    driveway.google.faults.clear()
    clock += minute
    const again = await open(key)
    expect([again.file.id, again.uploadUrl === first.uploadUrl]).toEqual([first.file.id, false])
    await put(first.uploadUrl)
    const found = await ask(key)
    expect([found.status, read(found).uploadUrl]).toEqual([200, null])
    await expectOneFile(read(found))
  })
})

test('nobody who reads the store can write to the session', async () => {
  const { uploadUrl } = await open(fresh())
  const secret = new URL(uploadUrl ?? '').searchParams.get('upload_id') ?? 'none'
  const dump = JSON.stringify(driveway.google.firestore.dump())
  expect([dump.includes('attempts'), dump.includes(secret)]).toEqual([true, false])
})
