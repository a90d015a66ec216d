/** A Google on loopback: one HTTP server, the services it is made of, and faults on demand. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Faults } from './faults.ts'
import { createFaults } from './faults.ts'
import type { Route, Service } from './router.ts'
import { answerJson } from './router.ts'
import { suffer } from './apply-fault.ts'

export interface Sandbox {
  /** `http://127.0.0.1:port`, no slash at the end. */
  url: string
  faults: Faults
  /** Every operation answered since the start or since it was emptied, oldest first. */
  calls: string[]
  /** Requests that are neither answered to their end nor given up by whoever asked. */
  openRequests(): number
  close(): Promise<void>
}

/**
 * Starts the given services behind one loopback port.
 *
 * @param port 0 takes any free one
 * @throws the listen error, such as `EADDRINUSE`
 */
export async function startSandbox(services: Service[], port = 0): Promise<Sandbox> {
  const faults = createFaults()
  const calls: string[] = []
  const routes: Route[] = [faults, ...services].flatMap((service) => service.routes)
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
    const found = findRoute(routes, req.method ?? '', url.pathname)
    if (!found) {
      req.resume()
      answerJson(res, 404, { error: { code: 404, message: 'Not Found', status: 'NOT_FOUND' } })
      return
    }
    const { route, params } = found
    const answer = async () => {
      const operation = (await route.operationOf?.(req, url)) ?? route.operation
      if (!operation.startsWith('sandbox.')) calls.push(operation)
      const fault = faults.take(operation)
      if (await suffer(fault, req, res)) return
      await route.handle({ req, res, url, params, origin, fault })
    }
    answer().catch((error: unknown) => {
      if (!res.socket?.destroyed) console.error(`sandbox: ${route.operation}:`, error)
      if (res.headersSent) res.destroy()
      else answerJson(res, 500, { error: { code: 500, message: 'Internal error' } })
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
    if (match) return { route, params: match.slice(1).map((part) => decoded(part ?? '')) }
  }
  return undefined
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // a stray percent sign stands for itself
  }
}
