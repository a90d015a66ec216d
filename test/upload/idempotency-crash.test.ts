import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { createIdempotencyStore } from '../../functions/drive/upload/idempotency.ts'
import type { Lease, IdempotencyRecord } from '../../functions/drive/upload/idempotency.ts'
import { createBufferPool } from '../../functions/drive/upload/buffer-pool.ts'
import { createFileIdPool, createIdGenerator } from '../../functions/drive/upload/file-id-pool.ts'
import { createConflictPolicy } from '../../functions/drive/upload/conflict-policy.ts'
import type { ConflictMode } from '../../functions/drive/upload/conflict-policy.ts'
import { unlimitedReservation } from '../../functions/identity/quota.ts'
import { createMemoryVersionedStore } from '../../functions/store/versioned-store.ts'
import { createSend } from '../../functions/drive/client/transport.ts'
import { createUploads } from '../../functions/drive/upload/upload.ts'
import { createLog } from '../../functions/http/log.ts'
import type { UploadResult } from '../../functions/upload/response.ts'
import { uploadFile } from '../../functions/upload/store-file.ts'
import type { StoreFileDeps, UploadRequest } from '../../functions/upload/store-file.ts'
import { createDrive } from '../../infra/sandbox/drive/index.ts'
import type { Drive } from '../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../infra/sandbox/server.ts'
import type { Sandbox } from '../../infra/sandbox/server.ts'

const chunkBytes = 256 * 1024
const leaseMs = 60_000
const account = { sub: 'p', token: () => Promise.resolve('t') }
const signal = new AbortController().signal
const lines: string[] = []
const log = createLog('sandbox', (line) => lines.push(line))

let drive: Drive
let sandbox: Sandbox
let deps: StoreFileDeps
let clock = 0
let count = 0

beforeAll(async () => {
  const scopes = new Set(['drive.file'])
  drive = createDrive({ identify: () => ({ sub: 'p', email: 'p@x', scopes, clientId: 'c' }) })
  sandbox = await startSandbox([drive])
  const send = createSend()
  const root = `${sandbox.url}/`
  const client = { send, root, sleep: () => Promise.resolve() }
  const fileIds = createFileIdPool(createIdGenerator(client))
  const options = { ...client, fileIds }
  const records = createMemoryVersionedStore<IdempotencyRecord>()
  deps = {
    uploads: createUploads({
      ...options,
      bufferPool: createBufferPool(64 * chunkBytes),
      chunkBytes,
    }),
    conflictPolicy: createConflictPolicy({ ...options, wholeDrive: false }),
    idempotency: createIdempotencyStore({
      records,
      fileIds,
      now: () => clock,
      leaseMs,
    }),
  }
})

afterEach(() => sandbox.faults.clear())

afterAll(() => sandbox.close())

interface TestUpload {
  key: string
  bytes: Buffer
  mode?: ConflictMode
}

const newUpload = (size: number): TestUpload => ({
  key: `key ${++count}`,
  bytes: randomBytes(size),
})

function toRequest({ key, bytes, mode = 'new' }: TestUpload): UploadRequest {
  async function* content(): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < bytes.length; at += 64 * 1024) yield bytes.subarray(at, at + 64 * 1024)
  }
  return {
    name: key,
    mimeType: 'x/y',
    mode,
    folder: () => Promise.resolve(undefined),
    content: content(),
    quota: unlimitedReservation,
    awaitsContinue: () => false,
    key,
    fingerprint: [key],
  }
}

const upload = (file: TestUpload): Promise<UploadResult> =>
  uploadFile(deps, account, toRequest(file), { signal, log })

/** Starts an attempt on an instance that stops: it never releases its lease. */
async function startAttempt({ key }: TestUpload): Promise<Lease> {
  const lease = await deps.idempotency.begin(account, key, [key])
  if ('result' in lease) throw new Error('The key has a result')
  return lease
}

/** Stores the file like an instance that stops before it records the result. */
const store = (file: TestUpload, id: string): Promise<unknown> => {
  const { name, mimeType, content } = toRequest(file)
  return deps.uploads.store(account, { id, name, mimeType }, content, signal)
}

