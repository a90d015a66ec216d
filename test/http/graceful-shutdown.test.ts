import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { filePart, form, sendRaw } from '../kit/environment.ts'
import { end, environment, freePort, run } from '../kit/process.ts'
import type { RunningProgram } from '../kit/process.ts'
import type { RawConnection, UploadGateway } from '../kit/upload.ts'
import {
  problemCodeIn,
  openConnection,
  formRequestHead,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'

const chunkBytes = 256 * 1024
const body = form('b', filePart('a', Buffer.alloc(3 * chunkBytes, 'a')))

/** Starts an upload and stops half-way, after the handler has sent 100 Continue. */
async function sendFirstHalf(origin: string, driveway: UploadGateway): Promise<RawConnection> {
  const connection = await openConnection(origin)
  connection.socket.write(
    formRequestHead(driveway, { 'Content-Length': body.length, Expect: '100-continue' }),
  )
  await connection.waitFor((received) => received.includes('100 Continue'))
  connection.socket.write(body.subarray(0, body.length / 2))
  return connection
}

async function sendSecondHalf(connection: RawConnection): Promise<string> {
  connection.socket.write(body.subarray(body.length / 2))
  await connection.closed
  return connection.received()
}

describe('Gateway.stop()', () => {
  test.each([1, 10])('waits until %i uploads finish', async (count) => {
    const driveway = await startUploadGateway({ gateway: { graceMs: 60_000, chunkBytes } })
    try {
      const connections = await Promise.all(
        Array.from({ length: count }, () => sendFirstHalf(driveway.origin, driveway)),
      )
      const idle = await openConnection(driveway.origin)
      const stopped = driveway.gateway.stop()
      const responses = await Promise.all(connections.map(sendSecondHalf))
      for (const response of responses) {
        expect(response).toContain('HTTP/1.1 201 ')
        expect(response.toLowerCase()).toContain('connection: close')
      }
      idle.socket.destroy()
      await stopped
      expect(driveway.uploaded()).toHaveLength(count)
      expect(driveway.google.drive.openSessions()).toBe(0)
    } finally {
      await driveway.close()
    }
  })

  test('ends a stalled upload with 503 shutting_down', async () => {
    const gateway = { graceMs: 100, flushMs: 100, linger: { idleMs: 50 }, chunkBytes }
    const driveway = await startUploadGateway({ gateway })
    try {
      const stalled = await sendFirstHalf(driveway.origin, driveway)
      const stopped = driveway.gateway.stop()
      await stalled.waitFor((text) => text.includes('}'))
      expect(stalled.received()).toContain('HTTP/1.1 503 ')
      expect(stalled.received().toLowerCase()).toContain('retry-after: ')
      expect(problemCodeIn(stalled.received())).toBe('shutting_down')
      await stopped
      expect(driveway.uploaded()).toHaveLength(0)
      expect(driveway.google.drive.openSessions()).toBe(0)
    } finally {
      await driveway.close()
    }
  })
})

describe('the deployed bundle under the Functions Framework', () => {
  let driveway: UploadGateway
  let origin: string
  let bundle: RunningProgram

  beforeAll(async () => {
    driveway = await startUploadGateway()
    const port = String(await freePort())
    origin = `http://127.0.0.1:${port}`
    bundle = run('node_modules/.bin/functions-framework', ['--target=upload'], {
      env: environment({ ...driveway.google.env, PORT: port, NODE_ENV: 'production' }),
    })
    await waitFor(async () => (await sendRaw(origin, ['GET / HTTP/1.0\r\n\r\n'])) !== '')
  })

  afterAll(async () => {
    await end(bundle)
    await driveway.close()
  })

  test('finishes active uploads after SIGTERM, ends a stalled one with 503 after its grace period of 8 s, which no setting shortens, and exits with code 0', async () => {
    const connections = await Promise.all(
      Array.from({ length: 10 }, () => sendFirstHalf(origin, driveway)),
    )
    const stalled = await sendFirstHalf(origin, driveway)
    const idle = await openConnection(origin)
    idle.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await idle.waitFor((received) => received.includes('}'))
    bundle.child.kill('SIGTERM')
    await idle.closed
    const responses = await Promise.all(connections.map(sendSecondHalf))
    for (const response of responses) expect(response).toContain('HTTP/1.1 201 ')
    await stalled.closed
    expect(stalled.received()).toContain('HTTP/1.1 503 ')
    expect(problemCodeIn(stalled.received())).toBe('shutting_down')
    expect(await bundle.exited).toBe(0)
    expect(driveway.uploaded()).toHaveLength(10)
    expect(driveway.google.drive.openSessions()).toBe(0)
  })
})
