/**
 * Firebase Hosting on this machine: what `firebase.json` says is done as Hosting does it. What it
 * says that is not known here ends the start, rather than meaning nothing.
 *
 * @see Firebase Hosting, "Configure Hosting behavior" and "Manage cache behavior"
 */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { compileGlob } from './glob.ts'

export interface HostingConfig {
  /** The folder whose files are served. */
  public: string
  /** What of the folder is not uploaded; only hidden files and firebase.json itself. */
  ignore?: string[]
  rewrites?: Rewrite[]
  headers?: { source: string; headers: { key: string; value: string }[] }[]
}

/** The first one whose `source` matches decides. */
export type Rewrite = { source: string } & (
  | { destination: string }
  | { function: { functionId: string; region?: string } }
  | { run: { serviceId: string; region?: string } }
)

/** Whatever answers below a rewrite: a function or a service, by name. */
export type Upstream = (name: string, req: IncomingMessage, res: ServerResponse) => void

interface File {
  body: Buffer
  headers: Record<string, string>
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webmanifest': 'application/manifest+json',
}

const known = new Set(['public', 'ignore', 'rewrites', 'headers'])

/**
 * @param root where `public` is
 * @throws {Error} when the configuration says something that is not known here
 */
export async function createHosting(
  config: HostingConfig,
  root: string,
  backend: Upstream,
): Promise<(req: IncomingMessage, res: ServerResponse) => void> {
  const strange = Object.keys(config).filter((key) => !known.has(key))
  if (strange.length > 0) throw new Error(`Cannot serve firebase.json: ${strange.join(', ')}`)
  const files = await readFiles(join(root, config.public))
  const rewrites = (config.rewrites ?? []).map((rewrite) => readRewrite(rewrite, files))
  const rules = (config.headers ?? []).map(({ source, headers }) => ({
    matches: compileGlob(source),
    headers: headers.map(({ key, value }) => [key, value] as const),
  }))

  return (req, res) => {
    const path = (req.url ?? '/').split('?', 1)[0] ?? '/'
    const headers = Object.fromEntries(
      rules.filter(({ matches }) => matches(path)).flatMap((rule) => rule.headers),
    )
    // A file that is there wins over every rewrite.
    const file = files.get(path.endsWith('/') ? `${path}index.html` : path)
    const rewrite = file ? undefined : rewrites.find(({ matches }) => matches(path))
    if (rewrite?.backend === undefined) {
      sendFile(req, res, file ?? rewrite?.file, files.get('/404.html'), headers)
      return
    }
    // What the answer does not say itself: nothing that is made for somebody is kept for others.
    const defaults = { 'Cache-Control': 'private', ...headers }
    for (const [key, value] of Object.entries(defaults)) res.setHeader(key, value)
    keepSessionOnly(req)
    backend(rewrite.backend, req, res)
  }
}

interface ReadRewrite {
  matches: (path: string) => boolean
  file?: File
  backend?: string
}

function readRewrite(rewrite: Rewrite, files: Map<string, File>): ReadRewrite {
  const matches = compileGlob(rewrite.source)
  if ('function' in rewrite) return { matches, backend: rewrite.function.functionId }
  if ('run' in rewrite) return { matches, backend: rewrite.run.serviceId }
  const file = files.get(rewrite.destination)
  if (!file) throw new Error(`Cannot serve firebase.json: no file ${rewrite.destination}`)
  return { matches, file }
}

/** Every file below a folder by its path, but hidden ones. */
async function readFiles(folder: string): Promise<Map<string, File>> {
  const files = new Map<string, File>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(folder.length).replaceAll(sep, '/')
    if (!entry.isFile() || path.includes('/.')) continue
    const body = await readFile(join(folder, path))
    const hash = createHash('sha256').update(body).digest('base64url')
    const headers = {
      // What Hosting says of a file that no rule names.
      'Cache-Control': 'max-age=3600',
      'Content-Type': types[extname(path)] ?? 'application/octet-stream',
      'Content-Length': String(body.length),
      ETag: `"${hash}"`,
    }
    files.set(path, { body, headers })
  }
  return files
}

function sendFile(
  req: IncomingMessage,
  res: ServerResponse,
  file: File | undefined,
  missing: File | undefined,
  more: Record<string, string>,
): void {
  req.resume()
  const isRead = req.method === 'GET' || req.method === 'HEAD'
  const found = isRead ? file : undefined
  const { body, headers } = found ??
    missing ?? { body: Buffer.from('Not found\n'), headers: { 'Content-Type': 'text/plain' } }
  const all = { ...headers, ...more }
  if (found && req.headers['if-none-match'] === headers['ETag']) {
    delete all['Content-Length']
    res.writeHead(304, all).end()
    return
  }
  res.writeHead(found ? 200 : 404, all).end(req.method === 'HEAD' ? undefined : body)
}

/** Of all cookies, only `__session` reaches what is behind Hosting. */
function keepSessionOnly({ headers }: IncomingMessage): void {
  const kept = (headers.cookie ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith('__session='))
  if (kept.length > 0) headers.cookie = kept.join('; ')
  else delete headers.cookie
}
