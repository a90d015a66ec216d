/** `npm start`: the printed commands work, and it stops cleanly. */
import { afterEach, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findEmulator } from '../../../infra/sandbox/firestore/index.ts'
import { end, environment, freePort, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'

const shell = promisify(execFile)
const runs: RunningProgram[] = []
const folders: string[] = []

afterEach(async () => {
  for (const each of runs.splice(0)) await end(each)
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

/** Runs the last command of `npm start`, without the build. */
async function start(
  env: Record<string, string>,
  { command = process.execPath, args = ['dist/local/start.mjs'], group = false } = {},
): Promise<RunningProgram & { temporary: string }> {
  const temporary = await mkdtemp(join(tmpdir(), 'driveway-test-'))
  folders.push(temporary)
  const started = run(command, args, {
    env: environment({
      FIRESTORE: 'embedded',
      CLIENT_ID_FILE: join(temporary, 'no-client.json'),
      TMPDIR: temporary,
      ...env,
    }),
    ownGroup: group,
  })
  runs.push(started)
  return Object.assign(started, { temporary })
}

/** Returns the text after a label of the banner. */
function bannerLine(output: string, label: string): string {
  const line = output.split('\n').find((each) => each.startsWith(`  ${label} `))
  return line?.slice(label.length + 2).trim() ?? ''
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  const isAvailable = await free
  if (isAvailable) await new Promise((resolve) => server.close(resolve))
  return isAvailable
}

test('the commands that npm start prints list, upload a file and upload from a pipe', async () => {
  const port = await freePort()
  const started = await start({ PORT: String(port) })
  const output = await started.waitForOutput(/Press Ctrl-C to stop/)
  expect(bannerLine(output, 'Page')).toBe(`http://localhost:${port}`)
  expect(bannerLine(output, 'Sign in')).toBe('as ada@example.com or ben@example.com')
  expect(output).not.toContain('\u001b')

  const paste = async (label: string): Promise<{ files: { name: string; size: number }[] }> =>
    JSON.parse((await shell('sh', ['-c', bannerLine(output, label)], { cwd: root })).stdout) as {
      files: { name: string; size: number }[]
    }
  const readme = await readFile(join(root, 'README.md'))
  expect(await paste('Upload')).toMatchObject({
    files: [{ name: 'README.md', size: readme.length }],
  })
  expect(await paste('Pipe')).toMatchObject({ files: [{ name: 'now.txt' }] })
  const names = (await paste('List')).files.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['Projects', 'Budget', 'README.md', 'now.txt']))

  const driveContent = await fetch(bannerLine(output, 'Drive').split(' ')[0] ?? '')
  expect(JSON.stringify(await driveContent.json())).toContain('now.txt')
})

test('npm start logs one short line per event, and nothing before the first request', async () => {
  const started = await start({ PORT: String(await freePort()) })
  const banner = await started.waitForOutput(/Press Ctrl-C to stop/)
  expect(banner).not.toMatch(/severity|sign_in|token_created/)
  await shell('sh', ['-c', bannerLine(banner, 'Upload')], { cwd: root })
  await started.waitForOutput(
    /^\d\d:\d\d:\d\d {2}upload {2}method=form {2}fileId=[\w-]+ {2}bytes=\d+$/m,
  )
  const unauthorized = await fetch(`${bannerLine(banner, 'Page')}/files`)
  const { requestId } = (await unauthorized.json()) as { requestId: string }
  await started.waitForOutput(
    new RegExp(
      `request_failed {2}login_required .* {2}function=files {2}request ${requestId}$`,
      'm',
    ),
  )
  expect(started.output).not.toContain('"severity"')
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops all processes, frees the ports and removes temporary files',
  async (signal) => {
    const port = await freePort()
    const started = await start({ PORT: String(port) })
    const output = await started.waitForOutput(/Press Ctrl-C to stop/)
    const sandboxPort = Number(new URL(bannerLine(output, 'Drive').split(' ')[0] ?? '').port)
    expect(await readdir(started.temporary)).toHaveLength(1)
    started.child.kill(signal)
    expect(await started.exited).toBe(0)
    expect([await isFree(port), await isFree(sandboxPort)]).toEqual([true, true])
    expect(await readdir(started.temporary)).toEqual([])
  },
)

test('SIGINT during the start stops npm start', async () => {
  const port = await freePort()
  const started = await start({ PORT: String(port) })
  while ((await readdir(started.temporary)).length === 0) await new Promise(setImmediate)
  started.child.kill('SIGINT')
  expect(await started.exited).toBe(0)
  expect(await isFree(port)).toBe(true)
  expect(await readdir(started.temporary)).toEqual([])
})

const withEmulator = findEmulator() === undefined ? test.skip : test

withEmulator('Ctrl-C also stops Google’s Firestore emulator, without output', async () => {
  const started = await start({ PORT: String(await freePort()), FIRESTORE: '' }, { group: true })
  const output = await started.waitForOutput(/Press Ctrl-C to stop/)
  expect(bannerLine(output, 'Firestore')).toBe('Google’s Firestore emulator')
  const { stdout } = await shell('sh', ['-c', bannerLine(output, 'List')])
  expect(stdout).toContain('hello.txt')
  process.kill(-(started.child.pid ?? 0), 'SIGINT')
  expect(await started.exited).toBe(0)
  expect(started.output).toMatch(/Press Ctrl-C to stop\.\n\n$/)
  expect(await readdir(started.temporary)).toEqual([])
})

test('npm start stops when its parent shell exits', async () => {
  const port = await freePort()
  const started = await start(
    { PORT: String(port), npm_lifecycle_event: 'start' },
    { command: 'sh', args: ['-c', `"${process.execPath}" dist/local/start.mjs; true`] },
  )
  await started.waitForOutput(/Press Ctrl-C to stop/)
  started.child.kill('SIGTERM')
  await started.exited // resolves when all processes have closed their pipes
  expect(await isFree(port)).toBe(true)
  expect(await readdir(started.temporary)).toEqual([])
})

test('SIGKILL of npm start stops the gateway too', async () => {
  const port = await freePort()
  const started = await start({ PORT: String(port) })
  await started.waitForOutput(/Press Ctrl-C to stop/)
  started.child.kill('SIGKILL')
  await started.exited // as above
  expect(await isFree(port)).toBe(true)
})

const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
const loopback = addresses
  .map(({ address }) => address)
  .filter((address) => /^(127\.0\.0\.1|::1)$/.test(address))

test.each(loopback)('npm start prints one line when the port is in use at %s', async (host) => {
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(0, host, () => resolve()))
  const { port } = blocker.address() as AddressInfo
  const started = await start({ PORT: String(port) })
  expect(await started.exited).toBe(1)
  expect(started.output).toBe(`Port ${port} is in use. Choose another one:  PORT=8090 npm start\n`)
  await new Promise((resolve) => blocker.close(resolve))
})

test.each(['0', '65536', '-1', '80a', '8e3', '0x50', '8080.5'])(
  'npm start prints one line for the invalid PORT=%s',
  async (port) => {
    const started = await start({ PORT: port })
    expect(await started.exited).toBe(1)
    expect(started.output).toBe(`Cannot use PORT "${port}": it must be a number from 1 to 65535\n`)
  },
)
