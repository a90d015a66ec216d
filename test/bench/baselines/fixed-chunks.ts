/** Baseline: Driveway with fixed chunks of 8 MiB, as other tools have, instead of adaptive ones. */
import { createServer } from 'node:http'
import { readConfig } from '../../../functions/config/config.ts'
import { createGateway } from '../../../functions/app/gateway.ts'

const gateway = createGateway(readConfig(process.env), { chunkBytes: 8 * 1024 * 1024 })
const server = createServer((req, res) => void gateway.upload(req, res))
gateway.attach(server)
server.listen(Number(process.env['PORT']), '127.0.0.1')
