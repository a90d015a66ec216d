/** `dist/deploy` as it is deployed: only the uploaded files, on a read-only disk. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execFileSync, spawnSync } from 'node:child_process'
import type { SpawnSyncReturns } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { createProxy } from '../../../infra/local/hosting-proxy.ts'
import { createHosting } from '../../../infra/local/hosting.ts'
import type { HostingConfig } from '../../../infra/local/hosting.ts'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { end, environment, freePorts, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { waitFor } from '../../kit/wait-for.ts'
import { signingKeys } from '../../kit/signing-keys.ts'

const names = ['auth', 'callback', 'files', 'upload'] as const
const source = join(root, 'dist/deploy')
const mebibyte = 1024 * 1024
/** The functions' own flags, and a heap limit of 256 MiB less 64 MiB for everything else. */
const nodeOptions = '--max-semi-space-size=1 --max-old-space-size=192'

interface Package {
  main: string
  dependencies: Record<string, string>
  scripts: Record<string, string>
}
interface Lock {
  packages: Record<string, { version: string; dev?: boolean; integrity?: string }>
}

const hasGcloud = spawnSync('gcloud', ['version']).status === 0
const canUnshare = spawnSync('unshare', ['-rm', 'true']).status === 0
const canMeasure = process.platform === 'linux'

let app: string
/** The names of the uploaded files. */
let uploadedFiles: string[]
let warmUp: SpawnSyncReturns<string>
let google: Google
let hosting: Server
let origin: string
const runs = new Map<string, RunningProgram>()

const readJson = async <T>(folder: string, name: string): Promise<T> =>
  JSON.parse(await readFile(join(folder, name), 'utf8')) as T

/** Lists the uploaded files: with gcloud if it is installed, else by the lines of .gcloudignore. */
async function listUploadedFiles(): Promise<string[]> {
  if (hasGcloud) {
    const args = ['meta', 'list-files-for-upload', source]
    return execFileSync('gcloud', args, { encoding: 'utf8' }).trim().split('\n').toSorted(byName)
  }
  const ignored = (await readFile(join(source, '.gcloudignore'), 'utf8')).split('\n')
  return (await readdir(source)).filter((name) => !ignored.includes(name)).toSorted(byName)
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1)

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'driveway-deploy-'))
  uploadedFiles = await listUploadedFiles()
  for (const file of uploadedFiles) await cp(join(source, file), join(app, file))
  // Installs each path of the lockfile like `npm ci --omit=dev`, from the project's node_modules.
  const { packages } = await readJson<Lock>(app, 'package-lock.json')
  for (const path of Object.keys(packages).filter((key) => key !== '')) {
    const nested = join(root, path, 'node_modules')
    await cp(join(root, path), join(app, path), {
      recursive: true,
      filter: (from) => from !== nested,
    })
  }
  warmUp = spawnSync('npm', ['run', 'gcp-build'], {
    cwd: app,
    encoding: 'utf8',
    env: environment({ NODE_OPTIONS: nodeOptions, FUNCTION_TARGET: 'files' }),
    shell: process.platform === 'win32',
  })
  const [front = 0, ...ports] = await freePorts(5)
  origin = `http://localhost:${front}`
  google = await startGoogle({ publicUrl: origin, signingKeys })
  for (const [index, name] of names.entries()) runs.set(name, await start(name, ports[index] ?? 0))
  const { hosting: config } = await readJson<{ hosting: HostingConfig }>(root, 'firebase.json')
  const addresses = new Map(names.map((name, index) => [name as string, ports[index] ?? 0]))
  hosting = createServer(
    await createHosting(
      config,
      root,
      createProxy((name) => `http://127.0.0.1:${addresses.get(name)}`),
    ),
  )
  await new Promise<void>((resolve) => hosting.listen(front, '127.0.0.1', resolve))
}, 120_000)

