/** `npm start` as a newcomer runs it: what it prints works when pasted, and it ends cleanly. */
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
import type { Run } from '../../kit/process.ts'

const shell = promisify(execFile)
const runs: Run[] = []
const folders: string[] = []

afterEach(async () => {
  for (const each of runs.splice(0)) await end(each)
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

/** The last command of `npm start`; the build is there already. */
async function start(
  env: Record<string, string>,
  { command = process.execPath, args = ['dist/local/start.mjs'], group = false } = {},
): Promise<Run & { temporary: string }> {
  const temporary = await mkdtemp(join(tmpdir(), 'driveway-test-'))
  folders.push(temporary)
  const started = run(command, args, {
    env: environment({
      FIRESTORE: 'embedded',
      CLIENT_ID_FILE: join(temporary, 'no-client.json'),
      TMPDIR: temporary,
      ...env,
    }),
    group,
  })
  runs.push(started)
  return Object.assign(started, { temporary })
}

/** The line that is printed behind a label. */
function lineOf(output: string, label: string): string {
  const line = output.split('\n').find((each) => each.startsWith(`  ${label} `))
  return line?.slice(label.length + 2).trim() ?? ''
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  const answer = await free
  if (answer) await new Promise((resolve) => server.close(resolve))
  return answer
}

test('the printed lines list, upload and take a pipe when pasted into a shell', async () => {
  const port = await freePort()
  const started = await start({ PORT: String(port) })
  const output = await started.said(/Ctrl-C stops everything/)
  expect(lineOf(output, 'Page')).toBe(`http://localhost:${port}`)
  expect(lineOf(output, 'Sign in')).toBe('as ada@example.com or ben@example.com')
  expect(output).not.toContain('\u001b')

  const paste = async (label: string): Promise<{ files: { name: string; size: number }[] }> =>
    JSON.parse((await shell('sh', ['-c', lineOf(output, label)], { cwd: root })).stdout) as {
      files: { name: string; size: number }[]
    }
  const readme = await readFile(join(root, 'README.md'))
  expect(await paste('Upload')).toMatchObject({
    files: [{ name: 'README.md', size: readme.length }],
  })
  expect(await paste('A pipe')).toMatchObject({ files: [{ name: 'now.txt' }] })
  const names = (await paste('List')).files.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['Projects', 'Budget', 'README.md', 'now.txt']))

  const inside = await fetch(lineOf(output, 'Inside').split(' ')[0] ?? '')
  expect(JSON.stringify(await inside.json())).toContain('now.txt')
})

test('the log is a short line an event, and is silent until somebody does something', async () => {
  const started = await start({ PORT: String(await freePort()) })
  const welcome = await started.said(/Ctrl-C stops everything/)
  expect(welcome).not.toMatch(/severity|signed in|token made/)
  await shell('sh', ['-c', lineOf(welcome, 'Upload')], { cwd: root })
  await started.said(/^\d\d:\d\d:\d\d {2}upload {2}method=form {2}fileId=[\w-]+ {2}bytes=\d+$/m)
  const refused = await fetch(`${lineOf(welcome, 'Page')}/files`)
  const { requestId } = (await refused.json()) as { requestId: string }
  await started.said(new RegExp(`files refused {2}login_required .*request ${requestId}$`, 'm'))
  expect(started.output).not.toContain('"severity"')
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops all of it, and nothing is left',
  async (signal) => {
    const port = await freePort()
    const started = await start({ PORT: String(port) })
    const output = await started.said(/Ctrl-C stops everything/)
    const sandboxPort = Number(new URL(lineOf(output, 'Inside').split(' ')[0] ?? '').port)
    expect(await readdir(started.temporary)).toHaveLength(1)
    started.child.kill(signal)
    expect(await started.ended).toBe(0)
    expect([await isFree(port), await isFree(sandboxPort)]).toEqual([true, true])
    expect(await readdir(started.temporary)).toEqual([])
  },
)

test('told to stop before it has started, it stops as well', async () => {
  const port = await freePort()
  const started = await start({ PORT: String(port) })
  while ((await readdir(started.temporary)).length === 0) await new Promise(setImmediate)
  started.child.kill('SIGINT')
  expect(await started.ended).toBe(0)
  expect(await isFree(port)).toBe(true)
  expect(await readdir(started.temporary)).toEqual([])
})

const withEmulator = findEmulator() === undefined ? test.skip : test

withEmulator('Ctrl-C ends Google’s Firestore emulator with the rest, without a word', async () => {
  const started = await start({ PORT: String(await freePort()), FIRESTORE: '' }, { group: true })
  const output = await started.said(/Ctrl-C stops everything/)
  expect(lineOf(output, 'Store')).toBe('Google’s Firestore emulator')
  const { stdout } = await shell('sh', ['-c', lineOf(output, 'List')])
  expect(stdout).toContain('hello.txt')
  process.kill(-(started.child.pid ?? 0), 'SIGINT')
  expect(await started.ended).toBe(0)
  expect(started.output).toMatch(/Ctrl-C stops everything\.\n\n$/)
  expect(await readdir(started.temporary)).toEqual([])
})

test('npm ends with its shell alone, and the rest notices', async () => {
  const port = await freePort()
  const started = await start(
    { PORT: String(port), npm_lifecycle_event: 'start' },
    { command: 'sh', args: ['-c', `"${process.execPath}" dist/local/start.mjs; true`] },
  )
  await started.said(/Ctrl-C stops everything/)
  started.child.kill('SIGTERM')
  await started.ended // its pipes are closed only when everybody has ended
  expect(await isFree(port)).toBe(true)
  expect(await readdir(started.temporary)).toEqual([])
})

test('killed without a word, it leaves no gateway behind', async () => {
  const port = await freePort()
  const started = await start({ PORT: String(port) })
  await started.said(/Ctrl-C stops everything/)
  started.child.kill('SIGKILL')
  await started.ended // as above
  expect(await isFree(port)).toBe(true)
})

const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
const loopback = addresses
  .map(({ address }) => address)
  .filter((one) => /^(127\.0\.0\.1|::1)$/.test(one))

test.each(loopback)('a port that is taken at %s is one clear line', async (host) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, host, () => resolve()))
  const { port } = taken.address() as AddressInfo
  const started = await start({ PORT: String(port) })
  expect(await started.ended).toBe(1)
  expect(started.output).toBe(
    `Port ${port} is taken: choose another one, as in  PORT=8090 npm start\n`,
  )
  await new Promise((resolve) => taken.close(resolve))
})

test.each(['0', '65536', '-1', '80a', '8e3', '0x50', '8080.5'])(
  'PORT=%s is one clear line',
  async (port) => {
    const started = await start({ PORT: port })
    expect(await started.ended).toBe(1)
    expect(started.output).toBe(`Cannot use PORT "${port}": it must be a number from 1 to 65535\n`)
  },
)
