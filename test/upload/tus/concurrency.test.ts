/** Concurrent requests for one upload, at one instance and at two. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern } from '../../faults/fixture.ts'
import { startDriveway } from '../../kit/environment.ts'
import type { Driveway, RawResponse } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { expectFiles, problemCodeIn, startUploadGateway, waitFor } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { chunkUnit, createTusClient, offsetOf, openPatch } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: UploadGateway
let second: Driveway
/** A gateway with a short idle timeout. */
let impatient: Driveway
let firstTus: TusClient
let secondTus: TusClient

beforeAll(async () => {
  const gateway = { chunkBytes: 2 * chunkUnit }
  driveway = await startUploadGateway({ gateway })
  second = await startDriveway({ sharing: driveway, gateway })
  impatient = Object.assign(
    await startDriveway({ sharing: driveway, gateway: { ...gateway, idleTimeoutMs: 200 } }),
    { bearer: driveway.bearer },
  )
  firstTus = createTusClient(driveway)
  secondTus = createTusClient({ origin: second.origin, bearer: driveway.bearer })
})
afterAll(async () => {
  await impatient.close()
  await second.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
})

describe('eight concurrent PATCHes at one offset', () => {
  const sizes: [string, number, number][] = [
    ['the complete file, a multiple of 256 KiB', 4 * chunkUnit, 4 * chunkUnit],
    ['the complete file, no multiple of 256 KiB', 3 * chunkUnit + 17, 3 * chunkUnit + 17],
    ['two units of a longer file', 2 * chunkUnit, 5 * chunkUnit],
    ['a complete file of one unit and a byte', chunkUnit + 1, chunkUnit + 1],
  ]
  for (const instances of ['at one instance', 'at two instances']) {
    test.each(sizes)(
      `${instances}, each with %s: one succeeds, and the file has its bytes`,
      async (_, size, length) => {
        const path = await firstTus.create({ 'upload-length': String(length) })
        const bodies = Array.from({ length: 8 }, () => pattern(size))
        const responses = await Promise.all(
          bodies.map((body, index) =>
            (instances === 'at two instances' && index % 2 ? secondTus : firstTus).patch(
              path,
              0,
              body,
            ),
          ),
        )
        const statuses = responses.map(({ status }) => status)
        const winners = statuses.flatMap((status, index) => (status === 204 ? [index] : []))
        for (const status of statuses) expect([204, 409, 423]).toContain(status)
        expect(winners).toHaveLength(1)
        const winner = bodies[winners[0] ?? -1] ?? Buffer.alloc(0)
        let offset = offsetOf(responses[winners[0] ?? -1] as RawResponse)
        expect(offsetOf(await firstTus.head(path))).toBe(offset)
        const rest = Buffer.concat([winner, pattern(length - size)])
        while (offset < length) {
          const response = await secondTus.patch(path, offset, rest.subarray(offset))
          expect(response.status).toBe(204)
          offset = offsetOf(response)
        }
        expectFiles(driveway, rest)
      },
    )
  }
})