const fileIdsOf = ({ key }: TestUpload): string[] =>
  drive
    .filesOf('p')
    .filter(({ name }) => name === key)
    .map(({ id }) => id)

const sizes = [0, 10, 3 * chunkBytes]

test.each(sizes)(
  'uploadFile() stores %d bytes under the reserved id after an instance stopped before the upload',
  async (size) => {
    const file = newUpload(size)
    const { fileId } = await startAttempt(file)
    clock += leaseMs
    const result = await upload(file)
    expect(result.id).toBe(fileId)
    expect(fileIdsOf(file)).toEqual([fileId])
  },
)

test.each(
  sizes.flatMap((size) =>
    (['new', 'error', 'skip', 'replace'] as const).map((mode) => [size, mode] as const),
  ),
)(
  'uploadFile() returns the file of %d bytes that a stopped instance stored (mode=%s)',
  async (size, mode) => {
    const file = { ...newUpload(size), mode }
    const { fileId } = await startAttempt(file)
    await store(file, fileId)
    clock += leaseMs
    const result = await upload(file)
    const sha256 = createHash('sha256').update(file.bytes).digest('hex')
    expect(result).toMatchObject({ id: fileId, size, sha256 })
    expect(await upload(file)).toEqual(result)
    expect(fileIdsOf(file)).toEqual([fileId])
  },
)

test('uploadFile() rejects other content than a stopped instance stored', async () => {
  const file = newUpload(10)
  const { fileId } = await startAttempt(file)
  await store(file, fileId)
  clock += leaseMs
  const other = { ...file, bytes: randomBytes(10) }
  for (const _ of [1, 2]) {
    await expect(upload(other)).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  }
  expect((await upload(file)).id).toBe(fileId)
  expect(fileIdsOf(file)).toEqual([fileId])
})

test('store() keeps the file of a second instance when the first one resumes and fails', async () => {
  const file = newUpload(10)
  const slow = await startAttempt(file)
  // The result of the first request is unknown when the second instance starts.
  sandbox.faults.add({ operation: 'drive.upload.multipart', status: 204, times: 99 })
  const { name, mimeType, content } = toRequest(file)
  const controller = new AbortController()
  const ownsId = async (): Promise<boolean> => {
    sandbox.faults.clear()
    clock += leaseMs
    await upload(file)
    return slow.renew()
  }
  const metadata = { id: slow.fileId, name, mimeType }
  await expect(
    deps.uploads.store(account, metadata, content, controller.signal, { ownsId }),
  ).rejects.toMatchObject({ code: 'upstream_bad_response' })
  expect(fileIdsOf(file)).toEqual([slow.fileId])
})

test('uploadFile() stores one file when the cleanup of the first attempt failed', async () => {
  const file = newUpload(3 * chunkBytes)
  sandbox.faults.add(
    { operation: 'drive.upload.chunk', skip: 2, status: 204, times: 99, afterHandling: true },
    { operation: 'drive.upload.status', status: 204, times: 99 },
    { operation: 'drive.upload.cancel', status: 503, times: 99 },
    { operation: 'drive.files.delete', status: 503, times: 99 },
  )
  await expect(upload(file)).rejects.toMatchObject({ retryable: true })
  sandbox.faults.clear()
  const result = await upload(file)
  expect(fileIdsOf(file)).toEqual([result.id])
})

test('uploadFile() returns the file when its record cannot be written', async () => {
  const file = newUpload(10)
  const { idempotency } = deps
  const failing: StoreFileDeps = {
    ...deps,
    idempotency: {
      async begin(...args) {
        const lease = await idempotency.begin(...args)
        return 'result' in lease
          ? lease
          : { ...lease, complete: () => Promise.reject(new Error('no store')) }
      },
    },
  }
  const result = await uploadFile(failing, account, toRequest(file), { signal, log })
  expect(lines.at(-1)).toContain('upload_result_not_recorded')
  clock += leaseMs
  expect((await upload(file)).id).toBe(result.id)
  expect(fileIdsOf(file)).toEqual([result.id])
})
