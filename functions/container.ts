/**
 * Container entry point: all four functions on one port for HTTP/1.1 and HTTP/2 without TLS. Over
 * HTTP/2, Cloud Run has no request size limit.
 */
import { readPort } from './config/config.ts'
import { createServers } from './http/h2c.ts'
import { createGatewayFromEnvironment } from './app/gateway.ts'

const gateway = createGatewayFromEnvironment()
const { http1, http2 } = createServers(gateway.all, gateway.connectionLimits)
gateway.attach(http1)
gateway.attach(http2)
http1.listen(readPort(process.env))
