/** The deployed layout: what would be uploaded and nothing else, on a disk that nobody can write to. */
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
import type { Run } from '../../kit/process.ts'
import { until } from '../../kit/wait-for.ts'

const names = ['auth', 'callback', 'files', 'upload'] as const
const source = join(root, 'dist/deploy')
const mebibyte = 1024 * 1024
/** What is set for the functions, and the heap at what 256 MiB leave beside 64. */
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
/** The names of what is uploaded. */
let sent: string[]
let baked: SpawnSyncReturns<string>
let google: Google
let hosting: Server
let origin: string
const runs = new Map<string, Run>()

const read = async <T>(folder: string, name: string): Promise<T> =>
  JSON.parse(await readFile(join(folder, name), 'utf8')) as T

/** What is uploaded: gcloud says it, by the folder's own .gcloudignore; else its lines are read here. */
async function uploaded(): Promise<string[]> {
  if (hasGcloud) {
    const args = ['meta', 'list-files-for-upload', source]
    return execFileSync('gcloud', args, { encoding: 'utf8' }).trim().split('\n').toSorted(byName)
  }
  const ignored = (await readFile(join(source, '.gcloudignore'), 'utf8')).split('\n')
  return (await readdir(source)).filter((name) => !ignored.includes(name)).toSorted(byName)
}

const byName = (one: string, other: string): number => (one < other ? -1 : 1)

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'driveway-deploy-'))
  sent = await uploaded()
  for (const file of sent) await cp(join(source, file), join(app, file))
  // As `npm ci --omit=dev` puts them there: each path of the lockfile, from our own node_modules.
  const { packages } = await read<Lock>(app, 'package-lock.json')
  for (const path of Object.keys(packages).filter((key) => key !== '')) {
    const nested = join(root, path, 'node_modules')
    await cp(join(root, path), join(app, path), {
      recursive: true,
      filter: (from) => from !== nested,
    })
  }
  baked = spawnSync('npm', ['run', 'gcp-build'], {
    cwd: app,
    encoding: 'utf8',
    env: environment({ NODE_OPTIONS: nodeOptions, FUNCTION_TARGET: 'files' }),
    shell: process.platform === 'win32',
  })
  const [front = 0, ...ports] = await freePorts(5)
  origin = `http://localhost:${front}`
  google = await startGoogle({ publicUrl: origin })
  for (const [index, name] of names.entries()) runs.set(name, await start(name, ports[index] ?? 0))
  const { hosting: config } = await read<{ hosting: HostingConfig }>(root, 'firebase.json')
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
 * As the buildpack starts it: the framework, in production.
 * The folder cannot be written to: mounted so, where this system lets us, or else by its mode.
 */
async function start(name: string, port: number): Promise<Run> {
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
  void started.ended.then(() => (ended = true))
  await until(() => {
    if (ended) throw new Error(started.output)
    return fetch(`http://127.0.0.1:${port}`, { redirect: 'manual' }).catch(() => false)
  })
  return started
}

test('it is the bundle, and a package.json that names the framework in one version', async () => {
  const bundle = await readdir(join(root, 'dist/functions'))
  expect(bundle).toContain('index.cjs')
  expect(sent).toEqual(
    [...bundle, 'warm-code-cache.mjs', 'package-lock.json', 'package.json'].toSorted(),
  )
  const { main, dependencies, scripts } = await read<Package>(app, 'package.json')
  const ours = await read<Lock>(root, 'package-lock.json')
  const framework = '@google-cloud/functions-framework'
  expect(main).toBe('index.cjs')
  expect(dependencies).toEqual({ [framework]: ours.packages[`node_modules/${framework}`]?.version })
  expect(scripts).toEqual({ 'gcp-build': 'node warm-code-cache.mjs' })
})

/** What an instance that starts in a folder finds of no use there. */
function refusedIn(cwd: string): string {
  const code = `const { refused } = await import('./index.cjs'); console.log(refused())`
  const env = environment({ NODE_OPTIONS: nodeOptions, ...google.env })
  const args = ['--input-type=module', '--eval', code]
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env }).stdout.trim()
}

