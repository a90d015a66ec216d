import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createBudget } from '../../../functions/drive/upload/buffer-pool.ts'
import { createIds, reserveAt } from '../../../functions/drive/upload/file-id-pool.ts'
import { createSend } from '../../../functions/drive/client/transport.ts'
import { createUploads } from '../../../functions/drive/upload/upload.ts'
import type { Uploads } from '../../../functions/drive/upload/upload.ts'
import { createDrive } from '../../../infra/sandbox/drive/index.ts'
import type { Drive } from '../../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../../infra/sandbox/server.ts'
import type { Sandbox } from '../../../infra/sandbox/server.ts'
import { until } from '../../kit/wait-for.ts'

const chunkBytes = 256 * 1024
const piece = Buffer.alloc(64 * 1024, 'x')
const never = new Promise<never>(() => {})

let drive: Drive
let sandbox: Sandbox
let uploads: Uploads
let leftBehind: unknown[] = []
let token = (): Promise<string> => Promise.resolve('good')

beforeAll(async () => {
  const identity = { sub: 'p', email: 'p@x', scopes: new Set(['drive.file']), clientId: 'c' }
  drive = createDrive({ identify: (bearer) => (bearer === 'good' ? identity : undefined) })
  sandbox = await startSandbox([drive])
  const send = createSend({ connect: 5_000, progress: 5_000, answer: 5_000 })
  const root = `${sandbox.url}/`
  const ids = createIds(reserveAt({ send, root }))
  uploads = createUploads({
    send,
    ids,
    budget: createBudget(64 * chunkBytes),
    root,
    chunkBytes,
    wait: () => Promise.resolve(),
    onLeftBehind: (_id, error) => leftBehind.push(error),
  })
  await store([piece]) // reserves ids, so that what follows need not
})

beforeEach(() => {
  token = () => Promise.resolve('good')
  leftBehind = []
  sandbox.calls.length = 0
})

afterEach(() => {
  sandbox.faults.clear()
  drive.forgetSessions()
})

afterAll(() => sandbox.close())

function store(
  source: Iterable<Buffer> | AsyncIterable<Buffer>,
  signal = new AbortController().signal,
): ReturnType<Uploads['store']> {
  async function* flowing(): AsyncGenerator<Buffer, void, undefined> {
    yield* source
  }
  const account = { sub: 'p', token: () => token() }
  return uploads.store(account, { name: 'n', mimeType: 'x/y' }, flowing(), signal)
}

const puts = (): number => sandbox.calls.filter((call) => call === 'drive.upload.chunk').length

/** Waits until Drive has been asked for this. */
async function called(operation: string): Promise<void> {
  await until(() => sandbox.calls.includes(operation), { everyMs: 0 })
}

/** What a promise was rejected with. */
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'stored',
    (error: unknown) => error,
  )

function expectNothing(before: number): void {
  expect([drive.filesOf('p').length, drive.openSessions(), leftBehind]).toEqual([before, 0, []])
}

test('an empty file is one request, and has no bytes (case 53)', async () => {
  const { size, sha256 } = await store([])
  expect([size, sha256.slice(0, 8)]).toEqual([0, 'e3b0c442'])
  expect(sandbox.calls).toEqual(['drive.upload.multipart'])
})

test.each([
  [chunkBytes - 1, 0],
  [chunkBytes, 0],
  [chunkBytes + 1, 2],
  [2 * chunkBytes, 2],
  [2 * chunkBytes + 1, 3],
])('%d bytes are sent in %d chunks, none of them empty', async (size, chunks) => {
  const { size: stored } = await store([Buffer.alloc(size, 'y')])
  expect([stored, puts()]).toEqual([size, chunks])
  expect(sandbox.calls).not.toContain('drive.upload.status')
})

test('a Drive that stands still holds up its source: two chunks are read, and no more', async () => {
  let read = 0
  function* source(): Generator<Buffer> {
    for (;;) {
      read += piece.length
      yield piece
    }
  }
  const leaving = new AbortController()
  sandbox.faults.add({ operation: 'drive.upload.chunk', hang: 'headers' })
  const storing = reasonOf(store(source(), leaving.signal))
  await called('drive.upload.chunk')
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(read).toBe(2 * chunkBytes)
  leaving.abort()
  await storing
})

test('a source that breaks ends the chunk on its way at once (case 63)', async () => {
  const before = drive.filesOf('p').length
  const broken = new Error('the form broke')
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    yield Buffer.alloc(chunkBytes + 1)
    await called('drive.upload.chunk')
    throw broken
  }
  sandbox.faults.add({ operation: 'drive.upload.chunk', hang: 'headers' })
  expect(await reasonOf(store(source()))).toBe(broken)
  expectNothing(before)
})

