import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { send } from '../kit/environment.ts'
import { dial, startUploading, until } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'
import { createDice, seed } from '../kit/random.ts'

const chunkBytes = 256 * 1024
const rounds = 40

let driveway: Uploading

beforeAll(async () => {
  const gateway = { chunkBytes, wait: () => Promise.resolve() }
  driveway = await startUploading({ gateway })
})

afterAll(() => driveway.close())

/** The bytes of a request, its body chunked or with its length told. */
function requestOf(path: string, body: Buffer, isChunked: boolean, key?: string): Buffer {
  const { authorization = '' } = driveway.bearer
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
  const head =
    `PUT /upload/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n${framing}\r\n` +
    `${key === undefined ? '' : `Idempotency-Key: ${key}\r\n`}\r\n`
  const size = `${body.length.toString(16)}\r\n`
  const parts = isChunked ? [head, size, body, '\r\n0\r\n\r\n'] : [head, body]
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

/** Sends so many bytes of a request, and leaves. @returns the status that was heard, if any */
async function leave(request: Buffer, bytes: number, how: 'end' | 'reset'): Promise<number> {
  const line = await dial(driveway.origin)
  await new Promise<void>((resolve) =>
    line.socket.write(request.subarray(0, bytes), () => resolve()),
  )
  if (how === 'end') line.socket.end()
  else line.socket.resetAndDestroy()
  await line.closed
  return line.statuses()[0] ?? 0
}

test(`a caller that leaves a raw body at any byte leaves nothing (case 63, SEED=${seed})`, async () => {
  const random = createDice(seed)
  for (let round = 0; round < rounds; round++) {
    const body = randomBytes(random(3 * chunkBytes) + 1)
    const request = requestOf('a.bin', body, random(2) === 0)
    const cut = random(request.length)
    const status = await leave(request, cut, random(2) === 0 ? 'end' : 'reset')
    expect([round, status >= 200 && status < 300]).toEqual([round, false])
  }
  await driveway.settled()
})

test(`one that comes back with its key gets its one file, whole (SEED=${seed})`, async () => {
  const random = createDice(seed + 1)
  for (let round = 0; round < rounds / 2; round++) {
    const key = `key-${round}`
    const body = randomBytes(random(3 * chunkBytes) + 1)
    const request = requestOf(`${key}.bin`, body, false, key)
    // Now and then all of it comes, and only the answer is lost.
    const cut = random(10) < 3 ? request.length : random(request.length)
    await leave(request, cut, random(2) === 0 ? 'end' : 'reset')
    await until(async () => {
      const { status } = await send(driveway.origin, `/upload/${key}.bin`, {
        method: 'PUT',
        headers: { ...driveway.bearer, 'idempotency-key': key },
        body,
      })
      expect([201, 409]).toContain(status)
      return status === 201
    })
    const files = driveway.uploaded().filter(({ name }) => name === `${key}.bin`)
    expect([round, files.map(({ size }) => size)]).toEqual([round, [body.length]])
  }
  await driveway.settled(rounds / 2)
})
