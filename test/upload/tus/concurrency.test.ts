/** Several requests for one upload at a time, at one instance and at two: Drive decides. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import type { Line, Uploading } from '../../kit/upload.ts'
import { codeHeard, dial, startUploading, until } from '../../kit/upload.ts'
import type { Driveway, RawAnswer } from '../../kit/environment.ts'
import { codeOf, startDriveway } from '../../kit/environment.ts'
import { bodyType, offsetOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

let driveway: Uploading
let beside: Driveway
let one: Tus
let two: Tus

beforeAll(async () => {
  const gateway = { chunkBytes: 2 * unit, idleMs: 800 }
  driveway = await startUploading({ gateway })
  beside = await startDriveway({ beside: driveway, gateway })
  one = tus(driveway)
  two = tus({ origin: beside.origin, bearer: driveway.bearer })
})
afterAll(async () => {
  await beside.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.forget()
  driveway.google.faults.clear()
  driveway.google.drive.forgetSessions()
})

/** A PATCH whose body is sent by hand. */
async function startPatch(path: string, offset: number, length: number): Promise<Line> {
  const line = await dial(driveway.origin)
  const headers = {
    Host: 'localhost',
    ...driveway.bearer,
    'Tus-Resumable': '1.0.0',
    'Content-Type': bodyType,
    'Upload-Offset': offset,
    'Content-Length': length,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  line.socket.write(`PATCH ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  return line
}

describe('eight PATCHes at one offset (case 68)', () => {
  const sizes: [string, number, number][] = [
    ['the whole file, aligned', 4 * unit, 4 * unit],
    ['the whole file, not aligned', 3 * unit + 17, 3 * unit + 17],
    ['two units of more', 2 * unit, 5 * unit],
    ['one unit and a byte, the whole', unit + 1, unit + 1],
  ]
  for (const where of ['at one instance', 'at two instances']) {
    test.each(sizes)(
      `${where}, each %s: one wins, and the bytes are its own`,
      async (_, size, length) => {
        const path = await one.create({ 'upload-length': String(length) })
        const bodies = Array.from({ length: 8 }, () => pattern(size))
        const answers = await Promise.all(
          bodies.map((body, index) =>
            (where === 'at two instances' && index % 2 ? two : one).patch(path, 0, body),
          ),
        )
        const statuses = answers.map(({ status }) => status)
        const winners = statuses.flatMap((status, index) => (status === 204 ? [index] : []))
        for (const status of statuses) expect([204, 409, 423]).toContain(status)
        expect(winners).toHaveLength(1)
        const winner = bodies[winners[0] ?? -1] ?? Buffer.alloc(0)
        let offset = offsetOf(answers[winners[0] ?? -1] as RawAnswer)
        expect(offsetOf(await one.head(path))).toBe(offset)
        const rest = Buffer.concat([winner, pattern(length - size)])
        while (offset < length) {
          const answer = await two.patch(path, offset, rest.subarray(offset))
          expect(answer.status).toBe(204)
          offset = offsetOf(answer)
        }
        const files = driveway.uploaded()
        expect(files.map((file) => [file.size, file.sha256])).toEqual([[length, sha256Of(rest)]])
      },
    )
  }
})

describe('a PATCH that stands still (case 68)', () => {
  test('does not hold up a HEAD, which tells what Drive has', async () => {
    const path = await one.create({ 'upload-length': String(4 * unit) })
    const line = await startPatch(path, 0, 4 * unit)
    line.socket.write(pattern(2 * unit + 100))
    await until(async () => offsetOf(await one.head(path)) === 2 * unit)
    line.socket.destroy()
  })
  test('gives way to a newer one at the same instance, and is told so', async () => {
    const bytes = pattern(4 * unit)
    const path = await one.create({ 'upload-length': String(bytes.length) })
    const line = await startPatch(path, 0, bytes.length)
    await until(() => driveway.google.drive.openSessions() === 1)
    const answer = await one.patch(path, 0, bytes)
    const heard = await line.hears((text) => text.includes('\r\n\r\n'))
    expect([answer.status, offsetOf(answer)]).toEqual([204, bytes.length])
    expect([line.statuses(), codeHeard(heard)]).toEqual([[423], 'upload_locked'])
    line.socket.destroy()
    expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
  })
  test('that had brought something is answered with how much of it was kept', async () => {
    const bytes = pattern(6 * unit)
    const path = await one.create({ 'upload-length': String(bytes.length) })
    const line = await startPatch(path, 0, bytes.length)
    line.socket.write(bytes.subarray(0, 3 * unit + 9))
    await until(async () => offsetOf(await one.head(path)) >= 2 * unit)
    const refused = await one.patch(path, 0, bytes)
    expect([refused.status, offsetOf(refused)]).toEqual([409, 3 * unit])
    const heard = await line.hears((text) => text.includes('\r\n\r\n'))
    expect(heard).toContain('HTTP/1.1 204 ')
    expect(heard).toMatch(new RegExp(`upload-offset: ${3 * unit}\r\n`, 'i'))
    line.socket.destroy()
    const answer = await two.patch(path, 3 * unit, bytes.subarray(3 * unit))
    expect(answer.status).toBe(204)
    expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
  })
  test('is closed on after a while, and what came of it was kept', async () => {
    const path = await one.create({ 'upload-length': String(4 * unit) })
    const line = await startPatch(path, 0, 4 * unit)
    line.socket.write(pattern(unit + 5))
    await line.closed
    expect(line.statuses()).toEqual([])
    expect(offsetOf(await two.head(path))).toBe(unit)
  })
})

describe('a PATCH whose client leaves (case 70)', () => {
  test.each([1, unit - 1, unit, unit + 1, 2 * unit, 3 * unit - 1, 3 * unit + 70_000])(
    'after %i bytes: HEAD tells the whole units that were kept of them, and the rest can follow',
    async (cut) => {
      const bytes = pattern(4 * unit)
      const path = await one.create({ 'upload-length': String(bytes.length) })
      const line = await startPatch(path, 0, bytes.length)
      await new Promise((resolve) => line.socket.write(bytes.subarray(0, cut), resolve))
      line.socket.end()
      // Waits for the one before to end, and is told where it did.
      const kept = offsetOf(await one.patch(path, bytes.length - 1, pattern(1)))
      expect(kept % unit).toBe(0)
      expect(kept).toBeLessThanOrEqual(cut)
      expect(offsetOf(await two.head(path))).toBe(kept)
      const answer = await two.patch(path, kept, bytes.subarray(kept))
      expect([answer.status, offsetOf(answer)]).toEqual([204, bytes.length])
      expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
    },
  )
})

describe('a DELETE during a PATCH (case 68)', () => {
  test.each(['the same', 'another'])('at %s instance: nothing is left of either', async (which) => {
    const path = await one.create({ 'upload-length': String(4 * unit) })
    const line = await startPatch(path, 0, 4 * unit)
    line.socket.write(pattern(2 * unit + 1))
    await until(async () => offsetOf(await one.head(path)) === 2 * unit)
    expect((await (which === 'another' ? two : one).remove(path)).status).toBe(204)
    line.socket.write(pattern(2 * unit - 1))
    const heard = await line.hears((text) => text.includes('"code"'))
    expect([line.statuses(), codeHeard(heard)]).toEqual([[410], 'upload_gone'])
    line.socket.destroy()
    await driveway.settled()
    expect((await one.head(path)).status).toBe(410)
  })
})

test('a chunk under a unit that is not the last is refused with the least that is taken', async () => {
  const path = await one.create({ 'upload-length': String(4 * unit) })
  for (const size of [0, 1, 100_000, unit - 1]) {
    const answer = await one.patch(path, 0, pattern(size))
    expect([answer.status, codeOf(answer)]).toEqual([400, 'chunk_too_small'])
    expect(answer.body).toContain(String(unit))
  }
  expect(offsetOf(await one.patch(path, 0, pattern(unit + 1)))).toBe(unit)
})
