/** Detection of clients that disconnect while Drive accepts no data and the request is paused. */
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

/** Starts an upload while Drive hangs, and sends until backpressure stops it. */
async function startPausedUpload(): Promise<RawConnection> {
  driveway.google.faults.add({ operation: 'drive.upload.chunk', hang: 'headers' })
  const connection = await openConnection(driveway.origin)
  const type = 'application/octet-stream'
  const start = formRequestHead(driveway, { 'Content-Length': size, 'Content-Type': type })
  connection.socket.write(start.replace('POST /upload ', 'PUT /upload/x.bin '))
  connection.socket.write(Buffer.alloc(size))
  await waitFor(() => driveway.google.calls.includes('drive.upload.chunk'))
  await connection.waitFor((received) => received.includes('100 Continue'))
  return connection
}

test.each(['destroy', 'resetAndDestroy'] as const)(
  'the gateway detects a disconnect (%s) before the timeout of Drive',
  async (disconnect) => {
    const connection = await startPausedUpload()
    connection.socket[disconnect]()
    await waitFor(() => driveway.lines.some((text) => text.includes('"code":"truncated"')))
    expect(driveway.google.calls.filter((call) => call === 'drive.upload.chunk')).toHaveLength(1)
    await driveway.settled()
    expectNothingStored(driveway)
  },
)

test('a client that stays gets at most four probes and its response', async () => {
  const connection = await startPausedUpload()
  await connection.waitFor(() => connection.statuses().length > 0)
  expect(connection.statuses()).toEqual([201])
  expect(connection.received().split('100 Continue').length - 1).toBeLessThanOrEqual(4)
  connection.socket.destroy()
})
