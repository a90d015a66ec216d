/** Uppy in a browser: pause, reload, and a killed instance. */
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
import { waitFor } from '../kit/upload.ts'
import type { RunningProgram } from '../kit/process.ts'
import { end, environment, freePort, root, run } from '../kit/process.ts'
import { signingKeys } from '../kit/signing-keys.ts'
import { setUpTests, browserTest, openTab } from './fixture.ts'

jest.setTimeout(90_000)

const size = 16 * 1024 * 1024 + 12_345
const bytes = pattern(size)

let google: Google
let origin: string
let port: number
let instance: RunningProgram
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
    void server.exited.then((code) =>
      reject(new Error(`The server exited (${code}): ${server.output}`)),
    )
  })
}

setUpTests(
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'driveway-uppy-'))
    const bundle = join(folder, 'page.js')
    const entry = 'test/browser/uppy-page.ts'
    const options = ['--bundle', '--format=esm', `--outfile=${bundle}`, '--log-level=error']
    await promisify(execFile)('node_modules/.bin/esbuild', [entry, ...options], { cwd: root })
    script = await readFile(bundle, 'utf8')
    port = await freePort()
    origin = `http://localhost:${port}`
    google = await startGoogle({ publicUrl: origin, signingKeys })
    await startInstance()
    const [name = '', value = ''] = (
      await signIn(origin, google.oauth.users[0]?.email ?? '')
    ).split('=')
    cookie = { name, value, url: origin }
    // Slows Drive down, so that the interruptions happen during the upload.
    google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 100, times: Infinity })
  },
  async () => {
    await end(instance)
    await google.close()
    await rm(folder, { recursive: true })
  },
)

/** Bytes of unfinished uploads that Drive has stored. */
async function storedBytes(): Promise<number> {
  const response = await fetch(`${google.url}/sandbox/drive`)
  return ((await response.json()) as { bytesStored: number }).bytesStored
}

/** Opens a page of the gateway's origin and selects a file in it. */
async function open(page: Page, query: string, file: string): Promise<void> {
  await page.goto(`${origin}/uppy${query}`)
  await page.locator('input').setInputFiles(file)
}

/** Calls a method of Uppy in the page without waiting for its result. */
async function callUppy(page: Page, method: 'upload' | 'pauseAll' | 'resumeAll'): Promise<void> {
  await page.evaluate((name) => {
    const { uppy } = globalThis as unknown as { uppy: Record<string, () => unknown> }
    void uppy[name]?.()
  }, method)
}

for (const [description, query] of [
  ['in requests of 2 MiB', `?chunk=${2 * 1024 * 1024}`],
  ['in one request (the default)', ''],
] as const) {
  browserTest(
    `Uppy uploads a file ${description} across a pause, a reload and a killed instance`,
    async () => {
      const name = `uppy${query.length}.bin`
      const file = join(folder, name)
      await writeFile(file, bytes)
      const initialBytes = await storedBytes()
      const waitForShare = (share: number): Promise<void> =>
        waitFor(async () => (await storedBytes()) - initialBytes >= size * share)

      const { page, close } = await openTab()
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
      await callUppy(page, 'upload')
      await waitForShare(0.2)
      await callUppy(page, 'pauseAll')
      await callUppy(page, 'resumeAll')
      await waitForShare(0.4)

      // A reloaded page has only the state that Uppy stored in the browser.
      await open(page, query, file)
      methods.length = 0
      await callUppy(page, 'upload')
      await waitFor(() => methods.length > 0)
      expect(methods[0]).toBe('HEAD')
      await waitForShare(0.6)

      instance.child.kill('SIGKILL')
      await instance.exited
      await startInstance()
      const owner = google.oauth.users[0]?.sub ?? ''
      const files = () => google.drive.filesOf(owner).filter((stored) => stored.name === name)
      await waitFor(() => files().length > 0)
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
      expect(files().map((stored) => [stored.size, stored.sha256])).toEqual([
        [size, sha256Of(bytes)],
      ])
      expect(google.drive.openSessions()).toBe(0)
      await close()
    },
  )
}
