/** The sandbox's HTTP server on loopback: routing to services, and fault injection. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Faults } from './faults.ts'
import { createFaults } from './faults.ts'
import { createFaultRoutes } from './fault-routes.ts'
import type { Route, Service } from './router.ts'
import { sendJson } from './router.ts'
import { applyFault } from './apply-fault.ts'

export interface Sandbox {
  /** `http://127.0.0.1:port`, without a trailing slash. */
  url: string
  faults: Faults
  /** Every requested operation since the start, oldest first; tests may empty it. */
  calls: string[]
  /** The number of requests that are neither finished nor aborted by the client. */
  openRequests(): number
  close(): Promise<void>
}

/**
 * Starts the given services behind one loopback port.
 *
 * @param port 0 selects a free port
 * @throws the listen error, such as `EADDRINUSE`
 */
export async function startSandbox(services: Service[], port = 0): Promise<Sandbox> {
  const faults = createFaults()
  const calls: string[] = []
  const routes: Route[] = [
    ...createFaultRoutes(faults),
    ...services.flatMap((service) => service.routes),
  ]
  let origin = ''
  let openRequests = 0

  const server = createServer((req, res) => {
    openRequests++
    res.once('close', () => openRequests--)
    if (!URL.canParse(req.url ?? '/', origin)) {
      res.writeHead(400).end()
      return
    }
    const url = new URL(req.url ?? '/', origin)
    const match = findRoute(routes, req.method ?? '', url.pathname)
    if (!match) {
      req.resume()
      sendJson(res, 404, { error: { code: 404, message: 'Not Found', status: 'NOT_FOUND' } })
      return
    }
    const { route, params } = match
    const respond = async () => {
      const operation = (await route.operationOf?.(req, url)) ?? route.operation
      if (!operation.startsWith('sandbox.')) calls.push(operation)
      const fault = faults.take(operation)
      if (await applyFault(fault, req, res, faults)) return
      await route.handle({ req, res, url, params, origin, fault })
    }
    respond().catch((error: unknown) => {
      if (!res.socket?.destroyed) console.error(`sandbox: ${route.operation}:`, error)
      if (res.headersSent) res.destroy()
      else sendJson(res, 500, { error: { code: 500, message: 'Internal error' } })
    })
  })
  server.requestTimeout = 0
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url: origin,
    faults,
    calls,
    openRequests: () => openRequests,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      for (const service of services) await service.close?.()
    },
  }
}

function findRoute(
  routes: Route[],
  method: string,
  path: string,
): { route: Route; params: string[] } | undefined {
  for (const route of routes) {
    if (route.method !== method) continue
    const match = route.path.exec(path)
    if (match) return { route, params: match.slice(1).map((part) => decodePart(part ?? '')) }
  }
  return undefined
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // an invalid percent sign stands for itself
  }
}
