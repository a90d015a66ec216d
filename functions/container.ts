/**
 * The four functions in one process of their own, for a container: HTTP/1.1 and HTTP/2 without TLS
 * on one port, and so no ceiling on what one request may bring.
 */
import { readPort } from './config/config.ts'
import { createServers } from './http/h2c.ts'
import { createGatewayFromEnvironment } from './app/gateway.ts'

const gateway = createGatewayFromEnvironment()
const { http1, http2 } = createServers(gateway.everything)
gateway.adopt(http1)
gateway.adopt(http2)
http1.listen(readPort(process.env))
