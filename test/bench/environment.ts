/** What every measurement stands on: a sandbox in a process of its own, and somebody signed in. */
import { fork } from 'node:child_process'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { freePort, startProgram } from './processes.ts'

export interface BenchEnvironment {
  /** What programs find the sandbox by; `ACCESS_TOKEN` is for the peers. */
  env: Record<string, string>
  /** A Driveway token. */
  bearer: string
  /** Adds so many milliseconds to each request to Drive. */
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
    // Signing in takes all four functions behind one origin.
    const gateway = await startProgram(['dist/local/server.mjs'], env, port)
    const bearer = await mintToken(publicUrl, await signIn(publicUrl, 'ada@example.com'), 'bench')
    await gateway.stop()
    const faults = `${env['GOOGLE_SANDBOX_URL']}/sandbox/faults`
    return {
      // The sandbox takes more in a minute than Drive does.
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
