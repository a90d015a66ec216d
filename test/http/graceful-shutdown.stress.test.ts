/** Graceful shutdown of the deployed bundle at random moments, repeatedly. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { filePart, form, sendRaw } from '../kit/environment.ts'
import { end, environment, freePort, run } from '../kit/process.ts'
import type { RawConnection, UploadGateway } from '../kit/upload.ts'
import {
  problemCodeIn,
  openConnection,
  formRequestHead,
  startUploadGateway,
  waitFor,
} from '../kit/upload.ts'
import { createRandom, seed } from '../kit/random.ts'
import type { Random } from '../kit/random.ts'

const rounds = Number(process.env['DRAINS'] ?? 3)
/** Time until Cloud Run kills an instance. */
const killMs = 10_000

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

test(
  `each upload gets its response in ${rounds} shutdowns of the deployed bundle, with pauses of up to 1.5 s, and in every fifth the grace period of 8 s (SEED=${seed})`,
  async () => {
    const random = createRandom(seed)
    for (let round = 0; round < rounds; round++) await shutDownOnce(random, round)
  },
  60_000 + rounds * 30_000,
)

async function shutDownOnce(random: Random, round: number): Promise<void> {
  const port = String(await freePort())
  const bundle = run('node_modules/.bin/functions-framework', ['--target=upload'], {
    env: environment({ ...driveway.google.env, PORT: port, NODE_ENV: 'production' }),
  })
  const origin = `http://127.0.0.1:${port}`
  try {
    await waitFor(async () => (await sendRaw(origin, ['GET / HTTP/1.0\r\n\r\n'])) !== '')
    const uploads = await Promise.all(
      Array.from({ length: 1 + Math.floor(random() * 8) }, () => startUpload(origin, random)),
    )
    // In every fifth round one upload stalls, and gets an error after the grace period of eight seconds.
    const stalled = round % 5 === 0 ? [await startUpload(origin, random)] : []
    const delays = uploads.map(() => random() * 1_500)
    await sleep(random() * 50)
    bundle.child.kill('SIGTERM')
    const killTimer = setTimeout(() => bundle.child.kill('SIGKILL'), killMs)
    const finished = uploads.map(async (upload, index) => {
      await sleep(delays[index])
      upload.connection.socket.write(upload.rest)
    })
    expect(await bundle.exited).toBe(0)
    clearTimeout(killTimer)
    await Promise.all(finished)
    for (const upload of uploads) expectStored(upload)
    for (const upload of stalled) expectRejected(upload)
    expect(driveway.uploaded()).toHaveLength(uploads.length)
    expect(driveway.google.drive.openSessions()).toBe(0)
    driveway.resetUploads()
  } finally {
    await end(bundle)
  }
}

interface StartedUpload {
  name: string
  connection: RawConnection
  rest: Buffer
}

/** Starts an upload and stops at a random byte, after the handler has sent 100 Continue. */
async function startUpload(origin: string, random: Random): Promise<StartedUpload> {
  const name = randomUUID()
  const body = form('b', filePart(name, Buffer.alloc(Math.floor(random() * 3_000_000), 'a')))
  const connection = await openConnection(origin)
  connection.socket.write(
    formRequestHead(driveway, { 'Content-Length': body.length, Expect: '100-continue' }),
  )
  await connection.waitFor((received) => received.includes('100 Continue'))
  const cut = Math.floor(random() * body.length)
  connection.socket.write(body.subarray(0, cut))
  return { name, connection, rest: body.subarray(cut) }
}

/** A client that continues gets its response, which closes the connection. */
function expectStored({ name, connection }: StartedUpload): void {
  expect(connection.statuses()).toEqual([201])
  expect(connection.received().toLowerCase()).toContain('connection: close')
  expect(driveway.uploaded().map((file) => file.name)).toContain(name)
}

/** A client that stalls gets 503, and nothing is stored. */
function expectRejected({ name, connection }: StartedUpload): void {
  expect([connection.statuses(), problemCodeIn(connection.received())]).toEqual([
    [503],
    'shutting_down',
  ])
  expect(driveway.uploaded().map((file) => file.name)).not.toContain(name)
}
