/** The deployed bundle told to stop at any moment, over and over (case 91). */
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
/** As long as Cloud Run waits before it kills. */
const killMs = 10_000

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway()
})

afterAll(() => driveway.close())

test(
  `through ${rounds} SIGTERMs in mid-upload each upload has its answer (SEED=${seed})`,
  async () => {
    const random = createRandom(seed)
    for (let drained = 0; drained < rounds; drained++) await shutDownOnce(random, drained)
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
    // Each fifth time one of them stands still, and is told so after the eight seconds of grace.
    const stuck = round % 5 === 0 ? [await startUpload(origin, random)] : []
    const waits = uploads.map(() => random() * 1_500)
    await sleep(random() * 50)
    bundle.child.kill('SIGTERM')
    const platform = setTimeout(() => bundle.child.kill('SIGKILL'), killMs)
    const finished = uploads.map(async (upload, at) => {
      await sleep(waits[at])
      upload.line.socket.write(upload.rest)
    })
    expect(await bundle.exited).toBe(0)
    clearTimeout(platform)
    await Promise.all(finished)
    for (const upload of uploads) expectStored(upload)
    for (const upload of stuck) expectRejected(upload)
    expect(driveway.uploaded()).toHaveLength(uploads.length)
    expect(driveway.google.drive.openSessions()).toBe(0)
    driveway.resetUploads()
  } finally {
    await end(bundle)
  }
}

interface StartedUpload {
  name: string
  line: RawConnection
  rest: Buffer
}

/** An upload that stops at some byte, once the handler has asked for its body. */
async function startUpload(origin: string, random: Random): Promise<StartedUpload> {
  const name = randomUUID()
  const body = form('b', filePart(name, Buffer.alloc(Math.floor(random() * 3_000_000), 'a')))
  const line = await openConnection(origin)
  line.socket.write(
    formRequestHead(driveway, { 'Content-Length': body.length, Expect: '100-continue' }),
  )
  await line.waitFor((heard) => heard.includes('100 Continue'))
  const cut = Math.floor(random() * body.length)
  line.socket.write(body.subarray(0, cut))
  return { name, line, rest: body.subarray(cut) }
}

/** Whoever goes on is served to the end, and told that this was the connection's last answer. */
function expectStored({ name, line }: StartedUpload): void {
  expect(line.statuses()).toEqual([201])
  expect(line.received().toLowerCase()).toContain('connection: close')
  expect(driveway.uploaded().map((file) => file.name)).toContain(name)
}

/** Whoever stands still is told to come again, and has nothing in Drive. */
function expectRejected({ name, line }: StartedUpload): void {
  expect([line.statuses(), problemCodeIn(line.received())]).toEqual([[503], 'shutting_down'])
  expect(driveway.uploaded().map((file) => file.name)).not.toContain(name)
}
