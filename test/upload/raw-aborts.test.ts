import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { uploadFile } from '../kit/requests.ts'
import { openConnection, requestHead, startUploadGateway, waitFor } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'
import { createRandomInt, seed } from '../kit/random.ts'

const chunkBytes = 256 * 1024
const rounds = 40

let driveway: UploadGateway

beforeAll(async () => {
  const gateway = { chunkBytes, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
})

afterAll(() => driveway.close())

/** Returns the bytes of a PUT, its body chunked or with a Content-Length. */
function requestOf(path: string, body: Buffer, isChunked: boolean, key?: string): Buffer {
  const head = requestHead(driveway, 'PUT', `/upload/${path}`, {
    ...(isChunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': body.length }),
    ...(key === undefined ? {} : { 'Idempotency-Key': key }),
  })
  const size = `${body.length.toString(16)}\r\n`
  const parts = isChunked ? [head, size, body, '\r\n0\r\n\r\n'] : [head, body]
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

/** Sends the first bytes of a request and disconnects. @returns the received status, or 0 */
async function abortAfter(request: Buffer, bytes: number, how: 'end' | 'reset'): Promise<number> {
  const connection = await openConnection(driveway.origin)
  await new Promise<void>((resolve) =>
    connection.socket.write(request.subarray(0, bytes), () => resolve()),
  )
  if (how === 'end') connection.socket.end()
  else connection.socket.resetAndDestroy()
  await connection.closed
  return connection.statuses()[0] ?? 0
}

test(`PUT /upload stores nothing when the client disconnects at a random byte (SEED=${seed})`, async () => {
  const random = createRandomInt(seed)
  for (let round = 0; round < rounds; round++) {
    const body = randomBytes(random(3 * chunkBytes) + 1)
    const request = requestOf('a.bin', body, random(2) === 0)
    const cut = random(request.length)
    const status = await abortAfter(request, cut, random(2) === 0 ? 'end' : 'reset')
    expect([round, status >= 200 && status < 300]).toEqual([round, false])
  }
  await driveway.settled()
})

test(`PUT /upload with an Idempotency-Key stores one complete file after a disconnect (SEED=${seed})`, async () => {
  const random = createRandomInt(seed + 1)
  for (let round = 0; round < rounds / 2; round++) {
    const key = `key-${round}`
    const body = randomBytes(random(3 * chunkBytes) + 1)
    const request = requestOf(`${key}.bin`, body, false, key)
    // Sometimes the request is complete, and only the response is lost.
    const cut = random(10) < 3 ? request.length : random(request.length)
    await abortAfter(request, cut, random(2) === 0 ? 'end' : 'reset')
    await waitFor(async () => {
      const headers = { 'idempotency-key': key }
      const { status } = await uploadFile(driveway, `${key}.bin`, body, headers)
      expect([201, 409]).toContain(status)
      return status === 201
    })
    const files = driveway.uploaded().filter(({ name }) => name === `${key}.bin`)
    expect([round, files.map(({ size }) => size)]).toEqual([round, [body.length]])
  }
  await driveway.settled(rounds / 2)
})