test.each([10, chunkBytes + 1])(
  'a stop ends an upload whose source is stuck after %d bytes (case 91)',
  async (bytes) => {
    const before = drive.filesOf('p').length
    const stopping = new AbortController()
    const reason = new Error('stopping')
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      yield Buffer.alloc(bytes)
      setImmediate(() => stopping.abort(reason))
      await never
    }
    expect(await reasonOf(store(source(), stopping.signal))).toBe(reason)
    expectNothing(before)
  },
)

test.each([
  ['drive.upload.multipart', 10],
  ['drive.upload.open', 3 * chunkBytes],
  ['drive.upload.chunk', 3 * chunkBytes],
])('who leaves during %s leaves nothing (case 63)', async (operation, size) => {
  const before = drive.filesOf('p').length
  for (const latency of [0, 5, 20]) {
    const leaving = new AbortController()
    sandbox.faults.add({ operation, latency })
    sandbox.calls.length = 0
    const storing = reasonOf(store([Buffer.alloc(size)], leaving.signal))
    await called(operation)
    leaving.abort(new Error('left'))
    expect(String(await storing)).toContain('left')
    expectNothing(before)
  }
})

test('who leaves when the last answer is lost leaves nothing (cases 63, 83)', async () => {
  const before = drive.filesOf('p').length
  const leaving = new AbortController()
  sandbox.faults.add({ operation: 'drive.upload.chunk', skip: 1, hang: 'answer' })
  const storing = reasonOf(store([Buffer.alloc(2 * chunkBytes)], leaving.signal))
  await until(() => drive.filesOf('p').length !== before, { everyMs: 0 })
  leaving.abort()
  await storing
  expectNothing(before)
})

/** A source that goes on when the token does not. */
async function* outliving(): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.alloc(2 * chunkBytes + 1)
  await called('drive.upload.chunk')
  token = () => Promise.reject(new Error('reauth'))
  yield Buffer.alloc(2 * chunkBytes)
}

test('a session is ended although the person’s tokens are dead (case 74)', async () => {
  const before = drive.filesOf('p').length
  expect(String(await reasonOf(store(outliving())))).toContain('reauth')
  expectNothing(before)
})

test('a token that never comes holds nobody up who leaves', async () => {
  const leaving = new AbortController()
  token = () => never
  const storing = reasonOf(store([piece], leaving.signal))
  leaving.abort(new Error('left'))
  expect(String(await storing)).toContain('left')
})

test('what cannot be cleared away is told of', async () => {
  sandbox.faults.add({ operation: 'drive.upload.cancel', status: 503, times: 99 })
  sandbox.faults.add({ operation: 'drive.upload.chunk', skip: 1, status: 413 })
  expect(await reasonOf(store([Buffer.alloc(3 * chunkBytes)]))).toMatchObject({
    code: 'upstream_bad_response',
  })
  expect(leftBehind).toEqual([expect.objectContaining({ code: 'drive_unavailable' })])
})

test.each([10, 2 * chunkBytes])(
  'a refused file of %d bytes is not looked for in order to remove it',
  async (size) => {
    sandbox.faults.add({ operation: 'drive.upload.multipart', status: 413 })
    sandbox.faults.add({ operation: 'drive.upload.chunk', skip: 1, status: 413 })
    await reasonOf(store([Buffer.alloc(size)]))
    expect(sandbox.calls).not.toContain('drive.files.delete')
  },
)

test('an id that is taken by what we never sent is refused, and what has it is kept (case 83)', async () => {
  for (const [operation, size] of [
    ['drive.upload.multipart', 10],
    ['drive.upload.open', 2 * chunkBytes],
  ] as const) {
    // What is under the id is another file: it looks so when it is asked for.
    sandbox.faults.add({ operation, status: 409 })
    const file = { id: 'taken', name: 'theirs', size: '3', sha256Checksum: 'theirs' }
    const body = JSON.stringify({ ...file, mimeType: 'x/y' })
    sandbox.faults.add({ operation: 'drive.files.get', status: 200, body })
    expect(await reasonOf(store([Buffer.alloc(size)]))).toMatchObject({
      code: 'integrity_check_failed',
    })
    expect(sandbox.calls).not.toContain('drive.files.delete')
  }
})

test('a file that Drive calls whole before its end is no success (case 82)', async () => {
  const file = { id: 'i', name: 'n', mimeType: 'x/y', size: String(chunkBytes) }
  const body = JSON.stringify({ ...file, sha256Checksum: 'x' })
  sandbox.faults.add({ operation: 'drive.upload.chunk', status: 200, body })
  expect(await reasonOf(store([Buffer.alloc(3 * chunkBytes)]))).toMatchObject({
    code: 'integrity_check_failed',
  })
  expect(drive.openSessions()).toBe(0)
})
