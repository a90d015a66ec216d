/** Runs the gateway in a child process, which uses the backend services over HTTP. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { CliError } from './cli-error.ts'

export interface GatewayProcess {
  /** Resolves with the exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>
  /** Graceful shutdown: finishes the requests in flight, then exits. */
  stop(): void
  /** Sends SIGKILL. */
  kill(): void
}

/**
 * Streamed bytes are short-lived: a small young generation, and few malloc arenas, save a third of the
 * memory at no cost. The deployed functions (infra/google/functions.tf) and the container
 * (infra/container/Dockerfile) have the same settings.
 */
const lowMemoryFlags = ['--max-semi-space-size=1']

/**
 * Starts the built server and waits until it listens.
 *
 * @param log receives the gateway's log, line by line
 * @throws {CliError} when it cannot listen
 */
export async function startGatewayProcess(
  env: Record<string, string>,
  log: (line: string) => void,
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [...lowMemoryFlags, 'dist/local/server.mjs'], {
    env: { MALLOC_ARENA_MAX: '2', ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C signals the whole process group. This process is stopped by stop(), once.
    detached: true,
  })
  if (child.stdout) createInterface({ input: child.stdout }).on('line', log)
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'no exit code'))
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  void ended.then(() => process.off('exit', kill))

  await new Promise<void>((resolve, reject) => {
    child.once('message', (message: { ready?: true; failed?: string }) => {
      if (message.ready) resolve()
      else reject(new CliError(`The gateway cannot listen (${message.failed})`))
    })
    void ended.then((exit) =>
      reject(new CliError(`The gateway exited before it was ready (${exit})`)),
    )
  })
  return { ended, stop: () => void child.kill('SIGTERM'), kill }
}
