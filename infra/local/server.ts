/**
 * One origin on loopback for the page and the four functions, as Firebase Hosting is in front of
 * the deployed ones; `firebase.json` says which path goes where, and with what headers.
 */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { createServers } from '../../functions/http/h2c.ts'
import type { Gateway } from '../../functions/wiring.ts'
import { createGatewayFromEnvironment } from '../../functions/wiring.ts'

/** To a function, or to one of the files. */
type Rewrite = { source: string } & ({ function: { functionId: string } } | { destination: string })

interface Hosting {
  public: string
  rewrites: Rewrite[]
  headers: { source: string; headers: { key: string; value: string }[] }[]
}

interface Page {
  body: Buffer
  headers: Record<string, string>
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

async function readPages(hosting: Hosting): Promise<Map<string, Page>> {
  const everywhere = hosting.headers.filter(({ source }) => source === '**')
  const common = Object.fromEntries(
    everywhere.flatMap(({ headers }) => headers.map(({ key, value }) => [key, value] as const)),
  )
  const pages = new Map<string, Page>()
  for (const file of await readdir(hosting.public)) {
    const body = await readFile(join(hosting.public, file))
    const headers = {
      ...common,
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
      'Content-Length': String(body.length),
      ETag: `"${createHash('sha256').update(body).digest('base64url')}"`,
    }
    pages.set(file === 'index.html' ? '/' : `/${file}`, { body, headers })
  }
  return pages
}

function sendPage(req: IncomingMessage, res: ServerResponse, page: Page | undefined): void {
  req.resume()
  if (!page || (req.method !== 'GET' && req.method !== 'HEAD')) {
    res.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n')
    return
  }
  if (req.headers['if-none-match'] === page.headers['ETag']) {
    res.writeHead(304, page.headers).end()
    return
  }
  res.writeHead(200, page.headers).end(req.method === 'HEAD' ? undefined : page.body)
}

/** `/files{,/**}` stands for `/files` and everything below it. */
function readFunctions({ rewrites }: Hosting): { prefix: string; target: keyof Gateway }[] {
  return rewrites
    .filter((rewrite) => 'function' in rewrite)
    .map(({ source, function: { functionId } }) => ({
      prefix: source.replace('{,/**}', ''),
      target: functionId as keyof Gateway,
    }))
}

/** Addresses at which a file stands that has another name, such as the page at `/device`. */
function readAliases({ rewrites }: Hosting): Map<string, string> {
  const toFiles = rewrites.filter((rewrite) => 'destination' in rewrite)
  return new Map(
    toFiles.map(({ source, destination }) => [source, destination.replace(/index\.html$/, '')]),
  )
}

const { hosting } = JSON.parse(await readFile('firebase.json', 'utf8')) as { hosting: Hosting }
const pages = await readPages(hosting)
const functions = readFunctions(hosting)
const aliases = readAliases(hosting)
const gateway = createGatewayFromEnvironment()

const { http1: server, http2 } = createServers((req, res) => {
  const path = (req.url ?? '/').split('?', 1)[0] ?? '/'
  const match = functions.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
  if (match) void gateway[match.target as 'files'](req, res)
  else sendPage(req, res, pages.get(aliases.get(path) ?? path))
})
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