afterAll(async () => {
  hosting.closeAllConnections()
  await new Promise((resolve) => hosting.close(resolve))
  for (const each of runs.values()) await end(each)
  await google.close()
  await chmod(app, 0o755)
  await rm(app, { recursive: true })
})

/**
 * Starts a function like the buildpack: under the framework, in production mode, in a read-only folder.
 * The folder is a read-only mount if the system permits mounts, else its mode is read-only.
 */
async function start(name: string, port: number): Promise<RunningProgram> {
  const framework = join(app, 'node_modules/.bin/functions-framework')
  const main = join(app, 'node_modules/@google-cloud/functions-framework/build/src/main.js')
  const command = [process.execPath, main, `--target=${name}`, `--port=${port}`]
  const mount = `mount --bind ${app} ${app} && mount -o remount,ro,bind ${app} && cd ${app} && exec "$@"`
  const [program = '', ...args] = canUnshare
    ? ['unshare', '-rm', 'sh', '-c', mount, framework, ...command]
    : command
  if (!canUnshare) await chmod(app, 0o555)
  const started = run(program, args, {
    cwd: app,
    env: environment({
      NODE_ENV: 'production',
      NODE_OPTIONS: nodeOptions,
      MALLOC_ARENA_MAX: '2',
      ...google.env,
    }),
  })
  let ended = false
  void started.exited.then(() => (ended = true))
  await waitFor(() => {
    if (ended) throw new Error(started.output)
    return fetch(`http://127.0.0.1:${port}`, { redirect: 'manual' }).catch(() => false)
  })
  return started
}

test('dist/deploy contains the bundle, and a package.json that pins the framework', async () => {
  const bundle = await readdir(join(root, 'dist/functions'))
  expect(bundle).toContain('index.cjs')
  expect(uploadedFiles).toEqual(
    [...bundle, 'warm-code-cache.mjs', 'package-lock.json', 'package.json'].toSorted(),
  )
  const { main, dependencies, scripts } = await readJson<Package>(app, 'package.json')
  const lockfile = await readJson<Lock>(root, 'package-lock.json')
  const framework = '@google-cloud/functions-framework'
  expect(main).toBe('index.cjs')
  expect(dependencies).toEqual({
    [framework]: lockfile.packages[`node_modules/${framework}`]?.version,
  })
  expect(scripts).toEqual({ 'gcp-build': 'node warm-code-cache.mjs' })
})

/** Returns the names of the scripts whose code cache V8 rejects in a folder, as printed. */
function rejectedCachesIn(cwd: string): string {
  const code = `const { rejectedCaches } = await import('./index.cjs'); console.log(rejectedCaches())`
  const env = environment({ NODE_OPTIONS: nodeOptions, ...google.env })
  const args = ['--input-type=module', '--eval', code]
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env }).stdout.trim()
}

test('gcp-build writes a code cache that V8 accepts, and no other file', async () => {
  expect([warmUp.status, warmUp.stderr]).toEqual([0, ''])
  expect(warmUp.stdout).toContain('The V8 code cache is written')
  const files = (await readdir(app)).filter((name) => name !== 'node_modules')
  const caches = files.filter((name) => name.endsWith('.cache'))
  expect(files.filter((name) => !caches.includes(name))).toEqual(
    uploadedFiles.filter((name) => name !== 'warm-code-cache.mjs'),
  )
  // The scripts that the first requests load: the entry point and the three clients.
  for (const name of ['functions.', 'drive-', 'firestore-', 'secret-manager-']) {
    expect(caches.filter((file) => file.startsWith(name))).toHaveLength(1)
  }
  expect(rejectedCachesIn(app)).toBe('[]')
})

