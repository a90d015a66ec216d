import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readForm } from '../../../functions/upload/multipart/reader.ts'
import { formLimits } from '../../../functions/upload/form.ts'
import { filePart, form, problemCode, uploadForm } from '../../kit/environment.ts'
import { expectNothingStored, startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { fieldPart } from '../../kit/multipart-fixtures.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

const chunkBytes = 64 * 1024

/** Streams a body in chunks of 64 KiB, and counts the bytes that were read. */
function toMeteredStream(body: Buffer): {
  bytesRead: () => number
  source: AsyncGenerator<Buffer>
} {
  let at = 0
  async function* source(): AsyncGenerator<Buffer> {
    while (at < body.length) yield body.subarray(at, (at += chunkBytes))
  }
  return { bytesRead: () => at, source: source() }
}

/** Returns a form with a part repeated. */
function formOf(count: number, part: { headers: string[]; body: string | Buffer }): Buffer {
  const single = form('b', part)
  const closing = Buffer.byteLength('--b--\r\n')
  return Buffer.concat([
    ...Array<Buffer>(count).fill(single.subarray(0, -closing)),
    single.subarray(-closing),
  ])
}

/** Forms over a limit, their problems, and the maximum bytes that are read of them. */
const floods: [
  description: string,
  createBody: () => Buffer,
  status: number,
  code: string,
  maxBytesRead: number,
][] = [
  [
    '200,000 fields',
    () => formOf(200_000, fieldPart('f', 'x')),
    413,
    'too_many_parts',
    60 * formLimits.maxParts,
  ],
  [
    '600,000 empty parts',
    () => Buffer.from(`${'--b\r\n\r\n\r\n'.repeat(600_000)}--b--\r\n`),
    400,
    'malformed_multipart',
    0,
  ],
  [
    '10,000 one-byte files',
    () => formOf(10_000, filePart('f', 'x')),
    413,
    'too_many_parts',
    130 * formLimits.maxParts,
  ],
  [
    'a field of 20 MB',
    () => formOf(1, fieldPart('f', 'x'.repeat(20_000_000))),
    413,
    'field_too_large',
    formLimits.maxFieldBytes,
  ],
]

test.each(floods)(
  'POST /upload rejects %s at the limit',
  async (_, createBody, status, code, maxBytesRead) => {
    const body = createBody()
    const { bytesRead, source } = toMeteredStream(body)
    const read = async (): Promise<void> => {
      for await (const entry of readForm(source, 'b', formLimits)) {
        if (entry.kind === 'file') for await (const part of entry.content) void part
      }
    }
    await expect(read()).rejects.toMatchObject({ code })
    expect(bytesRead()).toBeLessThanOrEqual(maxBytesRead + 2 * chunkBytes)

    driveway.google.calls.length = 0
    const response = await uploadForm(driveway, body)
    expect([response.status, problemCode(response), response.headers.connection]).toEqual([
      status,
      code,
      'close',
    ])
    expectNothingStored(driveway)
    // Files before the limit may reach Drive, but not all of them one by one.
    expect(driveway.driveCalls().length).toBeLessThan(10)
  },
)

test('readForm() reads at most 512 KiB ahead while the first file is not consumed', async () => {
  const parts = Array.from({ length: 900 }, () => fieldPart('f', 'x'.repeat(60_000)))
  const { bytesRead, source } = toMeteredStream(form('b', filePart('first', 'x'), ...parts))
  const entries = readForm(source, 'b', formLimits)
  const first = await entries.next()
  let idleTurns = 0
  let previous = -1
  for (let turns = 0; (bytesRead() !== previous || idleTurns < 100) && turns < 1_000_000; turns++) {
    idleTurns = bytesRead() === previous ? idleTurns + 1 : 0
    previous = bytesRead()
    await nextTurn()
  }
  expect(bytesRead()).toBeLessThan(512 * 1024)
  const kinds = [first.value?.kind]
  if (first.value?.kind === 'file') for await (const part of first.value.content) void part
  for await (const entry of entries) kinds.push(entry.kind)
  expect(kinds).toHaveLength(901)
})
