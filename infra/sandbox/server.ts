/** A Google on loopback: one HTTP server, the services it is made of, and faults on demand. */
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Faults } from './faults.ts'
import { createFaults } from './faults.ts'
import type { Route, Service } from './service.ts'
import { answerJson } from './service.ts'

export interface Sandbox {
  /** `http://127.0.0.1:port`, no slash at the end. */
  url: string
  faults: Faults
  /** Every operation answered since the start or since it was emptied, oldest first. */
  calls: string[]
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

  const server = createServer((req, res) => {
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
    if (match)
      return { route, params: match.slice(1).map((part) => decodeURIComponent(part ?? '')) }
  }
  return undefined
}

/** Carries out the faults that need nothing of a service; true when the request ends with them. */
async function suffer(
  fault: Fault | undefined,
  req: import('node:http').IncomingMessage,
  res: ServerResponse,
): Promise<boolean> {
  if (!fault) return false
  if (fault.latency) await sleep(fault.latency)
  if (fault.reset) {
    req.socket.resetAndDestroy()
    return true
  }
  if (fault.hang === 'headers') return true
  if (fault.hang === 'answer') res.end = () => res
  if (fault.loseAnswer) {
    res.writeHead = () => res
    res.end = () => {
      req.socket.resetAndDestroy()
      return res
    }
  }
  if (fault.status !== undefined) {
    if (!fault.early) await drain(req)
    res.writeHead(fault.status, fault.headers)
    res.end(fault.bodyBase64 ? Buffer.from(fault.bodyBase64, 'base64') : (fault.body ?? ''))
    return true
  }
  return false
}

async function drain(req: import('node:http').IncomingMessage): Promise<void> {
  for await (const part of req) void part
}
