import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { filePart, form } from '../kit/environment.ts'
import {
  expectNothingStored,
  formRequestHead,
  openConnection,
  problemCodeIn,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'
import type { RawConnection, UploadGateway } from '../kit/upload.ts'
import { recordRequests } from '../kit/received-requests.ts'
import { recordedForms } from '../kit/multipart-fixtures.ts'
import { createRandomInt, seed } from '../kit/random.ts'

const aborts = Number(process.env['ABORTS'] ?? 60)
const idleTimeoutMs = 100
const chunkBytes = 256 * 1024

let driveway: UploadGateway
/** Waits only briefly for a creating request to Drive after the client has left. */
let impatient: UploadGateway

beforeAll(async () => {
  const gateway = { idleTimeoutMs, chunkBytes }
  driveway = await startUploadGateway({ gateway })
  impatient = await startUploadGateway({
    sharing: driveway,
    gateway: { ...gateway, driveTimeouts: { abortGrace: 200 } },
  })
})

afterAll(async () => {
  stop()
  await impatient.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
  driveway.lines.length = impatient.lines.length = 0
  started = 0
  received.clear()
})

/** How a client leaves: it closes or resets the connection, or sends nothing until the timeout. */
type Abort = 'FIN' | 'RST' | 'timeout'
type Headers = Record<string, string | number>

/** Uploads that were started, and those whose head the server has received. */
let started = 0
const { sockets: received, stop } = recordRequests()

/** Sends the start of an upload, then aborts it. Resolves when the connection is closed. */
async function abortAfter(headers: Headers, body: Buffer, how: Abort): Promise<RawConnection> {
  const connection = await openConnection(driveway.origin)
  const id = String(++started)
  connection.socket.write(formRequestHead(driveway, { ...headers, 'X-Test-Id': id }))
  connection.socket.write(body)
  await waitFor(() => received.has(id))
  if (how === 'FIN') connection.socket.end()
  if (how === 'RST') connection.socket.resetAndDestroy()
  if (how === 'timeout') {
    await connection.waitFor((text) => text.includes('}'))
    connection.socket.destroy()
  }
  await connection.closed
  return connection
}

/** Waits until every started upload has failed, and checks that Drive stores nothing. */
async function expectAllFailed({ lines } = driveway): Promise<void> {
  const failure = '"message":"request_failed"'
  await waitFor(() => lines.filter((line) => line.includes(failure)).length === started)
  expectNothingStored(driveway)
}

/** Returns the number of open connections of this process, at either end. */
function openConnections(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length
}

test.each<Abort>(['FIN', 'RST'])(
  'POST /upload stores nothing when the client sends %s at any byte of the form',
  async (how) => {
    const { boundary, body } = recordedForms[1] ?? { boundary: '', body: Buffer.alloc(0) }
    const type = `multipart/form-data; boundary=${boundary}`
    const framings = [{ 'Content-Length': body.length }, { 'Transfer-Encoding': 'chunked' }]
    const open = openConnections()
    const cut = async (at: number): Promise<void> => {
      const isChunked = at % 2 === 1
      const headers = { 'Content-Type': type, ...framings[isChunked ? 1 : 0] }
      const size = isChunked ? `${body.length.toString(16)}\r\n` : ''
      const sent = Buffer.concat([Buffer.from(size), body.subarray(0, at)])
      const { statuses } = await abortAfter(headers, sent, how)
      expect([at, statuses().filter((status) => status !== 400)]).toEqual([at, []])
    }
    for (let at = 0; at < body.length; at += 40) {
      const batch = Array.from({ length: Math.min(40, body.length - at) }, (_, index) => at + index)
      await Promise.all(batch.map(cut))
    }
    await expectAllFailed()
    // Some of the connections to Drive stay open for the next upload.
    await waitFor(() => openConnections() <= open + 64)
  },
)

test(
  `POST /upload stores nothing after ${aborts} aborts at random bytes (SEED=${seed})`,
  async () => {
    const random = createRandomInt(seed)
    const files = [
      filePart('small', 'x'),
      filePart('large', Buffer.alloc(6 * chunkBytes + 17, 'y')),
    ]
    const body = form('b', ...files)
    const headers = { 'Content-Length': body.length }
    const kinds: Abort[] = ['FIN', 'RST', 'timeout']
    const open = openConnections()
    for (let count = 0; count < aborts; count += 6) {
      const batch = Array.from(
        { length: 6 },
        () => [random(body.length), kinds[random(3)]] as const,
      )
      await Promise.all(
        batch.map(async ([at, how = 'FIN']) => {
          const { statuses } = await abortAfter(headers, body.subarray(0, at), how)
          expect(statuses().filter((status) => status < 300)).toEqual([])
        }),
      )
      await expectAllFailed()
    }
    await waitFor(() => openConnections() <= open + 64)
  },
  60_000 + aborts * 500,
)

const body = form('b', filePart('a', Buffer.alloc(3 * chunkBytes, 'z')))

test.each([
  ['the request that opens a session', 'drive.upload.open', { hang: 'headers' }],
  ['a chunk', 'drive.upload.chunk', { hang: 'headers' }],
  ['a chunk that Drive stops reading', 'drive.upload.chunk', { stallAfterBytes: 1000 }],
  ['the response to a chunk', 'drive.upload.chunk', { hang: 'response' }],
] as const)(
  'POST /upload aborts %s immediately when the client disconnects while Drive hangs',
  async (_, operation, fault) => {
    driveway.google.faults.add({ operation, ...fault })
    driveway.google.calls.length = 0
    const connection = await openConnection(impatient.origin)
    // More than a chunk, and little enough to be read completely: under backpressure, Node does not
    // detect a disconnect.
    const sent = form('b', filePart('a', Buffer.alloc(1.5 * chunkBytes)))
    connection.socket.write(formRequestHead(driveway, { 'Content-Length': sent.length }))
    connection.socket.write(sent)
    await waitFor(() => driveway.driveCalls().includes(operation))
    connection.socket.resetAndDestroy()
    started++
    await expectAllFailed(impatient)
  },
)

test('POST /upload stores nothing when the client disconnects after the last byte, before the response', async () => {
  const small = form('b', filePart('a', 'small'))
  const requests = [
    ['drive.upload.multipart', small],
    ['drive.upload.chunk', body],
  ] as const
  for (const [operation, sent] of requests) {
    driveway.google.faults.add({
      operation,
      skip: operation.endsWith('chunk') ? 2 : 0,
      hold: 'request',
    })
    driveway.google.calls.length = 0
    const connection = await openConnection(driveway.origin)
    const id = String(++started)
    const headers = { 'Content-Length': sent.length, 'X-Test-Id': id }
    connection.socket.write(formRequestHead(driveway, headers))
    connection.socket.write(sent)
    const calls = operation.endsWith('chunk') ? 3 : 1
    await waitFor(() => driveway.driveCalls().filter((call) => call === operation).length === calls)
    connection.socket.resetAndDestroy()
    await waitFor(() => received.get(id)?.closed)
    driveway.google.faults.release()
    await expectAllFailed()
  }
})

test('POST /upload returns 408 and stores nothing when the client stops sending', async () => {
  const connection = await openConnection(driveway.origin)
  connection.socket.write(formRequestHead(driveway, { 'Content-Length': body.length }))
  connection.socket.write(body.subarray(0, 2 * chunkBytes))
  expect(await connection.waitFor((text) => text.includes('}'))).toMatch(/^HTTP\/1\.1 408 /)
  expect(problemCodeIn(connection.received())).toBe('too_slow')
  connection.socket.destroy()
  await driveway.settled()
})

test('POST /upload returns too_slow when the client sends single bytes', async () => {
  const connection = await openConnection(driveway.origin)
  connection.socket.write(formRequestHead(driveway, { 'Content-Length': body.length }))
  let at = 0
  const interval = setInterval(
    () => connection.socket.write(body.subarray(at, ++at)),
    idleTimeoutMs / 4,
  )
  await connection.waitFor((text) => text.includes('}'))
  clearInterval(interval)
  expect(problemCodeIn(connection.received())).toBe('too_slow')
  connection.socket.destroy()
  expectNothingStored(driveway)
})

test('POST /upload returns 201 when Drive is slower than the idle timeout of the client', async () => {
  driveway.google.faults.add(
    { operation: 'drive.upload.open', latencyMs: 3 * idleTimeoutMs },
    { operation: 'drive.upload.chunk', latencyMs: 3 * idleTimeoutMs, times: 2 },
  )
  const connection = await openConnection(driveway.origin)
  connection.socket.write(formRequestHead(driveway, { 'Content-Length': body.length }))
  connection.socket.write(body)
  expect(await connection.waitFor((text) => text.includes('}'))).toMatch(/^HTTP\/1\.1 201 /)
  connection.socket.destroy()
  expect(driveway.uploaded().map(({ size }) => size)).toEqual([3 * chunkBytes])
})
