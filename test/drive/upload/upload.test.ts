import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createBufferPool } from '../../../functions/drive/upload/buffer-pool.ts'
import {
  createFileIdPool,
  createIdGenerator,
} from '../../../functions/drive/upload/file-id-pool.ts'
import { createSend } from '../../../functions/drive/client/transport.ts'
import { createUploads } from '../../../functions/drive/upload/upload.ts'
import type { Uploads } from '../../../functions/drive/upload/upload.ts'
import { createDrive } from '../../../infra/sandbox/drive/index.ts'
import type { Drive } from '../../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../../infra/sandbox/server.ts'
import type { Sandbox } from '../../../infra/sandbox/server.ts'
import { waitFor } from '../../kit/wait-for.ts'

const chunkBytes = 256 * 1024
const piece = Buffer.alloc(64 * 1024, 'x')
const never = new Promise<never>(() => {})

let drive: Drive
let sandbox: Sandbox
let uploads: Uploads
let cleanupErrors: unknown[] = []
let token = (): Promise<string> => Promise.resolve('good')

beforeAll(async () => {
  const identity = { sub: 'p', email: 'p@x', scopes: new Set(['drive.file']), clientId: 'c' }
  drive = createDrive({ identify: (bearer) => (bearer === 'good' ? identity : undefined) })
  sandbox = await startSandbox([drive])
  const send = createSend({ connect: 5_000, progress: 5_000, response: 5_000 })
  const root = `${sandbox.url}/`
  const fileIds = createFileIdPool(createIdGenerator({ send, root }))
  uploads = createUploads({
    send,
    fileIds,
    bufferPool: createBufferPool(64 * chunkBytes),
    root,
    chunkBytes,
    sleep: () => Promise.resolve(),
    onCleanupError: (_id, error) => cleanupErrors.push(error),
  })
  await store([piece]) // fills the id pool, so that the tests need no request for it
})

beforeEach(() => {
  token = () => Promise.resolve('good')
  cleanupErrors = []
  sandbox.calls.length = 0
})

afterEach(() => {
  sandbox.faults.clear()
  drive.expireSessions()
})

afterAll(() => sandbox.close())

function store(
  source: Iterable<Buffer> | AsyncIterable<Buffer>,
  signal = new AbortController().signal,
): ReturnType<Uploads['store']> {
  async function* stream(): AsyncGenerator<Buffer, void, undefined> {
    yield* source
  }
  const account = { sub: 'p', token: () => token() }
  return uploads.store(account, { name: 'n', mimeType: 'x/y' }, stream(), signal)
}

const chunkCount = (): number =>
  sandbox.calls.filter((call) => call === 'drive.upload.chunk').length

/** Waits until Drive has received this operation. */
async function called(operation: string): Promise<void> {
  await waitFor(() => sandbox.calls.includes(operation), { intervalMs: 0 })
}

/** The reason for which a promise is rejected. */
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'stored',
    (error: unknown) => error,
  )

function expectNoLeftovers(before: number): void {
  expect([drive.filesOf('p').length, drive.openSessions(), cleanupErrors]).toEqual([before, 0, []])
}

test('store() uploads an empty file in one request', async () => {
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
])('store() uploads %d bytes in %d chunks, none of them empty', async (size, chunks) => {
  const { size: stored } = await store([Buffer.alloc(size, 'y')])
  expect([stored, chunkCount()]).toEqual([size, chunks])
  expect(sandbox.calls).not.toContain('drive.upload.status')
})

test('store() reads two chunks and no more while Drive does not respond', async () => {
  let read = 0
  function* source(): Generator<Buffer> {
    for (;;) {
      read += piece.length
      yield piece
    }
  }
  const aborting = new AbortController()
  sandbox.faults.add({ operation: 'drive.upload.chunk', hang: 'headers' })
  const storing = reasonOf(store(source(), aborting.signal))
  await called('drive.upload.chunk')
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(read).toBe(2 * chunkBytes)
  aborting.abort()
  await storing
})

test('store() aborts the chunk in flight when the source throws', async () => {
  const before = drive.filesOf('p').length
  const sourceError = new Error('malformed form')
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    yield Buffer.alloc(chunkBytes + 1)
    await called('drive.upload.chunk')
    throw sourceError
  }
  sandbox.faults.add({ operation: 'drive.upload.chunk', hang: 'headers' })
  expect(await reasonOf(store(source()))).toBe(sourceError)
  expectNoLeftovers(before)
})

