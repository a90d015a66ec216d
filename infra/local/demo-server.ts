/** Serves the demo page, which embeds `<driveway-upload>`, on another origin and another site. */
import { readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

export interface DemoServer {
  origin: string
  close(): void
}

const folder = 'web/demo'
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

/**
 * @param port the preferred port; another one is used if it is not free
 * @param gateway the origin of the gateway
 * @param drive the origin of direct uploads to Drive
 */
export async function startDemoServer(
  port: number,
  gateway: string,
  drive: string,
): Promise<DemoServer> {
  const files = new Map<string, { type: string; body: string }>()
  for (const name of await readdir(folder)) {
    const body = (await readFile(join(folder, name), 'utf8')).replaceAll('GATEWAY', gateway)
    const type = types[extname(name)] ?? 'application/octet-stream'
    files.set(name === 'index.html' ? '/' : `/${name}`, { type, body })
  }
  // The minimum that the element needs.
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${gateway}/driveway-upload.js ${gateway}/digest.js`,
    'worker-src blob:',
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${gateway} ${drive}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  const server = createServer((req, res) => {
    req.resume()
    const file = files.get((req.url ?? '/').split('?', 1)[0] ?? '/')
    if (!file) {
      res.writeHead(404, { 'content-type': 'text/plain' }).end('Not found\n')
      return
    }
    res.writeHead(200, {
      'content-type': file.type,
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    })
    res.end(req.method === 'HEAD' ? undefined : file.body)
  })
  await listen(server, port <= 65_535 ? port : 0).catch(() => listen(server, 0))
  const { port: actualPort } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${actualPort}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
