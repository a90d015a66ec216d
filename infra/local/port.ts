/** The port of the local gateway. */
import { createServer } from 'node:net'
import { CliError } from './cli-error.ts'

/**
 * Parses PORT; 8080 is the default.
 *
 * @throws {CliError} when the value is not a port number
 */
export function readPort(value: string | undefined): number {
  const text = value?.trim() || '8080'
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new CliError(`Cannot use PORT "${value}": it must be a number from 1 to 65535`)
  }
  return port
}

/**
 * Checks that a port is free, before anything else is started. `localhost` has two addresses, and a
 * browser may try the IPv6 one first.
 *
 * @throws {CliError} when the port cannot be used
 */
export async function checkPort(port: number): Promise<void> {
  for (const address of ['127.0.0.1', '::1']) {
    const code = await probe(port, address)
    if (code === 'EADDRINUSE') {
      throw new CliError(`Port ${port} is in use. Choose another one:  PORT=8090 npm start`)
    }
    if (code !== undefined && address === '127.0.0.1') {
      throw new CliError(
        `Cannot listen on port ${port} (${code}). Choose another one:  PORT=8090 npm start`,
      )
    }
  }
}

/** @returns the error code of listen(), or `undefined` when the port is free */
function probe(port: number, address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host: address, ipv6Only: true }, () =>
      server.close(() => resolve(undefined)),
    )
  })
}