test.each([10, chunkBytes + 1])(
  'store() stops on abort when the source is stuck after %d bytes',
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
    expectNoLeftovers(before)
  },
)

test.each([
  ['drive.upload.multipart', 10],
  ['drive.upload.open', 3 * chunkBytes],
  ['drive.upload.chunk', 3 * chunkBytes],
])(
  'store() leaves nothing in Drive when it is aborted during %s, before or after Drive handles it',
  async (operation, size) => {
    const before = drive.filesOf('p').length
    for (const hold of ['request', 'response'] as const) {
      const aborting = new AbortController()
      sandbox.faults.add({ operation, hold })
      sandbox.calls.length = 0
      const storing = reasonOf(store([Buffer.alloc(size)], aborting.signal))
      await called(operation)
      const isHandled = (): boolean =>
        drive.filesOf('p').length > before || drive.openSessions() > 0
      if (hold === 'response') await waitFor(isHandled, { intervalMs: 0 })
      aborting.abort(new Error('aborted'))
      sandbox.faults.release()
      expect(String(await storing)).toContain('aborted')
      expectNoLeftovers(before)
    }
  },
)

test('store() leaves nothing in Drive when it is aborted after the last response was lost', async () => {
  const before = drive.filesOf('p').length
  const aborting = new AbortController()
  sandbox.faults.add({ operation: 'drive.upload.chunk', skip: 1, hang: 'response' })
  const storing = reasonOf(store([Buffer.alloc(2 * chunkBytes)], aborting.signal))
  await waitFor(() => drive.filesOf('p').length !== before, { intervalMs: 0 })
  aborting.abort()
  await storing
  expectNoLeftovers(before)
})

/** A source that continues after the token is revoked. */
async function* outlivingToken(): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.alloc(2 * chunkBytes + 1)
  await called('drive.upload.chunk')
  token = () => Promise.reject(new Error('reauth'))
  yield Buffer.alloc(2 * chunkBytes)
}

test('store() cancels the session although the account’s tokens are revoked', async () => {
  const before = drive.filesOf('p').length
  expect(String(await reasonOf(store(outlivingToken())))).toContain('reauth')
  expectNoLeftovers(before)
})

test('store() stops on abort while it waits for a token', async () => {
  const aborting = new AbortController()
  token = () => never
  const storing = reasonOf(store([piece], aborting.signal))
  aborting.abort(new Error('aborted'))
  expect(String(await storing)).toContain('aborted')
})

test('store() reports a failed cleanup to onCleanupError', async () => {
  sandbox.faults.add({ operation: 'drive.upload.cancel', status: 503, times: 99 })
  sandbox.faults.add({ operation: 'drive.upload.chunk', skip: 1, status: 413 })
  expect(await reasonOf(store([Buffer.alloc(3 * chunkBytes)]))).toMatchObject({
    code: 'too_large',
  })
  expect(cleanupErrors).toEqual([expect.objectContaining({ code: 'drive_unavailable' })])
})

test.each([10, 2 * chunkBytes])(
  'store() deletes nothing when Drive rejects a file of %d bytes',
  async (size) => {
    sandbox.faults.add({ operation: 'drive.upload.multipart', status: 413 })
    sandbox.faults.add({ operation: 'drive.upload.chunk', skip: 1, status: 413 })
    await reasonOf(store([Buffer.alloc(size)]))
    expect(sandbox.calls).not.toContain('drive.files.delete')
  },
)

test('store() fails when another file has the id, and does not delete it', async () => {
  for (const [operation, size] of [
    ['drive.upload.multipart', 10],
    ['drive.upload.open', 2 * chunkBytes],
  ] as const) {
    // The look-up under the id returns another file.
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

test('store() throws integrity_check_failed when Drive completes the file before its last byte', async () => {
  const file = { id: 'i', name: 'n', mimeType: 'x/y', size: String(chunkBytes) }
  const body = JSON.stringify({ ...file, sha256Checksum: 'x' })
  sandbox.faults.add({ operation: 'drive.upload.chunk', status: 200, body })
  expect(await reasonOf(store([Buffer.alloc(3 * chunkBytes)]))).toMatchObject({
    code: 'integrity_check_failed',
  })
  expect(drive.openSessions()).toBe(0)
})
