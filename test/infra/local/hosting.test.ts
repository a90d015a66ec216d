/** The emulation of Firebase Hosting and its proxy, in front of a function that echoes requests. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy } from '../../../infra/local/hosting-proxy.ts'
import { createHosting } from '../../../infra/local/hosting.ts'
import type { HostingConfig } from '../../../infra/local/hosting.ts'
import { send } from '../../kit/environment.ts'
import { waitFor } from '../../kit/wait-for.ts'

const limit = 1024 * 1024
const config: HostingConfig = {
  public: 'site',
  rewrites: [
    { source: '/fn/first{,/**}', run: { serviceId: 'first' } },
    { source: '/fn{,/**}', function: { functionId: 'second' } },
    { source: '/view/**', destination: '/index.html' },
    { source: '/slow', function: { functionId: 'slow' } },
    { source: '/down', function: { functionId: 'down' } },
    { source: '/style.css', function: { functionId: 'second' } },
  ],
  headers: [
    { source: '**', headers: [{ key: 'X-Everywhere', value: 'hosting' }] },
    { source: '**/*.css', headers: [{ key: 'Cache-Control', value: 'no-cache' }] },
    { source: '/fn/**', headers: [{ key: 'X-Own', value: 'hosting' }] },
  ],
}

let folder: string
let hostingServer: Server
let functionServer: Server
let origin: string
let functionOrigin: string
/** How many requests to `/slow` were closed by the proxy. */
let closedRequests = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driveway-hosting-'))
  await mkdir(join(folder, 'site/deep'), { recursive: true })
  for (const [name, text] of [
    ['index.html', 'the page'],
    ['404.html', 'not here'],
    ['style.css', 'a{}'],
    ['deep/index.html', 'deep'],
    ['.hidden', 'secret'],
  ] as const) {
    await writeFile(join(folder, 'site', name), text)
  }
  functionServer = createServer((req, res) => {
    echo(req, res).catch(() => res.destroy()) // an aborted body
  })
  functionOrigin = await listen(functionServer)
  const originOf = (name: string): string =>
    name === 'down' ? 'http://127.0.0.1:1' : `${functionOrigin}/`
  const options = { responseTimeoutMs: 300, maxRequestBytes: limit }
  const serve = await createHosting(config, folder, (name, req, res) => {
    req.headers['x-name'] = name
    createProxy(originOf, name === 'slow' ? options : { ...options, responseTimeoutMs: 10_000 })(
      name,
      req,
      res,
    )
  })
  hostingServer = createServer(serve)
  origin = await listen(hostingServer)
})

afterAll(async () => {
  for (const server of [hostingServer, functionServer]) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await rm(folder, { recursive: true })
})

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Responds with the name and the details of the request; response headers come from the query. */
async function echo(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://x')
  if (pathname === '/slow') return void res.once('close', () => (closedRequests += 1))
  let bytes = 0
  for await (const chunk of req) bytes += (chunk as Buffer).length
  const { 'x-name': name, cookie, 'x-forwarded-host': host } = req.headers
  for (const [key, value] of searchParams) res.setHeader(key, value)
  res.writeHead(200, { 'Content-Type': 'application/json' })
  res.write(JSON.stringify({ name, path: pathname, cookie, host, bytes }).slice(0, 10))
  res.end(JSON.stringify({ name, path: pathname, cookie, host, bytes }).slice(10))
}

test('Hosting uses the first matching rewrite and does not change the path', async () => {
  const echoOf = async (path: string): Promise<unknown> =>
    JSON.parse((await send(origin, path)).body)
  expect(await echoOf('/fn/first/a%20b?x=y')).toMatchObject({
    name: 'first',
    path: '/fn/first/a%20b',
    host: new URL(origin).host,
  })
  expect(await echoOf('/fn/firstborn')).toMatchObject({ name: 'second' })
})

test('Hosting serves an existing file before a rewrite, and a destination without a redirect', async () => {
  expect((await send(origin, '/style.css')).body).toBe('a{}')
  expect((await send(origin, '/view/of/something')).body).toBe('the page')
  expect((await send(origin, '/deep/')).body).toBe('deep')
})

