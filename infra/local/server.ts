/**
 * One origin on loopback for the page and the four functions, as Firebase Hosting is in front of
 * the deployed ones; `firebase.json` says which path goes where, and with what headers.
 *
 * It stands for the functions' own addresses as well, where Hosting's limits are not; with
 * `HOSTING=strict` they are here too, and the functions are reached over a socket.
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

// The page may send bytes straight to Drive: to the sandbox's, where there is one.
const { GOOGLE_SANDBOX_URL: sandbox } = process.env
const drive = sandbox === undefined ? driveOrigin : new URL(sandbox).origin
const text = (await readFile('firebase.json', 'utf8')).replaceAll(driveOrigin, drive)
const { hosting } = JSON.parse(text) as { hosting: HostingConfig }
const gateway = createGatewayFromEnvironment()
const strict = process.env['HOSTING'] === 'strict'
const here: Upstream = (name, req, res) => void gateway[name as 'files'](req, res)
const serve = await createHosting(hosting, '.', strict ? await behindProxy() : here)

const { http1: server, http2 } = createServers(serve)
gateway.attach(server)
gateway.attach(http2)
server.on('error', (error: NodeJS.ErrnoException) => {
  process.send?.({ failed: error.code ?? error.message }, () => process.exit(1))
})
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () =>
  process.send?.({ ready: true }),
)
// Without whoever started it nobody would ever end it.
process.on('disconnect', () => process.exit(1))

/** The gateway at an address of its own, where only the proxy knows of it. */
async function behindProxy(): Promise<Upstream> {
  const inner = createServer((req, res) => void gateway.all(req, res))
  gateway.attach(inner)
  await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve))
  const { port } = inner.address() as AddressInfo
  return createProxy(() => `http://127.0.0.1:${port}`)
}
