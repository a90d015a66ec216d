/**
 * `npm run bench`: Driveway beside its peers, on this machine, in one run. What counts are the
 * ratios; the machine is whatever it is.
 *
 * MIB (256) is the size of the upload, ROUNDS (5) how often each is measured; medians are shown.
 */
import { fork } from 'node:child_process'
import { cpus } from 'node:os'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { measureColdStart } from './cold-start.ts'
import { freePort, startProgram } from './processes.ts'
import { measureThroughput } from './throughput.ts'

const mebibytes = Number(process.env['MIB'] ?? 256)
const rounds = Number(process.env['ROUNDS'] ?? 5)

const port = await freePort()
const publicUrl = `http://127.0.0.1:${port}`
const google = fork('dist/bench/google.mjs', { env: { ...process.env, PUBLIC_URL: publicUrl } })
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

  const model = cpus()[0]?.model ?? 'unknown processor'
  console.log(`Node ${process.version}, ${cpus().length} × ${model}; medians of ${rounds}\n`)
  const programEnv = { ...env, ACCESS_TOKEN: token }
  console.log(`${mebibytes} MiB in one multipart form, no added latency:\n`)
  console.log(await measureThroughput(programEnv, bearer, mebibytes, rounds))
  console.log('\nStarting:\n')
  console.log(await measureColdStart(programEnv, bearer, rounds))
} finally {
  google.kill('SIGKILL')
}
