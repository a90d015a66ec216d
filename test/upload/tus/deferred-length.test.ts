/** The extension creation-defer-length of tus 1.0.0. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { expectProblem } from '../../kit/requests.ts'
import { startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { chunkUnit, createTusClient, offsetOf } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: UploadGateway
let client: TusClient

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { chunkBytes: chunkUnit } })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.drive.expireSessions()
})

/** Returns size and SHA-256 of each uploaded file. */
const storedFiles = (): unknown[] => driveway.uploaded().map(({ size, sha256 }) => [size, sha256])

describe('creation-defer-length', () => {
  test('HEAD returns Upload-Defer-Length until the length is sent with the last bytes', async () => {
    const bytes = pattern(chunkUnit + 3)
    const path = await client.create({ 'upload-defer-length': '1' })
    const before = await client.head(path)
    expect(before.headers['upload-defer-length']).toBe('1')
    expect(before.headers['upload-length']).toBeUndefined()
    expect(offsetOf(await client.patch(path, 0, bytes.subarray(0, chunkUnit)))).toBe(chunkUnit)
    expect((await client.head(path)).headers['upload-defer-length']).toBe('1')
    const length = { 'upload-length': String(chunkUnit + 3) }
    expect(offsetOf(await client.patch(path, chunkUnit, bytes.subarray(chunkUnit), length))).toBe(
      chunkUnit + 3,
    )
    const after = await client.head(path)
    expect(after.headers['upload-defer-length']).toBeUndefined()
    expect([offsetOf(after), after.headers['upload-length']]).toEqual([
      chunkUnit + 3,
      String(chunkUnit + 3),
    ])
    expect(storedFiles()).toEqual([[bytes.length, sha256Of(bytes)]])
  })
  test('an empty PATCH with the length completes the file', async () => {
    const bytes = pattern(2 * chunkUnit)
    const path = await client.create({ 'upload-defer-length': '1' })
    await client.patch(path, 0, bytes)
    const length = { 'upload-length': String(2 * chunkUnit) }
    const response = await client.patch(path, 2 * chunkUnit, Buffer.alloc(0), length)
    expect([response.status, offsetOf(response)]).toEqual([204, 2 * chunkUnit])
    expect(driveway.google.drive.openSessions()).toBe(0)
  })
  test.each([
    ['the first', 0],
    ['the second', 1],
  ])('%s PATCH may set the length, and later ones complete the file without it', async (_, at) => {
    const bytes = pattern(3 * chunkUnit + 7)
    const length = { 'upload-length': String(bytes.length) }
    const path = await client.create({ 'upload-defer-length': '1' })
    for (let index = 0; index < 4; index++) {
      const [from, to] = [index * chunkUnit, (index + 1) * chunkUnit]
      const part = bytes.subarray(from, to)
      const headers = index === at ? length : {}
      expect((await client.patch(path, from, part, headers)).status).toBe(204)
      const head = await client.head(path)
      const isKnown = index >= at
      expect(head.headers['upload-length']).toBe(isKnown ? String(bytes.length) : undefined)
      expect(head.headers['upload-defer-length']).toBe(isKnown ? undefined : '1')
    }
    expect(storedFiles()).toEqual([[bytes.length, sha256Of(bytes)]])
  })
  test('a length is set once, at any instance, and the upload can continue', async () => {
    const other = await startUploadGateway({ sharing: driveway })
    try {
      const path = await client.create({ 'upload-defer-length': '1' })
      const set = { 'upload-length': String(2 * chunkUnit) }
      expect((await client.patch(path, 0, pattern(chunkUnit), set)).status).toBe(204)
      const atOther = createTusClient({ origin: other.origin, bearer: driveway.bearer })
      for (const length of [9 * chunkUnit, chunkUnit + 1]) {
        const changed = { 'upload-length': String(length) }
        const response = await atOther.patch(path, chunkUnit, pattern(1), changed)
        expectProblem(response, 400, 'bad_request')
      }
      const beyond = await atOther.patch(path, chunkUnit, pattern(2 * chunkUnit))
      expectProblem(beyond, 400, 'bad_request')
      const last = await atOther.patch(path, chunkUnit, pattern(chunkUnit), set)
      expect([last.status, offsetOf(last)]).toEqual([204, 2 * chunkUnit])
    } finally {
      await other.close()
    }
  })
  test('a length that is changed, below the offset or too large is rejected', async () => {
    const path = await client.create({ 'upload-defer-length': '1' })
    await client.patch(path, 0, pattern(chunkUnit))
    const known = await client.create({ 'upload-length': String(3 * chunkUnit) })
    for (const [upload, offset, length, status] of [
      [known, 0, 2 * chunkUnit, 400],
      [path, chunkUnit, chunkUnit - 1, 400],
      [path, chunkUnit, 6e12, 413],
    ] as const) {
      const headers = { 'upload-length': String(length) }
      expect((await client.patch(upload, offset, pattern(5), headers)).status).toBe(status)
    }
    expect((await client.head(path)).headers['upload-defer-length']).toBe('1')
    expect(offsetOf(await client.patch(known, 0, pattern(chunkUnit)))).toBe(chunkUnit)
  })
})
