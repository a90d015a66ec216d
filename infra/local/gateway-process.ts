/** The gateway as a process of its own: it meets its surroundings over sockets alone. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { CliError } from './cli-error.ts'

export interface GatewayProcess {
  /** Resolves with the exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>
  /** Lets what is under way end, then ends. */
  stop(): void
  /** Ends at once. */
  kill(): void
}

/**
 * Bytes that stream leave little behind for long, so a small young generation and few arenas cost
 * nothing and save a third of the memory; the README gives the same settings for what is deployed.
 */
const lowMemoryFlags = ['--max-semi-space-size=1']

/**
 * Starts the built server and waits until it answers.
 *
 * @param log takes the gateway's log, line by line
 * @throws {CliError} when it cannot listen
 */
export async function startGatewayProcess(
  env: Record<string, string>,
  log: (line: string) => void,
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [...lowMemoryFlags, 'dist/local/server.mjs'], {
    env: { MALLOC_ARENA_MAX: '2', ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C goes to a whole group of processes: this one is stopped by us, once, in good order.
    detached: true,
  })
  if (child.stdout) createInterface({ input: child.stdout }).on('line', log)
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  void ended.then(() => process.off('exit', kill))

  await new Promise<void>((resolve, reject) => {
    child.once('message', (message: { ready?: true; failed?: string }) => {
      if (message.ready) resolve()
      else reject(new CliError(`The gateway cannot listen (${message.failed})`))
    })
    void ended.then((how) => reject(new CliError(`The gateway ended at once (${how})`)))
  })
  return { ended, stop: () => void child.kill('SIGTERM'), kill }
}