describe('a stalled PATCH', () => {
  test('does not block HEAD, which returns the stored offset', async () => {
    const path = await firstTus.create({ 'upload-length': String(4 * chunkUnit) })
    const connection = await openPatch(driveway, path, 0, 4 * chunkUnit)
    connection.socket.write(pattern(2 * chunkUnit + 100))
    await waitFor(async () => offsetOf(await firstTus.head(path)) === 2 * chunkUnit)
    connection.socket.destroy()
  })
  test('is preempted by a newer one at the same instance, and returns upload_locked', async () => {
    const bytes = pattern(4 * chunkUnit)
    const path = await firstTus.create({ 'upload-length': String(bytes.length) })
    const connection = await openPatch(driveway, path, 0, bytes.length, { awaitsContinue: true })
    const response = await firstTus.patch(path, 0, bytes)
    const received = await connection.waitFor((text) => text.includes('"code"'))
    expect([response.status, offsetOf(response)]).toEqual([204, bytes.length])
    expect([connection.statuses(), problemCodeIn(received)]).toEqual([[423], 'upload_locked'])
    connection.socket.destroy()
    expectFiles(driveway, bytes)
  })
  test('with stored bytes returns their offset when it is preempted', async () => {
    const bytes = pattern(6 * chunkUnit)
    const path = await firstTus.create({ 'upload-length': String(bytes.length) })
    const connection = await openPatch(driveway, path, 0, bytes.length)
    connection.socket.write(bytes.subarray(0, 3 * chunkUnit + 9))
    await waitFor(async () => offsetOf(await firstTus.head(path)) >= 2 * chunkUnit)
    const mismatch = await firstTus.patch(path, 0, bytes)
    expect([mismatch.status, offsetOf(mismatch)]).toEqual([409, 3 * chunkUnit])
    const received = await connection.waitFor((text) => text.includes('\r\n\r\n'))
    expect(received).toContain('HTTP/1.1 204 ')
    expect(received).toMatch(new RegExp(`upload-offset: ${3 * chunkUnit}\r\n`, 'i'))
    connection.socket.destroy()
    const response = await secondTus.patch(path, 3 * chunkUnit, bytes.subarray(3 * chunkUnit))
    expect(response.status).toBe(204)
    expectFiles(driveway, bytes)
  })
  test('is aborted after the idle timeout, and its complete units are stored', async () => {
    const path = await firstTus.create({ 'upload-length': String(4 * chunkUnit) })
    const connection = await openPatch(impatient, path, 0, 4 * chunkUnit)
    connection.socket.write(pattern(chunkUnit + 5))
    await connection.closed
    expect(connection.statuses()).toEqual([])
    expect(offsetOf(await secondTus.head(path))).toBe(chunkUnit)
  })
})

describe('a PATCH whose client disconnects', () => {
  test.each([
    1,
    chunkUnit - 1,
    chunkUnit,
    chunkUnit + 1,
    2 * chunkUnit,
    3 * chunkUnit - 1,
    3 * chunkUnit + 70_000,
  ])('after %i bytes keeps their complete units, and the upload can resume', async (cut) => {
    const bytes = pattern(4 * chunkUnit)
    const path = await firstTus.create({ 'upload-length': String(bytes.length) })
    const connection = await openPatch(driveway, path, 0, bytes.length, { awaitsContinue: true })
    await new Promise((resolve) => connection.socket.write(bytes.subarray(0, cut), resolve))
    connection.socket.end()
    // Waits for the end of the previous request, and returns its offset.
    const stored = offsetOf(await firstTus.patch(path, bytes.length - 1, pattern(1)))
    expect(stored % chunkUnit).toBe(0)
    expect(stored).toBeLessThanOrEqual(cut)
    expect(offsetOf(await secondTus.head(path))).toBe(stored)
    const response = await secondTus.patch(path, stored, bytes.subarray(stored))
    expect([response.status, offsetOf(response)]).toEqual([204, bytes.length])
    expectFiles(driveway, bytes)
  })
})

describe('DELETE during a PATCH', () => {
  test.each(['the same', 'another'])(
    'at %s instance terminates the upload, and the PATCH returns upload_gone',
    async (which) => {
      const path = await firstTus.create({ 'upload-length': String(4 * chunkUnit) })
      const connection = await openPatch(driveway, path, 0, 4 * chunkUnit)
      connection.socket.write(pattern(2 * chunkUnit + 1))
      await waitFor(async () => offsetOf(await firstTus.head(path)) === 2 * chunkUnit)
      expect((await (which === 'another' ? secondTus : firstTus).remove(path)).status).toBe(204)
      connection.socket.write(pattern(2 * chunkUnit - 1))
      const received = await connection.waitFor((text) => text.includes('"code"'))
      expect([connection.statuses(), problemCodeIn(received)]).toEqual([[410], 'upload_gone'])
      connection.socket.destroy()
      await driveway.settled()
      expect((await firstTus.head(path)).status).toBe(410)
    },
  )
})

test('PATCH returns chunk_too_small with the minimum for a chunk under 256 KiB that is not the last', async () => {
  const path = await firstTus.create({ 'upload-length': String(4 * chunkUnit) })
  for (const size of [0, 1, 100_000, chunkUnit - 1]) {
    const response = await firstTus.patch(path, 0, pattern(size))
    expectProblem(response, 400, 'chunk_too_small')
    expect(response.body).toContain(String(chunkUnit))
  }
  expect(offsetOf(await firstTus.patch(path, 0, pattern(chunkUnit + 1)))).toBe(chunkUnit)
})
