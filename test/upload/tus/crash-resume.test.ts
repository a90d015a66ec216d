/** Instances that are killed in mid-upload, and others that go on (case 92). */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { Upload } from 'tus-js-client'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import type { Run } from '../../kit/process.ts'
import { end, environment, freePorts, run } from '../../kit/process.ts'
import { createRandom, seed } from '../../kit/random.ts'
import type { Random } from '../../kit/random.ts'

const kills = Number(process.env['TUS_KILLS'] ?? 3)
const size = 12 * 1024 * 1024 + 345
const chunkSize = 3 * 1024 * 1024
const bytes = pattern(size)

let google: Google
let ports: number[]
let authorization: string
const running = new Map<number, Run>()

/** An instance of the gateway; all of them have the same public address. */
async function startInstance(port: number): Promise<void> {
  const server = run(process.execPath, ['dist/local/server.mjs'], {
    env: environment({ ...google.env, PORT: String(port) }),
    ipc: true,
  })
  running.set(port, server)
  await new Promise<void>((resolve, reject) => {
    server.child.once('message', () => resolve())
    void server.ended.then((how) => reject(new Error(`Ended (${how}): ${server.output}`)))
  })
}

beforeAll(async () => {
  ports = await freePorts(2)
  const origin = `http://127.0.0.1:${ports[0]}`
  google = await startGoogle({ publicUrl: origin })
  await Promise.all(ports.map(startInstance))
  const cookie = await signIn(origin, google.oauth.users[0]?.email ?? '')
  authorization = `Bearer ${await mintToken(origin, cookie, 'test')}`
})

afterAll(async () => {
  for (const server of running.values()) await end(server)
  await google.close()
})

test(
  `through ${kills} SIGKILLs at any moment each file gets there once, byte by byte (SEED=${seed})`,
  async () => {
    const random = createRandom(seed)
    // Slow enough to be caught in the middle of a chunk.
    google.faults.add({ operation: 'drive.upload.chunk', latency: 10, times: Infinity })
    for (let killed = 0; killed < kills;) killed += await sendThroughKills(random)
  },
  60_000 + kills * 3_000,
)

/** @returns how often an instance was killed on the way */
async function sendThroughKills(random: Random): Promise<number> {
  const name = randomUUID()
  let now: Told = { url: null, offset: 0, isDone: false }
  let killed = 0
  let starting: Promise<void> | undefined
  for (;;) {
    const [port = 0] = ports
    const before = now
    now = await upload(port, name, before, 1 + Math.floor(random() * 3))
    expect(now.offset).toBeGreaterThanOrEqual(before.offset)
    if (now.isDone) break
    killed++
    await starting
    starting = startInstance(port)
    ports.reverse()
  }
  await starting
  const files = google.drive.filesOf(google.oauth.users[0]?.sub ?? '')
  const stored = files.filter((file) => file.name === name)
  expect(stored.map((file) => [file.size, file.sha256])).toEqual([[size, sha256Of(bytes)]])
  return killed
}

interface Told {
  /** The upload's, under the public address. */
  url: string | null
  /** The last one that was told. */
  offset: number
  isDone: boolean
}

/**
 * Goes on at an instance, which is killed once Drive has been sent so many chunks; as a page does
 * that is loaded again, with nothing but the upload's URL.
 */
async function upload(port: number, name: string, before: Told, chunks: number): Promise<Told> {
  const now = { ...before }
  const here = `http://127.0.0.1:${port}`
  const instance = running.get(port)
  google.calls.length = 0
  const watch = setInterval(() => {
    const sent = google.calls.filter((call) => call === 'drive.upload.chunk').length
    if (sent >= chunks && !now.isDone) instance?.child.kill('SIGKILL')
  }, 1)
  now.isDone = await new Promise<boolean>((resolve) => {
    const client = new Upload(bytes, {
      endpoint: `${here}/upload/tus`,
      uploadUrl: before.url === null ? null : here + new URL(before.url).pathname,
      headers: { authorization },
      metadata: { filename: name },
      chunkSize,
      retryDelays: null,
      onAfterResponse(_, res) {
        now.offset = Number(res.getHeader('Upload-Offset') ?? now.offset)
      },
      onUploadUrlAvailable: () => (now.url = client.url),
      onSuccess: () => resolve(true),
      onError: () => resolve(false),
    })
    client.start()
  })
  clearInterval(watch)
  if (!now.isDone) await instance?.ended
  return now
}
