/**
 * Serves the page and the four functions on one loopback origin, like Firebase Hosting does for the
 * deployed ones; `firebase.json` configures the routes and the headers.
 *
 * By default it has no limits, like the functions' own URLs. With `HOSTING=strict` it has the limits of
 * Firebase Hosting, and forwards requests to the functions over a socket.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServers } from '../../functions/http/h2c.ts'
import { createGatewayFromEnvironment } from '../../functions/app/gateway.ts'
import { driveOrigin } from './drive-origin.ts'
import { createProxy } from './hosting-proxy.ts'
import { createHosting } from './hosting.ts'
import type { Upstream, HostingConfig } from './hosting.ts'

// The Content-Security-Policy permits direct uploads to Drive, or to the sandbox's Drive.
const { GOOGLE_SANDBOX_URL: sandbox } = process.env
const drive = sandbox === undefined ? driveOrigin : new URL(sandbox).origin
const text = (await readFile('firebase.json', 'utf8')).replaceAll(driveOrigin, drive)
const { hosting } = JSON.parse(text) as { hosting: HostingConfig }
const gateway = createGatewayFromEnvironment()
const strict = process.env['HOSTING'] === 'strict'
const inProcess: Upstream = (name, req, res) => void gateway[name as 'files'](req, res)
const serve = await createHosting(hosting, '.', strict ? await behindProxy() : inProcess)

const { http1: server, http2 } = createServers(serve, gateway.connectionLimits)
gateway.attach(server)
gateway.attach(http2)
server.on('error', (error: NodeJS.ErrnoException) => {
  process.send?.({ failed: error.code ?? error.message }, () => process.exit(1))
})
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () =>
  process.send?.({ ready: true }),
)
// The parent process has ended, so nothing else would stop this one.
process.on('disconnect', () => process.exit(1))

/** Starts the gateway on a random port, behind the proxy. */
async function behindProxy(): Promise<Upstream> {
  const inner = createServer((req, res) => void gateway.all(req, res))
  gateway.attach(inner)
  await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve))
  const { port } = inner.address() as AddressInfo
  return createProxy(() => `http://127.0.0.1:${port}`)
}
