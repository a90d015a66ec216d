/** Programs of this project run as processes of their own, and ports for them. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { overhear } from './secret-leaks.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Run {
  child: ChildProcess
  /** Everything written so far, stdout and stderr. */
  readonly output: string
  /** Resolves with what was written once it matches. @throws when the process ends first */
  said(pattern: RegExp): Promise<string>
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>
}

export interface RunOptions {
  /** Instead of the environment of the tests. */
  env?: Record<string, string>
  cwd?: string
  ipc?: boolean
  /** What it writes is for the person who started it, secrets and all. */
  forAPerson?: boolean
  /** Gives it a group of processes of its own, as a terminal does: Ctrl-C reaches all of them. */
  group?: boolean
}

/** Starts a program; whoever starts it ends it. */
export function run(command: string, args: string[], options: RunOptions = {}): Run {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: options.env ?? environment(),
    detached: options.group ?? false,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
  })
  let output = ''
  let heard: (() => void) | undefined
  for (const stream of [child.stdout, child.stderr]) {
    if (stream && !options.forAPerson) {
      createInterface({ input: stream }).on('line', overhearLine)
    }
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      heard?.()
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
    said(pattern) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(output)) resolve(output)
        }
        heard = look
        look()
        void ended.then((code) => reject(new Error(`Ended (${code}) before ${pattern}: ${output}`)))
      })
    },
    ended,
  }
}

/** `npm start` prints lines with a token in them for its person; a log has none. */
function overhearLine(line: string): void {
  const isForAPerson = /^ {2}\w/.test(line)
  if (!isForAPerson) overhear('a program', line)
}

/** What a program needs of the environment, without the settings of Driveway that may be in it. */
export function environment(more: Record<string, string> = {}): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot', 'CLOUDSDK_ROOT_DIR'].flatMap(
    (name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]),
  )
  return { ...Object.fromEntries(kept), ...more }
}

/** Ends a program and everybody waiting for it. */
export async function end({ child, ended }: Run): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await ended
}

/**
 * Ports that were free a moment ago, no two the same; of those that no system gives to connections,
 * so that none is taken meanwhile by what runs beside.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

/** Whether one can listen there, at every address of this machine. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listens = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, () => resolve(true))
  })
  if (!(await listens)) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}
