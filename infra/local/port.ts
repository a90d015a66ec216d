/** The port that everything on this machine is reached at. */
import { createServer } from 'node:net'
import { CliError } from './cli-error.ts'

/** @throws {CliError} when it is no port */
export function readPort(value: string | undefined): number {
  const text = value?.trim() || '8080'
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new CliError(`Cannot use PORT "${value}": it must be a number from 1 to 65535`)
  }
  return port
}

/**
 * Looks whether a port is free: better said before anything else has been started. `localhost` is
 * two addresses, and a browser may try the other one first.
 *
 * @throws {CliError} saying what to do
 */
export async function checkPort(port: number): Promise<void> {
  for (const address of ['127.0.0.1', '::1']) {
    const code = await probe(port, address)
    if (code === 'EADDRINUSE') {
      throw new CliError(`Port ${port} is taken: choose another one, as in  PORT=8090 npm start`)
    }
    if (code !== undefined && address === '127.0.0.1') {
      throw new CliError(`Cannot listen at port ${port} (${code}): choose another one`)
    }
  }
}

/** @returns why nobody can listen there; `undefined` when one can */
function probe(port: number, address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host: address, ipv6Only: true }, () =>
      server.close(() => resolve(undefined)),
    )
  })
}
