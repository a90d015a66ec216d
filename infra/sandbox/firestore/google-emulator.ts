/** Google's own Firestore emulator, where the Google Cloud CLI has installed it. */
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const jarBelowRoot = join('platform', 'cloud-firestore-emulator', 'cloud-firestore-emulator.jar')
const mainClass = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore'
const startLimit = 60_000

/** @returns the emulator's jar; `undefined` when it is not installed, or Java is not */
export function findEmulator(): string | undefined {
  if (!findProgram('java')) return undefined
  for (const root of sdkRoots()) {
    const jar = join(root, jarBelowRoot)
    if (existsSync(jar)) return jar
  }
  return undefined
}

/** Where the Google Cloud CLI may be, the cheap guesses first: asking it takes a second. */
function* sdkRoots(): Generator<string> {
  const given = process.env['CLOUDSDK_ROOT_DIR']
  if (given) yield given
  const gcloud = findProgram('gcloud')
  if (!gcloud) return
  yield dirname(dirname(realpathSync(gcloud)))
  yield join(dirname(dirname(gcloud)), 'lib', 'google-cloud-sdk')
  try {
    const asked = ['info', '--format=value(installation.sdk_root)']
    const stdio: StdioOptions = ['ignore', 'pipe', 'ignore']
    yield execFileSync(gcloud, asked, { encoding: 'utf8', stdio, timeout: 10_000 }).trim()
  } catch {
    // A CLI that cannot say where it is has no emulator that could be started.
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
 * Starts the emulator on loopback, without the CLI around it, and waits until it answers.
 *
 * @param port 0 takes any free one
 * @throws when it is not installed, the port is taken, it ends early, or says nothing for a minute
 */
export async function startEmulator(port = 0): Promise<Emulator> {
  const jar = findEmulator()
  if (!jar) throw new Error('Cannot start the Firestore emulator: it or Java is not installed')
  const host = `127.0.0.1:${await freePort(port)}`
  // English, because the emulator reads numbers and dates in the language of the system.
  const java = ['-Duser.language=en', '-Xmx512m', '-cp', jar, mainClass]
  const child = spawn('java', [...java, '--host=127.0.0.1', `--port=${host.split(':')[1]}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      said = (said + part.toString()).slice(-4000)
    })
  }
  const stopWithUs = () => child.kill('SIGKILL')
  process.once('exit', stopWithUs)
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said += String(error)
      resolve()
    })
    child.once('exit', () => resolve())
  })
  const stop = async () => {
    process.off('exit', stopWithUs)
    await stopChild(child, ended)
  }
  try {
    await waitUntilReady(host, child)
  } catch (cause) {
    await stop()
    throw new Error(`Cannot start the Firestore emulator: ${said.trim()}`, { cause })
  }
  return { host, stop }
}

/** Java has no children of its own here, so ending it ends all of it. */
async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const patience = new AbortController()
  const impatient = sleep(5000, undefined, { signal: patience.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  )
  await ended
  patience.abort()
  await impatient
}

/** Its first write takes seconds, more than a gateway waits: so it is made here, and of nothing. */
async function waitUntilReady(host: string, child: ChildProcess): Promise<void> {
  const documents = 'projects/warm-up/databases/(default)/documents'
  const deadline = Date.now() + startLimit
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) break
    try {
      const answer = await fetch(`http://${host}/v1/${documents}:commit`, {
        method: 'POST',
        body: JSON.stringify({ writes: [{ delete: `${documents}/nothing/here` }] }),
        signal: AbortSignal.timeout(10_000),
      })
      await answer.arrayBuffer()
      if (answer.ok) return
    } catch {
      // Not listening yet.
    }
    await sleep(50)
  }
  throw new Error(`Nothing answers at ${host}`)
}

/** Takes the port for a moment: what answers there later is the emulator and nobody else. */
async function freePort(wanted: number): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
