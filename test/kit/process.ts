/** Child processes of tests, and free ports for them. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inspect } from './secret-leaks.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface RunningProgram {
  child: ChildProcess
  /** stdout and stderr so far. */
  readonly output: string
  /** Resolves with the output once it matches. @throws {Error} when the process exits before */
  waitForOutput(pattern: RegExp): Promise<string>
  /** Resolves with the exit code or the signal name. */
  exited: Promise<number | string>
}

export interface RunOptions {
  /** Replaces the environment; `environment()` by default. */
  env?: Record<string, string>
  cwd?: string
  ipc?: boolean
  /** Whether the output is for the user at the terminal and may contain secrets. */
  isInteractive?: boolean
  /** Whether it runs in its own process group, as in a terminal: Ctrl-C reaches the whole group. */
  ownGroup?: boolean
}

/** Starts a program. The caller must `end()` it. */
export function run(command: string, args: string[], options: RunOptions = {}): RunningProgram {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: options.env ?? environment(),
    detached: options.ownGroup ?? false,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
  })
  let output = ''
  let onOutput: (() => void) | undefined
  for (const stream of [child.stdout, child.stderr]) {
    if (stream && !options.isInteractive) {
      createInterface({ input: stream }).on('line', inspectLine)
    }
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      onOutput?.()
    })
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
  return {
    child,
    get output() {
      return output
    },
    waitForOutput(pattern) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (pattern.test(output)) resolve(output)
        }
        onOutput = check
        check()
        void ended.then((code) =>
          reject(new Error(`Exited (${code}) before ${pattern}: ${output}`)),
        )
      })
    },
    exited: ended,
  }
}

/** `npm start` prints indented lines with a token for its user; log lines have none. */
function inspectLine(line: string): void {
  const isForUser = /^ {2}\w/.test(line)
  if (!isForUser) inspect('a program', line)
}

/** Returns the environment that a program needs, without settings of Driveway. */
export function environment(more: Record<string, string> = {}): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot', 'CLOUDSDK_ROOT_DIR'].flatMap(
    (name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]),
  )
  return { ...Object.fromEntries(kept), ...more }
}

/** Kills a program and waits for its exit. */
export async function end({ child, exited: ended }: RunningProgram): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await ended
}

/**
 * Finds different free ports. They are below the ephemeral port range of all systems, so that no
 * connection takes them in the meantime.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

/** Whether a server can listen on the port, on all addresses. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const isListening = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, () => resolve(true))
  })
  if (!(await isListening)) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}