test('its build keeps what was compiled, which V8 then takes, and leaves no other trace', async () => {
  expect([baked.status, baked.stderr]).toEqual([0, ''])
  expect(baked.stdout).toContain('Kept what was compiled')
  const now = (await readdir(app)).filter((name) => name !== 'node_modules')
  const kept = now.filter((name) => name.endsWith('.cache'))
  expect(now.filter((name) => !kept.includes(name))).toEqual(
    sent.filter((name) => name !== 'warm-code-cache.mjs'),
  )
  // Those that are read with a first request, and not those that few requests need.
  for (const name of ['functions', 'client-drive', 'client-firestore', 'client-secret-manager']) {
    expect(kept.filter((file) => file.startsWith(name))).toHaveLength(1)
  }
  expect(refusedIn(app)).toBe('[]')
})

test('what was kept by another Node, or is no such thing, is passed over', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-kept-'))
  try {
    await cp(app, folder, { recursive: true })
    await chmod(folder, 0o755)
    await writeFile(join(folder, 'functions.cjs.cache'), 'nothing that V8 knows')
    expect(refusedIn(folder)).toBe("[ 'functions.cjs' ]")
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('its lockfile is whole: every package with its hash, none for development, no other Node', async () => {
  const { packages } = await read<Lock>(app, 'package-lock.json')
  const entries = Object.entries(packages).filter(([path]) => path !== '')
  expect(entries.length).toBeGreaterThan(50)
  for (const [path, { integrity, dev }] of entries) {
    expect([path, dev, integrity?.slice(0, 7)]).toEqual([path, undefined, 'sha512-'])
    // node_modules/.bin comes first in the platform's PATH: such a package would replace its Node.
    expect(path).not.toMatch(/node_modules\/node(-\w+-\w+)?$/)
  }
})

test('npm finds nothing missing and nothing too much', () => {
  const { stdout, status } = spawnSync('npm', ['ls', '--all', '--json', '--omit=dev'], {
    cwd: app,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const { problems } = JSON.parse(stdout) as { problems?: string[] }
  expect([problems ?? [], status]).toEqual([[], 0])
})

test('what is sent for the container has no key and no history in it', async () => {
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

test(`nothing can be written beside it${canUnshare ? '' : ' (by its mode: no unshare here)'}`, async () => {
  const mode = canUnshare ? /ro,/ : /^/
  const pid = runs.get('files')?.child.pid
  const mounts = canUnshare ? await readFile(`/proc/${pid}/mounts`, 'utf8') : ''
  const ours = mounts.split('\n').filter((line) => line.includes(app))
  expect(ours.length).toBe(canUnshare ? 1 : 0)
  for (const line of ours) expect(line).toMatch(mode)
})

/** As a person would on a slow day: told that Google did not answer in time, try again. */
async function signInAtLast(): Promise<string> {
  for (let left = 5; ; left -= 1) {
    const cookie = await signIn(origin, 'ada@example.com').catch((error: unknown) => {
      if (left === 0 || !String(error).includes('auth_unavailable')) throw error
    })
    if (cookie) return cookie
  }
}

test('each of the four answers behind Hosting: a sign-in, a list, an upload, a download', async () => {
  const cookie = await signInAtLast()
  const session = await fetch(`${origin}/auth/session`, { headers: { cookie, origin } })
  expect(await session.json()).toMatchObject({ signedIn: true, email: 'ada@example.com' })
  const authorization = `Bearer ${await mintToken(origin, cookie, 'test')}`
  const bytes = randomBytes(24 * mebibyte)
  const uploading = await fetch(`${origin}/upload/large.bin`, {
    method: 'PUT',
    headers: { authorization },
    body: bytes,
  })
  const { id } = (await uploading.json()) as { id: string }
  expect(uploading.status).toBe(201)
  const listed = await fetch(`${origin}/files`, { headers: { authorization } })
  expect(JSON.stringify(await listed.json())).toContain('large.bin')
  const got = await fetch(`${origin}/files/${id}/content`, { headers: { authorization } })
  expect(bytes.equals(Buffer.from(await got.arrayBuffer()))).toBe(true)
}, 90_000)

const withProc = canMeasure ? test : test.skip
withProc(`none of them needed 256 MiB${canMeasure ? '' : ' (no /proc here)'}`, async () => {
  for (const [name, { child, output }] of runs) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
    const [, peak = ''] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? []
    expect([name, Number(peak) > 0 && Number(peak) < 256 * 1024]).toEqual([name, true])
    expect(output).not.toMatch(/EROFS|"ERROR"|Warning:/)
  }
})
