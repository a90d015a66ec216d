/**
 * One origin on loopback for the page and the four functions, as Firebase Hosting is in front of
 * the deployed ones; `firebase.json` says which path goes where, and with what headers.
 */
import { readFile } from 'node:fs/promises'
import { createServers } from '../../functions/http/h2c.ts'
import { createGatewayFromEnvironment } from '../../functions/wiring.ts'
import { createHosting } from './hosting.ts'
import type { HostingConfig } from './hosting.ts'

const { hosting } = JSON.parse(await readFile('firebase.json', 'utf8')) as {
  hosting: HostingConfig
}
const gateway = createGatewayFromEnvironment()
const serve = await createHosting(hosting, '.', (name, req, res) => {
  void gateway[name as 'files'](req, res)
})

const { http1: server, http2 } = createServers(serve)
gateway.adopt(server)
gateway.adopt(http2)
server.on('error', (error: NodeJS.ErrnoException) => {
  process.send?.({ failed: error.code ?? error.message }, () => process.exit(1))
})
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () =>
  process.send?.({ ready: true }),
)
// Without whoever started it nobody would ever end it.
process.on('disconnect', () => process.exit(1))
