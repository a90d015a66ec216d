import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { readForm } from '../../../functions/upload/multipart/reader.ts'
import { formLimits } from '../../../functions/upload/form.ts'
import { codeOf, filePart, form, uploadForm } from '../../kit/environment.ts'
import { fieldPart } from '../../kit/multipart-fixtures.ts'
import { expectNothingIn, startUploading } from '../../kit/upload.ts'
import type { Uploading } from '../../kit/upload.ts'

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading()
})

afterAll(() => driveway.close())

const chunkBytes = 64 * 1024

/** A body in chunks of 64 KiB, and how much of it was taken so far. */
function measured(body: Buffer): { taken: () => number; source: AsyncGenerator<Buffer> } {
  let at = 0
  async function* source(): AsyncGenerator<Buffer> {
    while (at < body.length) yield body.subarray(at, (at += chunkBytes))
  }
  return { taken: () => at, source: source() }
}

function repeated(count: number, part: { headers: string[]; body: string | Buffer }): Buffer {
  const one = form('b', part)
  const closing = Buffer.byteLength('--b--\r\n')
  return Buffer.concat([
    ...Array<Buffer>(count).fill(one.subarray(0, -closing)),
    one.subarray(-closing),
  ])
}

/** What comes in huge numbers, the code it gets, and how many bytes of it are ever looked at. */
const floods: [what: string, body: () => Buffer, status: number, code: string, bytes: number][] = [
  [
    '200,000 fields',
    () => repeated(200_000, fieldPart('f', 'x')),
    413,
    'too_many_parts',
    60 * formLimits.parts,
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
    () => repeated(10_000, filePart('f', 'x')),
    413,
    'too_many_parts',
    130 * formLimits.parts,
  ],
  [
    'a field of 20 MB',
    () => repeated(1, fieldPart('f', 'x'.repeat(20_000_000))),
    413,
    'field_too_large',
    formLimits.fieldBytes,
  ],
]

test.each(floods)(
  '%s: refused as soon as it is known (case 54)',
  async (_, make, status, code, bytes) => {
    const body = make()
    const { taken, source } = measured(body)
    const read = async (): Promise<void> => {
      for await (const entry of readForm(source, 'b', formLimits)) {
        if (entry.kind === 'file') for await (const part of entry.content) void part
      }
    }
    await expect(read()).rejects.toMatchObject({ code })
    expect(taken()).toBeLessThanOrEqual(bytes + 2 * chunkBytes)

    driveway.google.calls.length = 0
    const answer = await uploadForm(driveway, body)
    expect([answer.status, codeOf(answer), answer.headers.connection]).toEqual([
      status,
      code,
      'close',
    ])
    expectNothingIn(driveway)
    // What came before the limit may have reached Drive, but not file after file.
    expect(driveway.driveCalls().length).toBeLessThan(10)
  },
)

test('fields and small files do not pile up behind a file that is still on its way', async () => {
  const parts = Array.from({ length: 900 }, () => fieldPart('f', 'x'.repeat(60_000)))
  const { taken, source } = measured(form('b', filePart('first', 'x'), ...parts))
  const entries = readForm(source, 'b', formLimits)
  const first = await entries.next()
  let turns = 0
  let before = -1
  for (let all = 0; (taken() !== before || turns < 100) && all < 1_000_000; all++) {
    turns = taken() === before ? turns + 1 : 0
    before = taken()
    await turn()
  }
  expect(taken()).toBeLessThan(512 * 1024)
  const kinds = [first.value?.kind]
  if (first.value?.kind === 'file') for await (const part of first.value.content) void part
  for await (const entry of entries) kinds.push(entry.kind)
  expect(kinds).toHaveLength(901)
})
