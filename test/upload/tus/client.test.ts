/** The real tus-js-client, in each way that it is used in, against a Drive of whole units. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { Upload } from 'tus-js-client'
import type { UploadOptions } from 'tus-js-client'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import type { Uploading } from '../../kit/upload.ts'
import { expectNothingIn, startUploading } from '../../kit/upload.ts'

let driveway: Uploading
const size = 3_000_001
const bytes = pattern(size)

beforeAll(async () => {
  driveway = await startUploading({ gateway: { wait: async () => {} } })
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.forget()
  driveway.google.faults.clear()
  driveway.google.drive.forgetSessions()
})

interface Told {
  name: string
  /** Each method that was used, in order. */
  methods: string[]
  /** Rejects with what the client gives up with. */
  done: Promise<void>
  upload: Upload
}

function start(source: Buffer | Readable, options: UploadOptions = {}): Told {
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

function expectStored({ name }: Pick<Told, 'name'>, content = bytes): void {
  const files = driveway.uploaded().map((file) => [file.name, file.size, file.sha256])
  expect(files).toEqual([[name, content.length, sha256Of(content)]])
  expect(driveway.google.drive.openSessions()).toBe(0)
}

const patches = (count: number): string[] => ['POST', ...Array<string>(count).fill('PATCH')]

describe('a file goes through, byte by byte', () => {
  test.each<[string, UploadOptions, string[]]>([
    ['whole in one PATCH', {}, patches(1)],
    ['in chunks of 1,000,000, which are no whole units', { chunkSize: 1_000_000 }, patches(4)],
    ['in chunks of 1 MiB', { chunkSize: 1024 * 1024 }, patches(3)],
    ['in chunks of 300,000', { chunkSize: 300_000 }, patches(12)],
    ['with its creation', { uploadDataDuringCreation: true }, patches(0)],
    [
      'in part with its creation',
      { uploadDataDuringCreation: true, chunkSize: 1_000_000 },
      patches(3),
    ],
    ['with POST in place of PATCH', { overridePatchMethod: true }, ['POST', 'POST']],
    ['with an id on each request', { addRequestId: true }, patches(1)],
  ])('%s', async (_, options, methods) => {
    const told = start(bytes, options)
    await told.done
    expect(told.methods).toEqual(methods)
    expectStored(told)
  })

  test.each<[string, UploadOptions]>([
    ['of known length', { uploadSize: size, chunkSize: 1_000_000 }],
    ['of a length known at its end', { uploadLengthDeferred: true, chunkSize: 1_000_000 }],
    ['of a length known at its end, in units', { uploadLengthDeferred: true, chunkSize: 1048576 }],
  ])('from a stream %s', async (_, options) => {
    const told = start(Readable.from(bytes, { objectMode: false }), options)
    await told.done
    expectStored(told)
  })

  test.each([0, 1, 262_143, 262_144, 262_145, 524_288])('of %i bytes', async (length) => {
    const content = pattern(length)
    const told = start(content, { chunkSize: 262_144 })
    await told.done
    expectStored(told, content)
  })
})

describe('what cannot go through ends, and does not go round for ever', () => {
  test('chunks of 100,000 bytes', async () => {
    const told = start(bytes, { chunkSize: 100_000 })
    await expect(told.done).rejects.toThrow(/262144/)
    expect(told.methods).toEqual(patches(1))
  })
  test('several parts at the same time', async () => {
    const told = start(bytes, { parallelUploads: 2 })
    await expect(told.done).rejects.toThrow(/Upload-Concat/)
    expectNothingIn(driveway)
  })
})

describe('an upload that is interrupted', () => {
  test('by a pause goes on where Drive stopped', async () => {
    let paused: Promise<void> | undefined
    const told = start(bytes, {
      chunkSize: 1_000_000,
      onChunkComplete: () => {
        paused ??= told.upload.abort().then(() => told.upload.start())
      },
    })
    await told.done
    expect(told.methods).toEqual(['POST', 'PATCH', 'HEAD', 'PATCH', 'PATCH', 'PATCH'])
    expectStored(told)
  })
  test('by a page reload goes on from its URL alone', async () => {
    const gone = new Promise<Told>((resolve) => {
      const told = start(bytes, {
        chunkSize: 1_000_000,
        onChunkComplete: () => void told.upload.abort().then(() => resolve(told)),
      })
    })
    const { upload, name } = await gone
    const again = start(bytes, { uploadUrl: upload.url, chunkSize: 1_000_000 })
    await again.done
    expect(again.methods[0]).toBe('HEAD')
    expectStored({ name })
  })
  test.each([
    ['Drive resets in mid-PATCH', { resetAfterBytes: 300_000 }],
    ['Drive’s last answer is lost', { loseAnswer: true, skip: 2 }],
    ['Drive answers 503 for a while', { status: 503, times: 20 }],
    ['Drive keeps less than it was sent', { acceptBytes: 70_000 }],
  ])('because %s', async (_, fault) => {
    driveway.google.faults.add({ operation: 'drive.upload.chunk', ...fault })
    const told = start(bytes)
    await told.done
    expectStored(told)
  })
  test('by its owner for good leaves nothing', async () => {
    await new Promise<void>((resolve, reject) => {
      const told = start(bytes, {
        chunkSize: 1_000_000,
        onChunkComplete: () => void told.upload.abort(true).then(resolve, reject),
      })
    })
    expectNothingIn(driveway)
  })
})
