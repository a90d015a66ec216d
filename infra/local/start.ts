/**
 * `npm start`: runs Driveway locally. Without a `client_id.json` it uses a sandbox Google; with one it
 * uses the real Google, and stores its tokens in `.driveway`. The port accepts HTTP/1.1 and HTTP/2;
 * `npm run start:h2c` (`--h2c`) prints its commands for HTTP/2.
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

const { PORT, CLIENT_ID_FILE, DRIVEWAY_HOME, ALLOWED_ORIGINS, RETURN_URLS } = process.env
let gateway: GatewayProcess | undefined
const stopping = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) gateway?.kill() // the second signal stops immediately
    stopping.abort()
  })
}
// npm runs this through a shell, which exits on a signal without forwarding it.
const { ppid } = process
const watchParent = (): void => {
  if (process.ppid !== ppid) stopping.abort()
}
if (process.env['npm_lifecycle_event'] !== undefined) setInterval(watchParent, 250).unref()

await start(stopping.signal).catch((error: unknown) => {
  // Ctrl-C also stops a starting emulator, which is then no error.
  if (stopping.signal.aborted) return
  console.error(error instanceof CliError ? error.message : error)
  process.exitCode = 1
})

/** Joins the settings that are set with spaces. */
function join(...values: (string | undefined)[]): string {
  return values.filter(Boolean).join(' ')
}

async function start(stop: AbortSignal): Promise<void> {
  const port = readPort(PORT)
  await checkPort(port)
  const origin = `http://localhost:${port}`
  const clientFile = CLIENT_ID_FILE || 'client_id.json'
  const backend = existsSync(clientFile)
    ? await createGoogleBackend(origin, clientFile, DRIVEWAY_HOME || '.driveway')
    : await createSandboxBackend(origin, process.argv.includes('--h2c'))
  const { env } = backend
  const demo = await startDemoServer(port + 1, origin, env['GOOGLE_SANDBOX_URL'] ?? driveOrigin)
  const settings = {
    ...env,
    PORT: String(port),
    ALLOWED_ORIGINS: join(ALLOWED_ORIGINS, demo.origin),
    RETURN_URLS: join(RETURN_URLS, `${demo.origin}/`),
  }
  try {
    let isReady = false
    gateway = await startGatewayProcess(settings, (line) => {
      // The banner's own sign-in is not logged.
      if (isReady || needsAttention(line)) console.log(formatLogLine(line))
    })
    if (!stop.aborted) {
      const banner = await backend.banner(demo.origin)
      await sleep(100) // the last log line of the sign-in is still in the pipe
      console.log(banner)
    }
    isReady = true
    const ended = await Promise.race([gateway.ended, aborted(stop)])
    if (ended !== undefined) throw new CliError(`The gateway exited unexpectedly (${ended})`)
    gateway.stop()
    await gateway.ended
  } finally {
    gateway?.kill()
    demo.close()
    await backend.close()
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined))
  })
}
