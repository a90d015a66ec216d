/** Google's own Firestore emulator, as installed by the Google Cloud CLI. */
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const jarBelowRoot = join('platform', 'cloud-firestore-emulator', 'cloud-firestore-emulator.jar')
const mainClass = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore'
const startTimeoutMs = 60_000

/** @returns the path of the emulator's jar; `undefined` without the emulator or without Java */
export function findEmulator(): string | undefined {
  if (!findProgram('java')) return undefined
  for (const root of sdkRoots()) {
    const jar = join(root, jarBelowRoot)
    if (existsSync(jar)) return jar
  }
  return undefined
}

/** Possible install folders of the Google Cloud CLI, the cheap ones first: running it takes a second. */
function* sdkRoots(): Generator<string> {
  const configured = process.env['CLOUDSDK_ROOT_DIR']
  if (configured) yield configured
  const gcloud = findProgram('gcloud')
  if (!gcloud) return
  yield dirname(dirname(realpathSync(gcloud)))
  yield join(dirname(dirname(gcloud)), 'lib', 'google-cloud-sdk')
  try {
    const args = ['info', '--format=value(installation.sdk_root)']
    const stdio: StdioOptions = ['ignore', 'pipe', 'ignore']
    yield execFileSync(gcloud, args, { encoding: 'utf8', stdio, timeout: 10_000 }).trim()
  } catch {
    // A CLI that cannot report its own folder has no emulator to start.
  }
}

function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name]
  const paths = folders.flatMap((folder) => names.map((file) => join(folder, file)))
  return paths.find((path) => existsSync(path))
}

export interface Emulator {
  /** `127.0.0.1:port`, for `FIRESTORE_EMULATOR_HOST`. */
  host: string
  stop(): Promise<void>
}

/**
 * Starts the emulator's Java process on loopback, without the CLI, and waits until it responds.
 *
 * @param port 0 selects a free port
 * @throws when it is not installed, the port is taken, it exits, or does not respond for a minute
 */
export async function startEmulator(port = 0): Promise<Emulator> {
  const jar = findEmulator()
  if (!jar)
    throw new Error('Cannot start the Firestore emulator: the emulator or Java is not installed')
  const host = `127.0.0.1:${await freePort(port)}`
  // English, because the emulator parses numbers and dates in the system locale.
  const java = ['-Duser.language=en', '-Xmx512m', '-cp', jar, mainClass]
  const child = spawn('java', [...java, '--host=127.0.0.1', `--port=${host.split(':')[1]}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      output = (output + part.toString()).slice(-4000)
    })
  }
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      output += String(error)
      resolve()
    })
    child.once('exit', () => resolve())
  })
  const stop = async () => {
    process.off('exit', killOnExit)
    await stopChild(child, ended)
  }
  try {
    await waitUntilReady(host, child)
  } catch (cause) {
    await stop()
    throw new Error(`Cannot start the Firestore emulator: ${output.trim()}`, { cause })
  }
  return { host, stop }
}

/** Ends the Java process, which has no child processes. */
async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const timeout = new AbortController()
  const forceKill = sleep(5000, undefined, { signal: timeout.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  )
  await ended
  timeout.abort()
  await forceKill
}

/** Sends a first write, which takes seconds and would time out in a gateway; it changes nothing. */
async function waitUntilReady(host: string, child: ChildProcess): Promise<void> {
  const documents = 'projects/warm-up/databases/(default)/documents'
  const deadline = Date.now() + startTimeoutMs
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) break
    try {
      const response = await fetch(`http://${host}/v1/${documents}:commit`, {
        method: 'POST',
        body: JSON.stringify({ writes: [{ delete: `${documents}/nothing/here` }] }),
        signal: AbortSignal.timeout(10_000),
      })
      await response.arrayBuffer()
      if (response.ok) return
    } catch {
      // Not listening yet.
    }
    await sleep(50)
  }
  throw new Error(`No response from ${host}`)
}

/** Binds the port for a moment, to check that no other process uses it. */
async function freePort(preferred: number): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(preferred, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
