/** Detection of clients that disconnect while Drive accepts no data and the request is paused. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RawConnection, UploadGateway } from '../kit/upload.ts'
import {
  openConnection,
  expectNothingStored,
  formRequestHead,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'

const size = 24 * 1024 * 1024
const idleTimeoutMs = 240
/** The time between two probes, if both are sent. */
const roundMs = idleTimeoutMs / 6
let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({
    gateway: { idleTimeoutMs, chunkBytes: 256 * 1024 },
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

/** Starts an upload while Drive holds its first chunk, and sends until backpressure stops it. */
async function startPausedUpload(): Promise<RawConnection> {
  driveway.google.faults.add({ operation: 'drive.upload.chunk', hold: 'request' })
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
  'the gateway detects a disconnect (%s) while Drive does not respond',
  async (disconnect) => {
    const connection = await startPausedUpload()
    connection.socket[disconnect]()
    await waitFor(() => driveway.lines.some((text) => text.includes('"code":"truncated"')))
    expect(driveway.google.calls.filter((call) => call === 'drive.upload.chunk')).toHaveLength(1)
    await driveway.settled()
    expectNothingStored(driveway)
  },
)

test('a client that stays gets four probes, no other, and its response', async () => {
  const connection = await startPausedUpload()
  const probes = (): number => connection.received().split('100 Continue').length - 1
  await connection.waitFor(() => probes() >= 4)
  await sleep(4 * roundMs)
  driveway.google.faults.release()
  await connection.waitFor(() => connection.statuses().length > 0)
  expect(connection.statuses()).toEqual([201])
  expect(probes()).toBe(4)
  connection.socket.destroy()
})
