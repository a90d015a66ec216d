/**
 * `npm start`: Driveway on this machine. Without a `client_id.json` it lives in a sandbox Google;
 * with one it talks to the real Google, and keeps its tokens in `.driveway` between runs. Its port
 * speaks HTTP/1.1 and HTTP/2; `npm run start:h2c` (`--h2c`) prints its lines for the second.
 */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGoogleBackend } from './google-backend.ts'
import { startDemoServer } from './demo-server.ts'
import { driveOrigin } from './drive-origin.ts'
import { startGatewayProcess } from './gateway-process.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { createSandboxBackend } from './sandbox-backend.ts'
import { needsAttention, formatLogLine } from './pretty-log.ts'
import { checkPort, readPort } from './port.ts'
import { CliError } from './cli-error.ts'

const { PORT, CLIENT_ID_FILE, DRIVEWAY_HOME, ALLOWED_ORIGINS } = process.env
let gateway: GatewayProcess | undefined
const stopping = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) gateway?.kill() // asked twice: somebody cannot wait
    stopping.abort()
  })
}
// npm starts us through a shell, which ends when it is told to, and tells nobody.
const { ppid } = process
const watch = (): void => {
  if (process.ppid !== ppid) stopping.abort()
}
if (process.env['npm_lifecycle_event'] !== undefined) setInterval(watch, 250).unref()

await start(stopping.signal).catch((error: unknown) => {
  // Ctrl-C reaches a starting emulator too: that it did not start is then no failure.
  if (stopping.signal.aborted) return
  console.error(error instanceof CliError ? error.message : error)
  process.exitCode = 1
})

async function start(stop: AbortSignal): Promise<void> {
  const port = readPort(PORT)
  await checkPort(port)
  const origin = `http://localhost:${port}`
  const clientFile = CLIENT_ID_FILE || 'client_id.json'
  const surroundings = existsSync(clientFile)
    ? await createGoogleBackend(origin, clientFile, DRIVEWAY_HOME || '.driveway')
    : await createSandboxBackend(origin, process.argv.includes('--h2c'))
  const { env } = surroundings
  const demo = await startDemoServer(port + 1, origin, env['GOOGLE_SANDBOX_URL'] ?? driveOrigin)
  const origins = [ALLOWED_ORIGINS, demo.origin].filter(Boolean).join(' ')
  const settings = { ...env, PORT: String(port), ALLOWED_ORIGINS: origins }
  try {
    let welcomed = false
    gateway = await startGatewayProcess(settings, (line) => {
      // Before the welcome there is nobody but ourselves, signing in for a token.
      if (welcomed || needsAttention(line)) console.log(formatLogLine(line))
    })
    if (!stop.aborted) {
      const welcome = await surroundings.banner(demo.origin)
      await sleep(100) // its last log line is on its way through a pipe
      console.log(welcome)
    }
    welcomed = true
    const ended = await Promise.race([gateway.ended, aborted(stop)])
    if (ended !== undefined) throw new CliError(`The gateway ended by itself (${ended})`)
    gateway.stop()
    await gateway.ended
  } finally {
    gateway?.kill()
    demo.close()
    await surroundings.close()
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined))
  })
}
