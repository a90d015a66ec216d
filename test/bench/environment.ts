/** The environment of all measurements: a sandbox in a child process, and a signed-in user. */
import { fork } from 'node:child_process'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { freePort, startProgram } from './processes.ts'

export interface BenchEnvironment {
  /** The environment variables of the programs; the baselines use `ACCESS_TOKEN`. */
  env: Record<string, string>
  /** A Driveway token. */
  bearer: string
  /** Adds a latency to each request to Drive, in milliseconds. */
  setDriveLatency(ms: number): Promise<void>
  stop(): void
}

export async function startEnvironment(): Promise<BenchEnvironment> {
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const google = fork('dist/bench/sandbox.mjs', { env: { ...process.env, PUBLIC_URL: publicUrl } })
  try {
    const { env, token } = await new Promise<{ env: Record<string, string>; token: string }>(
      (resolve, reject) => {
        google.once('message', resolve)
        google.once('exit', () => reject(new Error('The sandbox did not start')))
      },
    )
    // A sign-in needs all functions on one origin.
    const gateway = await startProgram(['dist/local/server.mjs'], env, port)
    let bearer: string
    try {
      bearer = await mintToken(publicUrl, await signIn(publicUrl, 'ada@example.com'), 'bench')
    } finally {
      await gateway.stop()
    }
    const faults = `${env['GOOGLE_SANDBOX_URL']}/sandbox/faults`
    return {
      // The sandbox accepts a higher request rate than Drive.
      env: { ...env, ACCESS_TOKEN: token, RATE_LIMIT: 'none' },
      bearer,
      async setDriveLatency(latency) {
        await fetch(faults, { method: 'DELETE' })
        if (latency === 0) return
        const fault = { operation: 'drive.*', latency, times: 1e9 }
        await fetch(faults, { method: 'POST', body: JSON.stringify([fault]) })
      },
      stop: () => void google.kill('SIGKILL'),
    }
  } catch (error) {
    google.kill('SIGKILL')
    throw error
  }
}
