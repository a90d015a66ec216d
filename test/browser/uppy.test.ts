/** Real Uppy in a real browser, in its normal use: pause, reload, and an instance that is killed. */
import { expect, jest } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { signIn } from '../../infra/local/sign-in.ts'
import type { Google } from '../../infra/sandbox/index.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'
import { pattern, sha256Of } from '../faults/fixture.ts'
import { until } from '../kit/upload.ts'
import type { Run } from '../kit/process.ts'
import { end, environment, freePort, root, run } from '../kit/process.ts'
import { aroundTests, inBrowser, visit } from './fixture.ts'

jest.setTimeout(90_000)

const size = 16 * 1024 * 1024 + 12_345
const bytes = pattern(size)

let google: Google
let origin: string
let port: number
let instance: Run
let folder: string
let script: string
let cookie: { name: string; value: string; url: string }

async function startInstance(): Promise<void> {
  const server = run(process.execPath, ['dist/local/server.mjs'], {
    env: environment({ ...google.env, PORT: String(port) }),
    ipc: true,
  })
  instance = server
  await new Promise<void>((resolve, reject) => {
    server.child.once('message', () => resolve())
    void server.ended.then((how) => reject(new Error(`Ended (${how}): ${server.output}`)))
  })
}

aroundTests(
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'driveway-uppy-'))
    const bundle = join(folder, 'page.js')
    const entry = 'test/browser/uppy-page.ts'
    const options = ['--bundle', '--format=esm', `--outfile=${bundle}`, '--log-level=error']
    await promisify(execFile)('node_modules/.bin/esbuild', [entry, ...options], { cwd: root })
    script = await readFile(bundle, 'utf8')
    port = await freePort()
    origin = `http://localhost:${port}`
    google = await startGoogle({ publicUrl: origin })
    await startInstance()
    const [name = '', value = ''] = (
      await signIn(origin, google.oauth.users[0]?.email ?? '')
    ).split('=')
    cookie = { name, value, url: origin }
    // Slow enough for everything to happen in the middle.
    google.faults.add({ operation: 'drive.upload.chunk', latency: 100, times: Infinity })
  },
  async () => {
    await end(instance)
    await google.close()
    await rm(folder, { recursive: true })
  },
)

/** Bytes of uploads under way that Drive has for good. */
async function stored(): Promise<number> {
  const answer = await fetch(`${google.url}/sandbox/drive`)
  return ((await answer.json()) as { bytesStored: number }).bytesStored
}

/** A page of our own origin, with a file chosen in it. */
async function open(page: Page, query: string, file: string): Promise<void> {
  await page.goto(`${origin}/uppy${query}`)
  await page.locator('input').setInputFiles(file)
}

/** Calls Uppy in the page, and does not wait for what it does. */
async function call(page: Page, method: 'upload' | 'pauseAll' | 'resumeAll'): Promise<void> {
  await page.evaluate((name) => {
    const { uppy } = globalThis as unknown as { uppy: Record<string, () => unknown> }
    void uppy[name]?.()
  }, method)
}

for (const [how, query] of [
  ['in requests of 2 MiB', `?chunk=${2 * 1024 * 1024}`],
  ['in one request, as it does by itself', ''],
] as const) {
  inBrowser(`Uppy ${how}: paused, reloaded, killed, and one file byte by byte`, async () => {
    const name = `uppy${query.length}.bin`
    const file = join(folder, name)
    await writeFile(file, bytes)
    const before = await stored()
    const reaches = (share: number): Promise<void> =>
      until(async () => (await stored()) - before >= size * share)

    const { page, close } = await visit()
    await page.context().addCookies([cookie])
    await page.route('**/uppy*', (route) => {
      const body = `<!doctype html><title>Uppy</title><body><script type="module">${script}</script>`
      return route.fulfill({ contentType: 'text/html', body })
    })
    const methods: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/upload/tus')) methods.push(request.method())
    })

    await open(page, query, file)
    await call(page, 'upload')
    await reaches(0.2)
    await call(page, 'pauseAll')
    await call(page, 'resumeAll')
    await reaches(0.4)

    // A page that is loaded anew knows nothing but what Uppy has kept in the browser.
    await open(page, query, file)
    methods.length = 0
    await call(page, 'upload')
    await until(() => methods.length > 0)
    expect(methods[0]).toBe('HEAD')
    await reaches(0.6)

    instance.child.kill('SIGKILL')
    await instance.ended
    await startInstance()
    const owner = google.oauth.users[0]?.sub ?? ''
    const files = () => google.drive.filesOf(owner).filter((one) => one.name === name)
    await until(() => files().length > 0)
    await page.waitForFunction(
      () => {
        const { uppy } = globalThis as unknown as {
          uppy: { getFiles(): { progress: { uploadComplete?: boolean } }[] }
        }
        return uppy.getFiles().every(({ progress }) => progress.uploadComplete)
      },
      undefined,
      { timeout: 0 },
    )
    expect(methods).not.toContain('POST')
    expect(files().map((one) => [one.size, one.sha256])).toEqual([[size, sha256Of(bytes)]])
    expect(google.drive.openSessions()).toBe(0)
    await close()
  })
}
