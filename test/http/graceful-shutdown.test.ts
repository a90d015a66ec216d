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

/** An upload that stops half-way, once the handler has asked for its body. */
async function sendFirstHalf(origin: string, driveway: UploadGateway): Promise<RawConnection> {
  const line = await openConnection(origin)
  line.socket.write(
    formRequestHead(driveway, { 'Content-Length': body.length, Expect: '100-continue' }),
  )
  await line.waitFor((heard) => heard.includes('100 Continue'))
  line.socket.write(body.subarray(0, body.length / 2))
  return line
}

async function sendSecondHalf(line: RawConnection): Promise<string> {
  line.socket.write(body.subarray(body.length / 2))
  await line.closed
  return line.received()
}

describe('a gateway that is told to stop (case 91)', () => {
  test.each([1, 10])('lets %i uploads finish', async (count) => {
    const driveway = await startUploadGateway({ gateway: { graceMs: 60_000, chunkBytes } })
    try {
      const lines = await Promise.all(
        Array.from({ length: count }, () => sendFirstHalf(driveway.origin, driveway)),
      )
      const idle = await openConnection(driveway.origin)
      const stopped = driveway.gateway.stop()
      const heard = await Promise.all(lines.map(sendSecondHalf))
      for (const one of heard) {
        expect(one).toContain('HTTP/1.1 201 ')
        expect(one.toLowerCase()).toContain('connection: close')
      }
      idle.socket.destroy()
      await stopped
      expect(driveway.uploaded()).toHaveLength(count)
      expect(driveway.google.drive.openSessions()).toBe(0)
    } finally {
      await driveway.close()
    }
  })

  test('tells an upload that stands still', async () => {
    const driveway = await startUploadGateway({ gateway: { graceMs: 100, chunkBytes } })
    try {
      const stuck = await sendFirstHalf(driveway.origin, driveway)
      const stopped = driveway.gateway.stop()
      await stuck.waitFor((text) => text.includes('}'))
      expect(stuck.received()).toContain('HTTP/1.1 503 ')
      expect(stuck.received().toLowerCase()).toContain('retry-after: ')
      expect(problemCodeIn(stuck.received())).toBe('shutting_down')
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

  test('SIGTERM: what can finish does, the rest is told, exit code 0 (case 91)', async () => {
    const lines = await Promise.all(
      Array.from({ length: 10 }, () => sendFirstHalf(origin, driveway)),
    )
    const stuck = await sendFirstHalf(origin, driveway)
    const idle = await openConnection(origin)
    idle.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await idle.waitFor((heard) => heard.includes('}'))
    bundle.child.kill('SIGTERM')
    await idle.closed
    const heard = await Promise.all(lines.map(sendSecondHalf))
    for (const one of heard) expect(one).toContain('HTTP/1.1 201 ')
    await stuck.closed
    expect(stuck.received()).toContain('HTTP/1.1 503 ')
    expect(problemCodeIn(stuck.received())).toBe('shutting_down')
    expect(await bundle.exited).toBe(0)
    expect(driveway.uploaded()).toHaveLength(10)
    expect(driveway.google.drive.openSessions()).toBe(0)
  })
})