test('the loader ignores a code cache that V8 rejects', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-code-cache-'))
  try {
    await cp(app, folder, { recursive: true })
    await chmod(folder, 0o755)
    await writeFile(join(folder, 'functions.cjs.cache'), 'not a code cache')
    expect(rejectedCachesIn(folder)).toBe("[ 'functions.cjs' ]")
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the lockfile has a hash for every package, no development package and no Node binary', async () => {
  const { packages } = await readJson<Lock>(app, 'package-lock.json')
  const entries = Object.entries(packages).filter(([path]) => path !== '')
  expect(entries.length).toBeGreaterThan(50)
  for (const [path, { integrity, dev }] of entries) {
    expect([path, dev, integrity?.slice(0, 7)]).toEqual([path, undefined, 'sha512-'])
    // node_modules/.bin is first in the platform's PATH, so such a package would replace its Node.
    expect(path).not.toMatch(/node_modules\/node(-\w+-\w+)?$/)
  }
})

test('npm ls finds no missing and no extraneous package', () => {
  const { stdout, status } = spawnSync('npm', ['ls', '--all', '--json', '--omit=dev'], {
    cwd: app,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const { problems } = JSON.parse(stdout) as { problems?: string[] }
  expect([problems ?? [], status]).toEqual([[], 0])
})

test('.gcloudignore permits only the files of the container', async () => {
  const ignored = (await readFile(join(root, '.gcloudignore'), 'utf8')).split('\n')
  expect(ignored.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*')
  if (!hasGcloud) return
  const args = ['meta', 'list-files-for-upload', root]
  const files = execFileSync('gcloud', args, { encoding: 'utf8' }).trim().split('\n')
  expect(files.toSorted(byName)).toEqual([
    'dist/container/container.mjs',
    'infra/container/Dockerfile',
    'infra/container/Dockerfile.dockerignore',
    'infra/container/cloudbuild.yaml',
  ])
})

test(`the deployed folder is read-only${canUnshare ? '' : ' (by its mode: unshare is not available)'}`, async () => {
  const mode = canUnshare ? /ro,/ : /^/
  const pid = runs.get('files')?.child.pid
  const mounts = canUnshare ? await readFile(`/proc/${pid}/mounts`, 'utf8') : ''
  const appMounts = mounts.split('\n').filter((line) => line.includes(app))
  expect(appMounts.length).toBe(canUnshare ? 1 : 0)
  for (const line of appMounts) expect(line).toMatch(mode)
})

/** Signs in; tries again when the gateway reports a timeout of Google. */
async function signInWithRetry(): Promise<string> {
  for (let retries = 5; ; retries -= 1) {
    const cookie = await signIn(origin, 'ada@example.com').catch((error: unknown) => {
      if (retries === 0 || !String(error).includes('auth_unavailable')) throw error
    })
    if (cookie) return cookie
  }
}

test('the four functions behind Hosting sign in, list, upload and download', async () => {
  const cookie = await signInWithRetry()
  const session = await fetch(`${origin}/auth/session`, { headers: { cookie, origin } })
  expect(await session.json()).toMatchObject({ signedIn: true, email: 'ada@example.com' })
  const authorization = `Bearer ${await mintToken(origin, cookie, 'test')}`
  const bytes = randomBytes(24 * mebibyte)
  const uploaded = await fetch(`${origin}/upload/large.bin`, {
    method: 'PUT',
    headers: { authorization },
    body: bytes,
  })
  const { id } = (await uploaded.json()) as { id: string }
  expect(uploaded.status).toBe(201)
  const listed = await fetch(`${origin}/files`, { headers: { authorization } })
  expect(JSON.stringify(await listed.json())).toContain('large.bin')
  const downloaded = await fetch(`${origin}/files/${id}/content`, { headers: { authorization } })
  expect(bytes.equals(Buffer.from(await downloaded.arrayBuffer()))).toBe(true)
}, 90_000)

const withProc = canMeasure ? test : test.skip
withProc(
  `each function uses less than 256 MiB${canMeasure ? '' : ' (/proc is not available)'}`,
  async () => {
    for (const [name, { child, output }] of runs) {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      const [, peak = ''] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? []
      expect([name, Number(peak) > 0 && Number(peak) < 256 * 1024]).toEqual([name, true])
      expect(output).not.toMatch(/EROFS|"ERROR"|Warning:/)
    }
  },
)