test('Hosting serves 404.html for unknown paths and hidden files', async () => {
  for (const path of ['/nothing', '/.hidden', '/deep']) {
    const { status, body } = await send(origin, path)
    expect([path, status, body]).toEqual([path, 404, 'not here'])
  }
})

test('Hosting adds the headers of every matching rule, and the function’s own headers override them', async () => {
  const css = (await send(origin, '/style.css')).headers
  expect([css['x-everywhere'], css['cache-control']]).toEqual(['hosting', 'no-cache'])
  expect((await send(origin, '/index.html')).headers['cache-control']).toBe('max-age=3600')
  const { headers } = await send(origin, '/fn/x')
  expect([headers['x-everywhere'], headers['x-own'], headers['cache-control']]).toEqual([
    'hosting',
    'hosting',
    'private',
  ])
  const own = (await send(origin, '/fn/x?X-Own=mine&Cache-Control=no-store')).headers
  expect([own['x-own'], own['cache-control']]).toEqual(['mine', 'no-store'])
})

async function forwardedCookie(cookie: string): Promise<string | undefined> {
  const { body } = await send(origin, '/fn', { headers: { cookie } })
  return (JSON.parse(body) as { cookie?: string }).cookie
}

test('Hosting forwards only the cookie __session', async () => {
  expect(await forwardedCookie('a=1; __session=s=1; __sessionx=2')).toBe('__session=s=1')
  expect(await forwardedCookie('a=1; b=2')).toBeUndefined()
})

test('Hosting adds Vary for cookie and authorization, and removes cookies from public responses', async () => {
  const personal = (await send(origin, '/fn?Vary=Origin&Set-Cookie=__session%3Da')).headers
  expect(personal['vary']).toBe('Origin, Accept-Encoding, Authorization, Cookie')
  expect(personal['set-cookie']).toEqual(['__session=a'])
  const shared = await send(origin, '/fn?Cache-Control=public%2Cmax-age%3D9&Set-Cookie=a%3Db')
  expect(shared.headers['set-cookie']).toBeUndefined()
})

test('the proxy buffers the response and sets Content-Length', async () => {
  const { headers, body } = await send(origin, '/fn')
  expect(headers['transfer-encoding']).toBeUndefined()
  expect(headers['content-length']).toBe(String(body.length))
})

test('the proxy responds with 504 on a timeout and closes the request to the function', async () => {
  const { status, headers, body } = await send(origin, '/slow')
  expect([status, headers['content-type']]).toEqual([504, 'text/html; charset=UTF-8'])
  expect(body).toContain('upstream request timeout')
  await waitFor(() => closedRequests > 0)
})

test('the proxy responds with 413 to a body over the limit, with and without Content-Length', async () => {
  const atLimit = await send(origin, '/fn', { method: 'POST', body: Buffer.alloc(limit) })
  expect(JSON.parse(atLimit.body)).toMatchObject({ bytes: limit })
  const withLength = await send(origin, '/fn', { method: 'POST', body: Buffer.alloc(limit + 1) })
  expect([withLength.status, withLength.headers['x-everywhere']]).toEqual([413, undefined])
  const headers = { 'transfer-encoding': 'chunked' }
  const withoutLength = await send(origin, '/fn', {
    method: 'POST',
    body: Buffer.alloc(limit + 1),
    headers,
  })
  expect(withoutLength.status).toBe(413)
})

test('the proxy responds with 502 when the function is down', async () => {
  expect((await send(origin, '/down')).status).toBe(502)
})

test.each([
  ['cleanUrls', { cleanUrls: true }],
  ['/gone.html', { rewrites: [{ source: '/x', destination: '/gone.html' }] }],
])(
  'createHosting() rejects an unsupported option or a missing file: %s',
  async (message, changes) => {
    const hosting = createHosting({ ...config, ...changes }, folder, () => undefined)
    await expect(hosting).rejects.toThrow(message)
  },
)
