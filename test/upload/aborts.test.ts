import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { filePart, form } from '../kit/environment.ts'
import { recordedForms } from '../kit/multipart-fixtures.ts'
import type { Line, Uploading } from '../kit/upload.ts'
import { codeHeard, dial, expectNothingIn, head, startUploading, until } from '../kit/upload.ts'
import { createDice, seed } from '../kit/random.ts'

const aborts = Number(process.env['ABORTS'] ?? 60)
const idleMs = 200
const chunkBytes = 256 * 1024

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading({ gateway: { idleMs, chunkBytes } })
})

afterAll(async () => {
  unsubscribe('http.server.request.start', see)
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.forget()
  driveway.lines.length = 0
  visits = 0
  seen.clear()
})

type Leave = 'FIN' | 'RST' | 'silence'
type Headers = Record<string, string | number>

/** Visits that were begun, and those whose request the server has seen. */
let visits = 0
const seen = new Set<unknown>()
const see = (message: unknown): void => {
  const { request } = message as { request: IncomingMessage }
  seen.add(request.headers['x-visit'])
}
subscribe('http.server.request.start', see)

/** Begins an upload and leaves, in silence once it is told; resolves when the line is closed. */
async function leaveAfter(headers: Headers, body: Buffer, how: Leave): Promise<Line> {
  const line = await dial(driveway.origin)
  const visit = String(++visits)
  line.socket.write(head(driveway, { ...headers, 'X-Visit': visit }))
  line.socket.write(body)
  await until(() => seen.has(visit))
  if (how === 'FIN') line.socket.end()
  if (how === 'RST') line.socket.resetAndDestroy()
  if (how === 'silence') {
    await line.hears((heard) => heard.includes('}'))
    line.socket.destroy()
  }
  await line.closed
  return line
}

/** Waits until every visit was refused and nothing is left of any. */
async function allRefused(): Promise<void> {
  const refusal = '"message":"upload refused"'
  await until(() => driveway.lines.filter((line) => line.includes(refusal)).length === visits)
  expectNothingIn(driveway)
}

