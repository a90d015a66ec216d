/** Early refusals of large bodies: the gateway reads on, so that clients that send first see them. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway, DrivewayOptions } from '../kit/environment.ts'
import { openConnection, problemCodeIn, requestHead, waitFor } from '../kit/upload.ts'
import type { RawConnection } from '../kit/upload.ts'

let driveway: Driveway
const gateways: Driveway[] = []
const mebibyte = 1024 * 1024
const block = Buffer.alloc(mebibyte)

beforeAll(async () => {
  driveway = await startDriveway()
})
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close()
})
afterAll(() => driveway.close())

async function startLingering(options: DrivewayOptions): Promise<Driveway> {
  const gateway = await startDriveway({ ...options, sharing: driveway })
  gateways.push(gateway)
  return gateway
}

/** Sends the head of an upload that is refused. */
async function startRefused({ origin }: Driveway, length = 2 ** 32): Promise<RawConnection> {
  const connection = await openConnection(origin)
  connection.socket.removeAllListeners('end') // the client sends on after the server's FIN
  const headers = { 'Content-Length': length, authorization: 'Bearer dw_unknown' }
  connection.socket.write(requestHead(driveway, 'PUT', '/upload/a.bin', headers))
  return connection
}

/** Writes one block after the other. @returns the number of blocks that were written */
async function sendBlocks({ socket }: RawConnection, count: number): Promise<number> {
  let sent = 0
  while (sent < count && !socket.destroyed) {
    await new Promise<void>((resolve) => socket.write(block, () => resolve()))
    if (!socket.destroyed) sent++
  }
  return sent
}

/** Waits until the server has closed the connection: only another write shows that to a client. */
async function waitForReset({ socket }: RawConnection): Promise<void> {
  const probe = (): boolean => {
    if (!socket.destroyed) socket.write('x')
    return socket.destroyed
  }
  await waitFor(probe, { intervalMs: 100 })
}

test.each(['401', '404', '405'])(
  'a client that reads only after its last byte gets a %s for 96 MiB',
  async (status) => {
    const path = { 401: '/upload/a.bin', 404: '/nothing', 405: '/files' }[status] ?? ''
    const connection = await openConnection(driveway.origin)
    connection.socket.pause()
    const headers = { 'Content-Length': 96 * mebibyte, authorization: 'Bearer dw_unknown' }
    connection.socket.write(requestHead(driveway, 'PUT', path, headers))
    expect(await sendBlocks(connection, 96)).toBe(96)
    connection.socket.resume()
    await connection.closed
    expect(connection.received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(problemCodeIn(connection.received())).toBeDefined()
  },
)

test('the server sends FIN behind the response, and still reads', async () => {
  const connection = await startRefused(driveway)
  await once(connection.socket, 'end')
  expect(problemCodeIn(connection.received())).toBe('invalid_token')
  expect(await sendBlocks(connection, 8)).toBe(8)
  connection.socket.destroy()
})

test('the connection is closed when the body stands still', async () => {
  const gateway = await startLingering({ gateway: { linger: { idleMs: 50 } } })
  const connection = await startRefused(gateway)
  await waitForReset(connection)
  expect(problemCodeIn(connection.received())).toBe('invalid_token')
})

test('the connection is closed after LINGER_BYTES', async () => {
  const env = { LINGER_BYTES: String(40 * mebibyte) }
  const connection = await startRefused(await startLingering({ env }))
  expect(await sendBlocks(connection, 96)).toBeLessThan(96)
})

test('the connection is closed after the longest time', async () => {
  const linger = { maxMs: 250, idleMs: 60_000 }
  const connection = await startRefused(await startLingering({ gateway: { linger } }))
  await waitForReset(connection)
})

test('LINGER_CONNECTIONS limits the connections that linger beyond the first bytes', async () => {
  const env = { LINGER_CONNECTIONS: '4' }
  const linger = { freeBytes: mebibyte, idleMs: 60_000 }
  const gateway = await startLingering({ env, gateway: { linger } })
  const connections = await Promise.all(Array.from({ length: 3 }, () => startRefused(gateway)))
  const sent = connections.map((connection) => sendBlocks(connection, 40))
  // One network has a quarter of them.
  await waitFor(() => connections.filter(({ socket }) => socket.destroyed).length === 2)
  const counts = await Promise.all(sent)
  expect(counts.filter((count) => count === 40)).toHaveLength(1)
  for (const { socket } of connections) socket.destroy()
})

test('a request that was too slow is not read on', async () => {
  const linger = { idleMs: 60_000 }
  const gateway = await startLingering({ gateway: { idleTimeoutMs: 60, linger } })
  const connection = await openConnection(gateway.origin)
  const head = requestHead(driveway, 'PUT', '/upload/a.bin', { 'Content-Length': 100 })
  connection.socket.write(`${head}slow`)
  await waitFor(() => connection.received().includes('}'))
  const since = performance.now()
  await connection.closed
  expect(performance.now() - since).toBeLessThan(1_000)
  expect(problemCodeIn(connection.received())).toBe('too_slow')
})

test('stop() ends lingering connections with the grace period', async () => {
  const gateway = await startLingering({ gateway: { graceMs: 50, linger: { idleMs: 60_000 } } })
  const connection = await startRefused(gateway)
  await once(connection.socket, 'end')
  await gateway.gateway.stop()
  await waitForReset(connection)
})
