/** Aborted HTTP/2 uploads. Node ends an aborted body like a complete one, so its end proves nothing. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { filePart, form } from '../kit/environment.ts'
import { connectH2c, openRawRequest } from '../kit/h2c.ts'
import type { RawRequest } from '../kit/h2c.ts'
import type { UploadGateway } from '../kit/upload.ts'
import { expectNothingStored, startUploadGateway, waitFor } from '../kit/upload.ts'
import { createRandomInt, seed } from '../kit/random.ts'

const chunkBytes = 256 * 1024
const idleMs = 300

let driveway: UploadGateway
/** Waits only briefly for a creating request to Drive after the client has left. */
let impatient: UploadGateway

beforeAll(async () => {
  const gateway = { idleTimeoutMs: idleMs, chunkBytes }
  driveway = await startUploadGateway({ gateway })
  impatient = await startUploadGateway({
    sharing: driveway,
    gateway: { ...gateway, driveTimeouts: { abortGrace: 200 } },
  })
})

afterAll(async () => {
  await impatient.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.lines.length = impatient.lines.length = 0
})

const formType = { 'content-type': 'multipart/form-data; boundary=b' }
/** Counts failed requests; an internal error does not count, so its test times out. */
const countFailures = ({ logs } = driveway): number =>
  logs.filter(({ message, severity }) => message === 'request_failed' && severity === 'NOTICE')
    .length

/** Ways to disconnect in the middle of a request. */
const disconnects: Record<string, (request: RawRequest) => void> = {
  'RST_STREAM CANCEL': (request) => request.reset(8),
  'RST_STREAM NO_ERROR': (request) => request.reset(0),
  END_STREAM: (request) => request.data(Buffer.alloc(0), true),
  'END_STREAM and RST_STREAM': (request) => {
    request.data(Buffer.alloc(0), true)
    request.reset(8)
  },
  FIN: ({ socket }) => void socket.end(),
  RST: ({ socket }) => void socket.resetAndDestroy(),
  silence: () => {},
}

const body = form('b', filePart('one', 'x'.repeat(3000)), filePart('two', 'y'.repeat(40_000)))
const raw = { ':method': 'PUT', ':path': '/upload/raw.bin' }
const uploads = [
  ['a form', { ...formType }, body],
  ['a form with Content-Length', { ...formType, 'content-length': body.length }, body],
  ['a raw body', { ...raw, 'content-length': 43_000 }, Buffer.alloc(43_000)],
] as const

test.each(
  uploads.flatMap((upload) =>
    Object.keys(disconnects).map((disconnect) => [disconnect, ...upload] as const),
  ),
)(
  `a disconnect with %s in the middle of %s stores nothing (SEED=${seed})`,
  async (disconnect, _, headers, whole) => {
    const random = createRandomInt(seed)
    // The last two bytes are optional: the form ends before them.
    const lastCut = whole.length - 3
    const points = [0, 1, lastCut, ...Array.from({ length: 9 }, () => random(lastCut))]
    const requests = await Promise.all(
      points.map(async (cut, index) => {
        const request = await openRawRequest(driveway.origin, { ...driveway.bearer, ...headers })
        request.data(whole.subarray(0, cut))
        if (index % 2 === 0) await sleep(random(20)) // in one read with the body, or after it
        disconnects[disconnect]?.(request)
        return request
      }),
    )
    await waitFor(() => countFailures() === points.length)
    await driveway.settled()
    for (const { socket } of requests) socket.destroy()
    expectNothingStored(driveway)
    expect(driveway.logs.filter(({ message }) => message === 'upload')).toEqual([])
  },
)

test(`large uploads that are aborted at random bytes leave no file and no session (SEED=${seed})`, async () => {
  const random = createRandomInt(seed)
  const large = form('b', filePart('large', Buffer.alloc(6 * chunkBytes + 17, 'y')))
  for (let round = 0; round < 24; round++) {
    const { startRequest, socket, close } = await connectH2c(driveway.origin)
    const length = round % 2 === 0 ? {} : { 'content-length': large.length }
    const { stream, response } = startRequest({ ...driveway.bearer, ...formType, ...length })
    stream.write(large.subarray(0, random(large.length)))
    await sleep(random(30))
    if (round % 4 === 0) stream.close(8)
    else if (round % 4 === 1) stream.end()
    else if (round % 4 === 2) socket.destroy()
    else socket.resetAndDestroy()
    expect([round, (await response).status >= 300 || (await response).status === 0]).toEqual([
      round,
      true,
    ])
    await close()
  }
  await waitFor(() => countFailures() === 24)
  await driveway.settled()
  expectNothingStored(driveway)
})

test.each([
  ['a small file', 'drive.upload.multipart', { hang: 'response' }, 100, 0],
  ['a chunk', 'drive.upload.chunk', { hang: 'headers' }, 1.5 * chunkBytes, 8],
  ['the response to a chunk', 'drive.upload.chunk', { hang: 'response' }, 1.5 * chunkBytes, 8],
] as const)(
  'a stream reset while Drive hangs on %s aborts the request to Drive',
  async (_, operation, fault, size, code) => {
    driveway.google.faults.add({ operation, ...fault })
    driveway.google.calls.length = 0
    const { startRequest, close } = await connectH2c(impatient.origin)
    const { stream } = startRequest({ ...driveway.bearer, ...formType })
    stream.end(form('b', filePart('a', Buffer.alloc(size))))
    await waitFor(() => driveway.driveCalls().includes(operation))
    stream.close(code)
    await waitFor(() => countFailures(impatient) === 1)
    await driveway.settled()
    await close()
  },
)
