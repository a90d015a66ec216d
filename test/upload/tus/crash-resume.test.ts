/** Instances that are killed during an upload, which another instance resumes. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { Upload } from 'tus-js-client'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { end, environment, freePorts, run } from '../../kit/process.ts'
import { createRandom, seed } from '../../kit/random.ts'
import type { Random } from '../../kit/random.ts'
import { signingKeys } from '../../kit/signing-keys.ts'

const kills = Number(process.env['TUS_KILLS'] ?? 3)
const size = 12 * 1024 * 1024 + 345
const chunkSize = 3 * 1024 * 1024
const bytes = pattern(size)

let google: Google
let ports: number[]
let authorization: string
const running = new Map<number, RunningProgram>()

/** Starts an instance of the gateway; all instances have the same public URL. */
async function startInstance(port: number): Promise<void> {
  const server = run(process.execPath, ['dist/local/server.mjs'], {
    env: environment({ ...google.env, PORT: String(port) }),
    ipc: true,
  })
  running.set(port, server)
  await new Promise<void>((resolve, reject) => {
    server.child.once('message', () => resolve())
    void server.exited.then((how) => reject(new Error(`Ended (${how}): ${server.output}`)))
  })
}

beforeAll(async () => {
  ports = await freePorts(2)
  const origin = `http://127.0.0.1:${ports[0]}`
  google = await startGoogle({ publicUrl: origin, signingKeys })
  await Promise.all(ports.map(startInstance))
  const cookie = await signIn(origin, google.oauth.users[0]?.email ?? '')
  authorization = `Bearer ${await mintToken(origin, cookie, 'test')}`
})

afterAll(async () => {
  for (const server of running.values()) await end(server)
  await google.close()
})

test(
  `a tus upload is stored once and unchanged through ${kills} SIGKILLs at random times (SEED=${seed})`,
  async () => {
    const random = createRandom(seed)
    // Slow enough for a SIGKILL in the middle of a chunk.
    google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 10, times: Infinity })
    for (let killed = 0; killed < kills;) killed += await uploadThroughKills(random)
  },
  60_000 + kills * 3_000,
)

/** Uploads a file while instances are killed. @returns the number of kills */
async function uploadThroughKills(random: Random): Promise<number> {
  const name = randomUUID()
  let progress: Progress = { url: null, offset: 0, isComplete: false }
  let killed = 0
  let starting: Promise<void> | undefined
  for (;;) {
    const [port = 0] = ports
    const previous = progress
    progress = await upload(port, name, previous, 1 + Math.floor(random() * 3))
    expect(progress.offset).toBeGreaterThanOrEqual(previous.offset)
    if (progress.isComplete) break
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

interface Progress {
  /** The upload's URL, under the public URL. */
  url: string | null
  /** The last `Upload-Offset` of a response. */
  offset: number
  isComplete: boolean
}

/**
 * Resumes an upload from its URL alone, as after a page reload, at an instance that is killed after
 * this many chunks to Drive.
 */
async function upload(
  port: number,
  name: string,
  previous: Progress,
  chunks: number,
): Promise<Progress> {
  const progress = { ...previous }
  const origin = `http://127.0.0.1:${port}`
  const instance = running.get(port)
  google.calls.length = 0
  const watch = setInterval(() => {
    const sent = google.calls.filter((call) => call === 'drive.upload.chunk').length
    if (sent >= chunks && !progress.isComplete) instance?.child.kill('SIGKILL')
  }, 1)
  progress.isComplete = await new Promise<boolean>((resolve) => {
    const client = new Upload(bytes, {
      endpoint: `${origin}/upload/tus`,
      uploadUrl: previous.url === null ? null : origin + new URL(previous.url).pathname,
      headers: { authorization },
      metadata: { filename: name },
      chunkSize,
      retryDelays: null,
      onAfterResponse(_, res) {
        progress.offset = Number(res.getHeader('Upload-Offset') ?? progress.offset)
      },
      onUploadUrlAvailable: () => (progress.url = client.url),
      onSuccess: () => resolve(true),
      onError: () => resolve(false),
    })
    client.start()
  })
  clearInterval(watch)
  if (!progress.isComplete) await instance?.exited
  return progress
}