/** Connections that this process has open, at either end. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length
}

test.each<Leave>(['FIN', 'RST'])(
  'a form that is cut at any byte with a %s leaves nothing and is no success (cases 43 and 63)',
  async (leave) => {
    const { boundary, body } = recordedForms[1] ?? { boundary: '', body: Buffer.alloc(0) }
    const type = `multipart/form-data; boundary=${boundary}`
    const framings = [{ 'Content-Length': body.length }, { 'Transfer-Encoding': 'chunked' }]
    const open = connections()
    const cut = async (at: number): Promise<void> => {
      const isChunked = at % 2 === 1
      const headers = { 'Content-Type': type, ...framings[isChunked ? 1 : 0] }
      const size = isChunked ? `${body.length.toString(16)}\r\n` : ''
      const said = Buffer.concat([Buffer.from(size), body.subarray(0, at)])
      const { statuses } = await leaveAfter(headers, said, leave)
      expect([at, statuses().filter((status) => status !== 400)]).toEqual([at, []])
    }
    for (let at = 0; at < body.length; at += 40) {
      const batch = Array.from({ length: Math.min(40, body.length - at) }, (_, next) => at + next)
      await Promise.all(batch.map(cut))
    }
    await allRefused()
    // Some of the connections to Drive stay open for the next upload.
    await until(() => connections() <= open + 64)
  },
)

test(
  `${aborts} uploads that are left at any point leave nothing in Drive (case 63, SEED=${seed})`,
  async () => {
    const random = createDice(seed)
    const files = [
      filePart('small', 'x'),
      filePart('large', Buffer.alloc(6 * chunkBytes + 17, 'y')),
    ]
    const body = form('b', ...files)
    const headers = { 'Content-Length': body.length }
    const leaves: Leave[] = ['FIN', 'RST', 'silence']
    const open = connections()
    for (let left = 0; left < aborts; left += 6) {
      const batch = Array.from(
        { length: 6 },
        () => [random(body.length), leaves[random(3)]] as const,
      )
      await Promise.all(
        batch.map(async ([at, leave = 'FIN']) => {
          const { statuses } = await leaveAfter(headers, body.subarray(0, at), leave)
          expect(statuses().filter((status) => status < 300)).toEqual([])
        }),
      )
      await allRefused()
    }
    await until(() => connections() <= open + 64)
  },
  60_000 + aborts * 500,
)

const body = form('b', filePart('a', Buffer.alloc(3 * chunkBytes, 'z')))

test.each([
  ['opening a session', 'drive.upload.open', { hang: 'headers' }],
  ['a chunk', 'drive.upload.chunk', { hang: 'headers' }],
  ['a chunk that it stopped reading', 'drive.upload.chunk', { stallAfterBytes: 1000 }],
  ['the answer to a chunk', 'drive.upload.chunk', { hang: 'answer' }],
] as const)(
  'a caller that leaves while Drive hangs on %s ends that at once (case 63)',
  async (_, operation, fault) => {
    driveway.google.faults.add({ operation, ...fault })
    driveway.google.calls.length = 0
    const line = await dial(driveway.origin)
    // More than a chunk, and little enough to be read whole: who is not read from is not missed.
    const sent = form('b', filePart('a', Buffer.alloc(1.5 * chunkBytes)))
    line.socket.write(head(driveway, { 'Content-Length': sent.length }))
    line.socket.write(sent)
    await until(() => driveway.driveCalls().includes(operation))
    line.socket.resetAndDestroy()
    visits++
    await allRefused()
  },
)

test('a caller that leaves when all is sent, before it has its answer, leaves nothing (case 63)', async () => {
  const small = form('b', filePart('a', 'small'))
  const at = [
    ['drive.upload.multipart', small],
    ['drive.upload.chunk', body],
  ] as const
  for (const [operation, sent] of at) {
    driveway.google.faults.add({
      operation,
      skip: operation.endsWith('chunk') ? 2 : 0,
      latency: 300,
    })
    driveway.google.calls.length = 0
    const line = await dial(driveway.origin)
    line.socket.write(head(driveway, { 'Content-Length': sent.length }))
    line.socket.write(sent)
    const before = operation.endsWith('chunk') ? 3 : 1
    await until(() => driveway.driveCalls().filter((call) => call === operation).length === before)
    line.socket.resetAndDestroy()
    await sleep(600) // Drive's answer would be here by now
    visits++
    await allRefused()
  }
})

test('a caller that says nothing more is told so, and nothing is left (cases 60 and 63)', async () => {
  const line = await dial(driveway.origin)
  line.socket.write(head(driveway, { 'Content-Length': body.length }))
  line.socket.write(body.subarray(0, 2 * chunkBytes))
  expect(await line.hears((heard) => heard.includes('}'))).toMatch(/^HTTP\/1\.1 408 /)
  expect(codeHeard(line.heard())).toBe('too_slow')
  line.socket.destroy()
  await driveway.settled()
})

test('a caller that sends a byte now and then is no better (case 59)', async () => {
  const line = await dial(driveway.origin)
  line.socket.write(head(driveway, { 'Content-Length': body.length }))
  let at = 0
  const dribble = setInterval(() => line.socket.write(body.subarray(at, ++at)), idleMs / 4)
  await line.hears((heard) => heard.includes('}'))
  clearInterval(dribble)
  expect(codeHeard(line.heard())).toBe('too_slow')
  line.socket.destroy()
  expectNothingIn(driveway)
})

test('an honest caller is not blamed for a slow Drive (case 64)', async () => {
  driveway.google.faults.add(
    { operation: 'drive.upload.open', latency: 3 * idleMs },
    { operation: 'drive.upload.chunk', latency: 3 * idleMs, times: 2 },
  )
  const line = await dial(driveway.origin)
  line.socket.write(head(driveway, { 'Content-Length': body.length }))
  line.socket.write(body)
  expect(await line.hears((heard) => heard.includes('}'))).toMatch(/^HTTP\/1\.1 201 /)
  line.socket.destroy()
  expect(driveway.uploaded().map(({ size }) => size)).toEqual([3 * chunkBytes])
})
