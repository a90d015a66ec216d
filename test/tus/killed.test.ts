/** Instances that are killed in mid-upload, and others that go on (case 92). */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomInt, randomUUID } from 'node:crypto'
import { Upload } from 'tus-js-client'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import type { Google } from '../../infra/sandbox/google.ts'
import { startGoogle } from '../../infra/sandbox/google.ts'
import { pattern, sha256Of } from '../faults/kit.ts'
import { createRandom } from '../faults/schedule.ts'
import type { Run } from '../local/process.ts'
import { end, environment, freePorts, run } from '../local/process.ts'

const kills = Number(process.env['TUS_KILLS'] ?? 3)
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(2 ** 32))
const size = 12 * 1024 * 1024 + 345
const chunkSize = 3 * 1024 * 1024

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
  await new Promise((resolve) => server.child.once('message', resolve))
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

test(`after ${kills} SIGKILLs at any moment the file is there once, byte by byte (FAULTS_SEED=${seed})`, async () => {
  const random = createRandom(seed)
  const bytes = pattern(size)
  const name = randomUUID()
  let url: string | null = null
  let port = ports[0] ?? 0
  let acknowledged = 0
  for (let kill = 0; kill < kills; kill++) {
    // While it is being sent, so that it is whole only after the last kill.
    const at = Math.floor(((kill + random()) / kills) * size)
    const upload: Told = await part(
      port,
      url,
      at,
      () => void running.get(port)?.child.kill('SIGKILL'),
    )
    await running.get(port)?.ended
    expect(upload.resumedAt).toBeGreaterThanOrEqual(acknowledged)
    acknowledged = upload.acknowledged
    url = upload.url ?? url
    void startInstance(port)
    port = ports.find((other) => other !== port) ?? 0
  }
  const last = await part(port, url, Infinity, () => {})
  expect(last.resumedAt).toBeGreaterThanOrEqual(acknowledged)

  const files = google.drive.filesOf(google.oauth.users[0]?.sub ?? '')
  const stored = files.filter((file) => file.name === name)
  expect(stored.map((file) => [file.size, file.sha256])).toEqual([[size, sha256Of(bytes)]])

  /** Uploads from where it stopped until so many bytes are sent, or to the end. */
  function part(at: number, from: string | null, until: number, stop: () => void): Promise<Told> {
    return new Promise((resolve) => {
      let resumedAt = 0
      let kept = acknowledged
      let stopped = false
      const told = (): Told => ({ url: upload.url, resumedAt, acknowledged: kept })
      const here = `http://127.0.0.1:${at}`
      const upload = new Upload(bytes, {
        endpoint: `${here}/upload/tus`,
        uploadUrl: from === null ? null : here + new URL(from).pathname,
        headers: { authorization },
        metadata: { filename: name },
        chunkSize,
        retryDelays: null,
        onAfterResponse(req, res) {
          if (req.getMethod() === 'HEAD') resumedAt = Number(res.getHeader('Upload-Offset'))
        },
        onProgress(sent) {
          if (stopped || sent < until) return
          stopped = true
          stop()
        },
        onChunkComplete: (_, offset) => (kept = offset),
        onSuccess: () => resolve(told()),
        onError: () => resolve(told()),
      })
      upload.start()
    })
  }
}, 60_000)

interface Told {
  url: string | null
  resumedAt: number
  acknowledged: number
}
