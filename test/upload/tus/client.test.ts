/** tus-js-client in each of its modes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { Upload } from 'tus-js-client'
import type { UploadOptions } from 'tus-js-client'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { expectNothingStored, startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'

let driveway: UploadGateway
const size = 3_000_001
const bytes = pattern(size)

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { sleep: async () => {} } })
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
})

interface StartedUpload {
  name: string
  /** Methods of the requests, in order. */
  methods: string[]
  /** Rejects with the client's error. */
  done: Promise<void>
  upload: Upload
}

function start(source: Buffer | Readable, options: UploadOptions = {}): StartedUpload {
  const name = randomUUID()
  const methods: string[] = []
  let upload: Upload | undefined
  const done = new Promise<void>((resolve, reject) => {
    upload = new Upload(source, {
      endpoint: `${driveway.origin}/upload/tus/`,
      headers: driveway.bearer,
      metadata: { filename: name, filetype: 'application/x-test' },
      retryDelays: [0, 0, 0, 0, 0],
      onBeforeRequest: (req) => void methods.push(req.getMethod()),
      onSuccess: () => resolve(),
      onError: reject,
      ...options,
    })
    upload.start()
  })
  return { name, methods, done, upload: upload as unknown as Upload }
}

function expectStored({ name }: Pick<StartedUpload, 'name'>, content = bytes): void {
  const files = driveway.uploaded().map((file) => [file.name, file.size, file.sha256])
  expect(files).toEqual([[name, content.length, sha256Of(content)]])
  expect(driveway.google.drive.openSessions()).toBe(0)
}

const patches = (count: number): string[] => ['POST', ...Array<string>(count).fill('PATCH')]

describe('tus-js-client uploads a file unchanged', () => {
  test.each<[string, UploadOptions, string[]]>([
    ['in one PATCH', {}, patches(1)],
    ['in chunks of 1,000,000 bytes, no multiple of 256 KiB', { chunkSize: 1_000_000 }, patches(4)],
    ['in chunks of 1 MiB', { chunkSize: 1024 * 1024 }, patches(3)],
    ['in chunks of 300,000 bytes', { chunkSize: 300_000 }, patches(12)],
    ['with its creation', { uploadDataDuringCreation: true }, patches(0)],
    [
      'partly with its creation',
      { uploadDataDuringCreation: true, chunkSize: 1_000_000 },
      patches(3),
    ],
    ['with POST in place of PATCH', { overridePatchMethod: true }, ['POST', 'POST']],
    ['with an id on each request', { addRequestId: true }, patches(1)],
  ])('%s', async (_, options, methods) => {
    const started = start(bytes, options)
    await started.done
    expect(started.methods).toEqual(methods)
    expectStored(started)
  })

  test.each<[string, UploadOptions]>([
    ['of known length', { uploadSize: size, chunkSize: 1_000_000 }],
    ['of deferred length', { uploadLengthDeferred: true, chunkSize: 1_000_000 }],
    [
      'of deferred length, in multiples of 256 KiB',
      { uploadLengthDeferred: true, chunkSize: 1048576 },
    ],
  ])('from a stream %s', async (_, options) => {
    const started = start(Readable.from(bytes, { objectMode: false }), options)
    await started.done
    expectStored(started)
  })

  test.each([0, 1, 262_143, 262_144, 262_145, 524_288])('of %i bytes', async (length) => {
    const content = pattern(length)
    const started = start(content, { chunkSize: 262_144 })
    await started.done
    expectStored(started, content)
  })
})

describe('tus-js-client fails without retrying forever', () => {
  test('with chunks of 100,000 bytes', async () => {
    const started = start(bytes, { chunkSize: 100_000 })
    await expect(started.done).rejects.toThrow(/262144/)
    expect(started.methods).toEqual(patches(1))
  })
  test('with parallel uploads', async () => {
    const started = start(bytes, { parallelUploads: 2 })
    await expect(started.done).rejects.toThrow(/Upload-Concat is not supported.*parallelUploads: 1/)
    expectNothingStored(driveway)
  })
})

describe('an upload by tus-js-client', () => {
  test('resumes after a pause, at the offset of Drive', async () => {
    let paused: Promise<void> | undefined
    const started = start(bytes, {
      chunkSize: 1_000_000,
      onChunkComplete: () => {
        paused ??= started.upload.abort().then(() => started.upload.start())
      },
    })
    await started.done
    expect(started.methods).toEqual(['POST', 'PATCH', 'HEAD', 'PATCH', 'PATCH', 'PATCH'])
    expectStored(started)
  })
  test('resumes after a page reload, from its URL alone', async () => {
    const aborted = new Promise<StartedUpload>((resolve) => {
      const started = start(bytes, {
        chunkSize: 1_000_000,
        onChunkComplete: () => void started.upload.abort().then(() => resolve(started)),
      })
    })
    const { upload, name } = await aborted
    const resumed = start(bytes, { uploadUrl: upload.url, chunkSize: 1_000_000 })
    await resumed.done
    expect(resumed.methods[0]).toBe('HEAD')
    expectStored({ name })
  })
  test.each([
    ['Drive resets the connection during a PATCH', { resetAfterBytes: 300_000 }],
    ['the last response of Drive is lost', { dropResponse: true, skip: 2 }],
    ['Drive returns 503 temporarily', { status: 503, times: 20 }],
    ['Drive stores fewer bytes than it was sent', { acceptBytes: 70_000 }],
  ])('resumes when %s', async (_, fault) => {
    driveway.google.faults.add({ operation: 'drive.upload.chunk', ...fault })
    const started = start(bytes)
    await started.done
    expectStored(started)
  })
  test('leaves nothing in Drive when the client terminates it', async () => {
    await new Promise<void>((resolve, reject) => {
      const started = start(bytes, {
        chunkSize: 1_000_000,
        onChunkComplete: () => void started.upload.abort(true).then(resolve, reject),
      })
    })
    expectNothingStored(driveway)
  })
})
