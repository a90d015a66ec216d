/** Small bodies: one deadline for the whole body, however it is sent. */
import { afterEach, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../../functions/errors.ts'
import { readLimitedBody } from '../../functions/http/limited-body.ts'
import { listen } from '../kit/environment.ts'
import { openConnection, requestHead } from '../kit/upload.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

/** Starts a server that reads a small body within 100 ms. @returns its origin and the results */
async function startServer(): Promise<{ origin: string; results: Promise<string>[] }> {
  const results: Promise<string>[] = []
  const server = createServer((req, res) => {
    const read = readLimitedBody(req, res, 'application/json', { timeoutMs: 100 })
    const result = read.catch((error: unknown) => (error instanceof GatewayError ? error.code : ''))
    results.push(result)
    void result.then(() => res.end())
  })
  servers.push(server)
  return { origin: await listen(server), results }
}

const head = requestHead({ bearer: {} }, 'POST', '/auth/device', {
  'Content-Type': 'application/json',
  'Content-Length': 10_000,
})

test('a body that stands still fails with too_slow at the deadline', async () => {
  const { origin, results } = await startServer()
  const connection = await openConnection(origin)
  connection.socket.write(head)
  await connection.waitFor((received) => received !== '')
  expect(await results[0]).toBe('too_slow')
})

test('a body that arrives byte by byte fails with too_slow at the deadline', async () => {
  const { origin, results } = await startServer()
  const connection = await openConnection(origin)
  connection.socket.write(head)
  const since = performance.now()
  while (connection.received() === '' && !connection.socket.destroyed) {
    connection.socket.write(Buffer.alloc(40, 'x')) // far above the minimum rate
    await sleep(5)
  }
  expect(await results[0]).toBe('too_slow')
  expect(performance.now() - since).toBeLessThan(1_000)
})

test('a body that arrives in time is read', async () => {
  const { origin, results } = await startServer()
  const connection = await openConnection(origin)
  connection.socket.write(head + 'x'.repeat(10_000))
  await connection.waitFor((received) => received !== '')
  expect(await results[0]).toHaveLength(10_000)
})
