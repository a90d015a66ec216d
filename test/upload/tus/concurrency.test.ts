/** Several requests for one upload at a time, at one instance and at two: Drive decides. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { startDriveway } from '../../kit/environment.ts'
import type { Driveway, RawResponse } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { openConnection, problemCodeIn, startUploadGateway, waitFor } from '../../kit/upload.ts'
import type { RawConnection, UploadGateway } from '../../kit/upload.ts'
import { chunkUnit, createTusClient, offsetOf, tusContentType } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

let driveway: UploadGateway
let second: Driveway
let one: TusClient
let two: TusClient

beforeAll(async () => {
  const gateway = { chunkBytes: 2 * chunkUnit, idleTimeoutMs: 800 }
  driveway = await startUploadGateway({ gateway })
  second = await startDriveway({ sharing: driveway, gateway })
  one = createTusClient(driveway)
  two = createTusClient({ origin: second.origin, bearer: driveway.bearer })
})
afterAll(async () => {
  await second.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.faults.clear()
  driveway.google.drive.expireSessions()
})

/** A PATCH whose body is sent by hand. */
async function startPatch(path: string, offset: number, length: number): Promise<RawConnection> {
  const connection = await openConnection(driveway.origin)
  const headers = {
    Host: 'localhost',
    ...driveway.bearer,
    'Tus-Resumable': '1.0.0',
    'Content-Type': tusContentType,
    'Upload-Offset': offset,
    'Content-Length': length,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  connection.socket.write(`PATCH ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  return connection
}

describe('eight PATCHes at one offset (case 68)', () => {
  const sizes: [string, number, number][] = [
    ['the whole file, aligned', 4 * chunkUnit, 4 * chunkUnit],
    ['the whole file, not aligned', 3 * chunkUnit + 17, 3 * chunkUnit + 17],
    ['two units of more', 2 * chunkUnit, 5 * chunkUnit],
    ['one unit and a byte, the whole', chunkUnit + 1, chunkUnit + 1],
  ]
  for (const where of ['at one instance', 'at two instances']) {
    test.each(sizes)(
      `${where}, each %s: one wins, and the bytes are its own`,
      async (_, size, length) => {
        const path = await one.create({ 'upload-length': String(length) })
        const bodies = Array.from({ length: 8 }, () => pattern(size))
        const responses = await Promise.all(
          bodies.map((body, index) =>
            (where === 'at two instances' && index % 2 ? two : one).patch(path, 0, body),
          ),
        )
        const statuses = responses.map(({ status }) => status)
        const winners = statuses.flatMap((status, index) => (status === 204 ? [index] : []))
        for (const status of statuses) expect([204, 409, 423]).toContain(status)
        expect(winners).toHaveLength(1)
        const winner = bodies[winners[0] ?? -1] ?? Buffer.alloc(0)
        let offset = offsetOf(responses[winners[0] ?? -1] as RawResponse)
        expect(offsetOf(await one.head(path))).toBe(offset)
        const rest = Buffer.concat([winner, pattern(length - size)])
        while (offset < length) {
          const response = await two.patch(path, offset, rest.subarray(offset))
          expect(response.status).toBe(204)
          offset = offsetOf(response)
        }
        const files = driveway.uploaded()
        expect(files.map((file) => [file.size, file.sha256])).toEqual([[length, sha256Of(rest)]])
      },
    )
  }
})

describe('a PATCH that stands still (case 68)', () => {
  test('does not hold up a HEAD, which tells what Drive has', async () => {
    const path = await one.create({ 'upload-length': String(4 * chunkUnit) })
    const connection = await startPatch(path, 0, 4 * chunkUnit)
    connection.socket.write(pattern(2 * chunkUnit + 100))
    await waitFor(async () => offsetOf(await one.head(path)) === 2 * chunkUnit)
    connection.socket.destroy()
  })
  test('gives way to a newer one at the same instance, and is told so', async () => {
    const bytes = pattern(4 * chunkUnit)
    const path = await one.create({ 'upload-length': String(bytes.length) })
    const connection = await startPatch(path, 0, bytes.length)
    await waitFor(() => driveway.google.drive.openSessions() === 1)
    const response = await one.patch(path, 0, bytes)
    const received = await connection.waitFor((text) => text.includes('\r\n\r\n'))
    expect([response.status, offsetOf(response)]).toEqual([204, bytes.length])
    expect([connection.statuses(), problemCodeIn(received)]).toEqual([[423], 'upload_locked'])
    connection.socket.destroy()
    expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
  })
  test('that had brought something is answered with how much of it was kept', async () => {
    const bytes = pattern(6 * chunkUnit)
    const path = await one.create({ 'upload-length': String(bytes.length) })
    const connection = await startPatch(path, 0, bytes.length)
    connection.socket.write(bytes.subarray(0, 3 * chunkUnit + 9))
    await waitFor(async () => offsetOf(await one.head(path)) >= 2 * chunkUnit)
    const refused = await one.patch(path, 0, bytes)
    expect([refused.status, offsetOf(refused)]).toEqual([409, 3 * chunkUnit])
    const received = await connection.waitFor((text) => text.includes('\r\n\r\n'))
    expect(received).toContain('HTTP/1.1 204 ')
    expect(received).toMatch(new RegExp(`upload-offset: ${3 * chunkUnit}\r\n`, 'i'))
    connection.socket.destroy()
    const response = await two.patch(path, 3 * chunkUnit, bytes.subarray(3 * chunkUnit))
    expect(response.status).toBe(204)
    expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
  })
  test('is closed on after a while, and what came of it was kept', async () => {
    const path = await one.create({ 'upload-length': String(4 * chunkUnit) })
    const connection = await startPatch(path, 0, 4 * chunkUnit)
    connection.socket.write(pattern(chunkUnit + 5))
    await connection.closed
    expect(connection.statuses()).toEqual([])
    expect(offsetOf(await two.head(path))).toBe(chunkUnit)
  })
})

describe('a PATCH whose client leaves (case 70)', () => {
  test.each([
    1,
    chunkUnit - 1,
    chunkUnit,
    chunkUnit + 1,
    2 * chunkUnit,
    3 * chunkUnit - 1,
    3 * chunkUnit + 70_000,
  ])(
    'after %i bytes: HEAD tells the whole units that were kept of them, and the rest can follow',
    async (cut) => {
      const bytes = pattern(4 * chunkUnit)
      const path = await one.create({ 'upload-length': String(bytes.length) })
      const connection = await startPatch(path, 0, bytes.length)
      await new Promise((resolve) => connection.socket.write(bytes.subarray(0, cut), resolve))
      connection.socket.end()
      // Waits for the one before to end, and is told where it did.
      const kept = offsetOf(await one.patch(path, bytes.length - 1, pattern(1)))
      expect(kept % chunkUnit).toBe(0)
      expect(kept).toBeLessThanOrEqual(cut)
      expect(offsetOf(await two.head(path))).toBe(kept)
      const response = await two.patch(path, kept, bytes.subarray(kept))
      expect([response.status, offsetOf(response)]).toEqual([204, bytes.length])
      expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
    },
  )
})

describe('a DELETE during a PATCH (case 68)', () => {
  test.each(['the same', 'another'])('at %s instance: nothing is left of either', async (which) => {
    const path = await one.create({ 'upload-length': String(4 * chunkUnit) })
    const connection = await startPatch(path, 0, 4 * chunkUnit)
    connection.socket.write(pattern(2 * chunkUnit + 1))
    await waitFor(async () => offsetOf(await one.head(path)) === 2 * chunkUnit)
    expect((await (which === 'another' ? two : one).remove(path)).status).toBe(204)
    connection.socket.write(pattern(2 * chunkUnit - 1))
    const received = await connection.waitFor((text) => text.includes('"code"'))
    expect([connection.statuses(), problemCodeIn(received)]).toEqual([[410], 'upload_gone'])
    connection.socket.destroy()
    await driveway.settled()
    expect((await one.head(path)).status).toBe(410)
  })
})

test('a chunk under a unit that is not the last is refused with the least that is taken', async () => {
  const path = await one.create({ 'upload-length': String(4 * chunkUnit) })
  for (const size of [0, 1, 100_000, chunkUnit - 1]) {
    const response = await one.patch(path, 0, pattern(size))
    expectProblem(response, 400, 'chunk_too_small')
    expect(response.body).toContain(String(chunkUnit))
  }
  expect(offsetOf(await one.patch(path, 0, pattern(chunkUnit + 1)))).toBe(chunkUnit)
})
