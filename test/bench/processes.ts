/** Starts and stops the measured programs, and reads their CPU time and memory. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { cp, readFile, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Program {
  origin: string
  /** The CPU time since the start, user and system, in seconds. */
  cpuSeconds(): Promise<number>
  /** The peak resident set size, in bytes. */
  peakRss(): Promise<number>
  stop(): Promise<void>
}

/** Finds a free port. The framework needs a number, because it does not report the port that it uses. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The uploaded folder after its build step. */
const deployFolder = 'dist/bench/deployed'

/** Copies `dist/deploy` and runs its build step, like the platform does. */
export async function prepareDeployment(): Promise<void> {
  await rm(deployFolder, { recursive: true, force: true })
  await cp('dist/deploy', deployFolder, { recursive: true })
  const env = { PATH: process.env['PATH'] ?? '', ...deployedEnv }
  // A failure is reported on stderr.
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit']
  spawnSync(process.execPath, ['warm-code-cache.mjs'], { cwd: deployFolder, env, stdio })
}

/** Returns the arguments of Node for one function under the Functions Framework. */
export function framework(target: string, source = deployFolder): string[] {
  const main = 'node_modules/@google-cloud/functions-framework/build/src/main.js'
  return [main, `--target=${target}`, `--source=${source}`]
}

/** The runtime settings of the deployed functions (infra/google/functions.tf), also for the baselines. */
const deployedEnv = {
  NODE_ENV: 'production',
  NODE_OPTIONS: '--max-semi-space-size=1',
  MALLOC_ARENA_MAX: '2',
}

export async function startProgram(
  args: string[],
  env: Record<string, string>,
  port: number,
): Promise<Program> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] ?? '', ...deployedEnv, ...env, PORT: String(port) },
    stdio: ['ignore', process.env['BENCH_LOGS'] ? 'inherit' : 'ignore', 'inherit'],
  })
  const origin = `http://127.0.0.1:${port}`
  try {
    await waitUntilReady(origin, child)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    origin,
    cpuSeconds: async () => {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / clockTicks
    },
    peakRss: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** /proc counts CPU time in hundredths of a second. */
const clockTicks = 100
const startTimeoutMs = 20_000

/** Resolves at the first response of any status. */
export async function waitUntilReady(origin: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  while (performance.now() < deadline && child.exitCode === null) {
    if (await isResponding(origin)) return
    await sleep(2)
  }
  throw new Error('A measured program did not start')
}

function isResponding(origin: string): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request(origin, { agent: false }, (res) => {
      res.resume().once('end', () => resolve(true))
    })
    req.once('error', () => resolve(false))
    req.end()
  })
}
