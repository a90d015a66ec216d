/** Callers that leave while Drive takes nothing: nobody reads from them, and it is seen all the same. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { RawConnection, UploadGateway } from '../kit/upload.ts'
import {
  openConnection,
  expectNothingStored,
  formRequestHead,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'

const size = 24 * 1024 * 1024
let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({
    gateway: {
      idleTimeoutMs: 6_000,
      chunkBytes: 256 * 1024,
      driveTimeouts: { progress: 9_000, response: 9_000 },
    },
    env: { MEMORY_BYTES: '4000000' },
  })
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.google.calls.length = 0
  driveway.lines.length = 0
  driveway.resetUploads()
})

afterAll(() => driveway.close())

/** An upload that waits for a Drive which hangs, and has sent all that anybody takes meanwhile. */
async function startPausedUpload(): Promise<RawConnection> {
  driveway.google.faults.add({ operation: 'drive.upload.chunk', hang: 'headers' })
  const line = await openConnection(driveway.origin)
  const type = 'application/octet-stream'
  const start = formRequestHead(driveway, { 'Content-Length': size, 'Content-Type': type })
  line.socket.write(start.replace('POST /upload ', 'PUT /upload/x.bin '))
  line.socket.write(Buffer.alloc(size))
  await waitFor(() => driveway.google.calls.includes('drive.upload.chunk'))
  await line.waitFor((heard) => heard.includes('100 Continue'))
  return line
}

test.each(['destroy', 'resetAndDestroy'] as const)(
  'a caller that leaves (%s) is noticed before Drive’s time is over (case 63)',
  async (leave) => {
    const line = await startPausedUpload()
    line.socket[leave]()
    await waitFor(() => driveway.lines.some((text) => text.includes('"code":"truncated"')))
    expect(driveway.google.calls.filter((call) => call === 'drive.upload.chunk')).toHaveLength(1)
    await driveway.settled()
    expectNothingStored(driveway)
  },
)

test('a caller that stays is asked four times at most, and gets its answer', async () => {
  const line = await startPausedUpload()
  await line.waitFor(() => line.statuses().length > 0)
  expect(line.statuses()).toEqual([201])
  expect(line.received().split('100 Continue').length - 1).toBeLessThanOrEqual(4)
  line.socket.destroy()
})
