/**
 * Emulates Firebase Hosting: serves files, rewrites and headers as `firebase.json` configures them. An
 * unsupported option is an error, so that it is not silently ignored.
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
  /** Files that are not uploaded; only hidden files and firebase.json itself. */
  ignore?: string[]
  rewrites?: Rewrite[]
  headers?: { source: string; headers: { key: string; value: string }[] }[]
}

/** The first rewrite with a matching `source` is used. */
export type Rewrite = { source: string } & (
  | { destination: string }
  | { function: { functionId: string; region?: string } }
  | { run: { serviceId: string; region?: string } }
)

/** The target of a rewrite: a function or a service, by name. */
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

const supportedKeys = new Set(['public', 'ignore', 'rewrites', 'headers'])

/**
 * @param root the folder that contains `public`
 * @throws {Error} when the configuration has an unsupported option or a missing destination
 */
export async function createHosting(
  config: HostingConfig,
  root: string,
  upstream: Upstream,
): Promise<(req: IncomingMessage, res: ServerResponse) => void> {
  const unsupported = Object.keys(config).filter((key) => !supportedKeys.has(key))
  if (unsupported.length > 0) {
    throw new Error(`Cannot serve firebase.json: unsupported ${unsupported.join(', ')}`)
  }
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
    // An existing file takes precedence over every rewrite.
    const file = files.get(path.endsWith('/') ? `${path}index.html` : path)
    const rewrite = file ? undefined : rewrites.find(({ matches }) => matches(path))
    if (rewrite?.upstream === undefined) {
      sendFile(req, res, file ?? rewrite?.file, files.get('/404.html'), headers)
      return
    }
    // Defaults; the function's own headers override them. Personal responses must not be cached.
    const defaults = { 'Cache-Control': 'private', ...headers }
    for (const [key, value] of Object.entries(defaults)) res.setHeader(key, value)
    dropOtherCookies(req)
    upstream(rewrite.upstream, req, res)
  }
}

interface ReadRewrite {
  matches: (path: string) => boolean
  file?: File
  upstream?: string
}

function readRewrite(rewrite: Rewrite, files: Map<string, File>): ReadRewrite {
  const matches = compileGlob(rewrite.source)
  if ('function' in rewrite) return { matches, upstream: rewrite.function.functionId }
  if ('run' in rewrite) return { matches, upstream: rewrite.run.serviceId }
  const file = files.get(rewrite.destination)
  if (!file) throw new Error(`Cannot serve firebase.json: no file ${rewrite.destination}`)
  return { matches, file }
}

/** Reads all files of a folder, except hidden ones, by path. */
async function readFiles(folder: string): Promise<Map<string, File>> {
  const files = new Map<string, File>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(folder.length).replaceAll(sep, '/')
    if (!entry.isFile() || path.includes('/.')) continue
    const body = await readFile(join(folder, path))
    const hash = createHash('sha256').update(body).digest('base64url')
    const headers = {
      // The default of Firebase Hosting.
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
  notFoundPage: File | undefined,
  extraHeaders: Record<string, string>,
): void {
  req.resume()
  const isRead = req.method === 'GET' || req.method === 'HEAD'
  const existing = isRead ? file : undefined
  const { body, headers } = existing ??
    notFoundPage ?? { body: Buffer.from('Not found\n'), headers: { 'Content-Type': 'text/plain' } }
  const all = { ...headers, ...extraHeaders }
  if (existing && req.headers['if-none-match'] === headers['ETag']) {
    delete all['Content-Length']
    res.writeHead(304, all).end()
    return
  }
  res.writeHead(existing ? 200 : 404, all).end(req.method === 'HEAD' ? undefined : body)
}

/** Removes all cookies but `__session`, as Firebase Hosting does. */
function dropOtherCookies({ headers }: IncomingMessage): void {
  const sessionCookies = (headers.cookie ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith('__session='))
  if (sessionCookies.length > 0) headers.cookie = sessionCookies.join('; ')
  else delete headers.cookie
}
