/** The stand-in for Firebase Hosting and its proxy, in front of a function that says what it saw. */
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
import { until } from '../../kit/wait-for.ts'

const limit = 1024 * 1024
const config: HostingConfig = {
  public: 'site',
  rewrites: [
    { source: '/fn/first{,/**}', run: { serviceId: 'first' } },
    { source: '/fn{,/**}', function: { functionId: 'second' } },
    { source: '/view/**', destination: '/index.html' },
    { source: '/slow', function: { functionId: 'slow' } },
    { source: '/nobody', function: { functionId: 'nobody' } },
    { source: '/style.css', function: { functionId: 'second' } },
  ],
  headers: [
    { source: '**', headers: [{ key: 'X-Everywhere', value: 'hosting' }] },
    { source: '**/*.css', headers: [{ key: 'Cache-Control', value: 'no-cache' }] },
    { source: '/fn/**', headers: [{ key: 'X-Own', value: 'hosting' }] },
  ],
}

let folder: string
let front: Server
let behind: Server
let origin: string
let direct: string
/** Of requests that never got an answer, how many were let go again. */
let letGo = 0

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
  behind = createServer((req, res) => {
    answer(req, res).catch(() => res.destroy()) // a body that was cut off
  })
  direct = await listen(behind)
  const originOf = (name: string): string =>
    name === 'nobody' ? 'http://127.0.0.1:1' : `${direct}/`
  const options = { responseTimeoutMs: 300, maxRequestBytes: limit }
  const serve = await createHosting(config, folder, (name, req, res) => {
    req.headers['x-name'] = name
    createProxy(originOf, name === 'slow' ? options : { ...options, responseTimeoutMs: 10_000 })(
      name,
      req,
      res,
    )
  })
  front = createServer(serve)
  origin = await listen(front)
})

afterAll(async () => {
  for (const server of [front, behind]) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await rm(folder, { recursive: true })
})

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Says which name it was called by, with what; headers come from the query. */
async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://x')
  if (pathname === '/slow') return void res.once('close', () => (letGo += 1))
  let bytes = 0
  for await (const chunk of req) bytes += (chunk as Buffer).length
  const { 'x-name': name, cookie, 'x-forwarded-host': host } = req.headers
  for (const [key, value] of searchParams) res.setHeader(key, value)
  res.writeHead(200, { 'Content-Type': 'application/json' })
  res.write(JSON.stringify({ name, path: pathname, cookie, host, bytes }).slice(0, 10))
  res.end(JSON.stringify({ name, path: pathname, cookie, host, bytes }).slice(10))
}

test('the first rewrite that matches decides, and the path arrives unchanged', async () => {
  const told = async (path: string): Promise<unknown> => JSON.parse((await send(origin, path)).body)
  expect(await told('/fn/first/a%20b?x=y')).toMatchObject({
    name: 'first',
    path: '/fn/first/a%20b',
    host: new URL(origin).host,
  })
  expect(await told('/fn/firstborn')).toMatchObject({ name: 'second' })
})

test('a file that is there wins over a rewrite; a destination keeps the address', async () => {
  expect((await send(origin, '/style.css')).body).toBe('a{}')
  expect((await send(origin, '/view/of/something')).body).toBe('the page')
  expect((await send(origin, '/deep/')).body).toBe('deep')
})

test('what is not there has the folder’s own page, and hidden files are not there', async () => {
  for (const path of ['/nothing', '/.hidden', '/deep']) {
    const { status, body } = await send(origin, path)
    expect([path, status, body]).toEqual([path, 404, 'not here'])
  }
})

test('headers are those of every rule that matches; what the function says itself wins', async () => {
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

async function cookieThatArrives(cookie: string): Promise<string | undefined> {
  const { body } = await send(origin, '/fn', { headers: { cookie } })
  return (JSON.parse(body) as { cookie?: string }).cookie
}

test('of several cookies only __session arrives', async () => {
  expect(await cookieThatArrives('a=1; __session=s=1; __sessionx=2')).toBe('__session=s=1')
  expect(await cookieThatArrives('a=1; b=2')).toBeUndefined()
})

test('answers vary by cookie and authorization; a public one brings no cookie', async () => {
  const mine = (await send(origin, '/fn?Vary=Origin&Set-Cookie=__session%3Da')).headers
  expect(mine['vary']).toBe('Origin, Accept-Encoding, Authorization, Cookie')
  expect(mine['set-cookie']).toEqual(['__session=a'])
  const anybodys = await send(origin, '/fn?Cache-Control=public%2Cmax-age%3D9&Set-Cookie=a%3Db')
  expect(anybodys.headers['set-cookie']).toBeUndefined()
})

test('an answer comes whole: its length is known', async () => {
  const { headers, body } = await send(origin, '/fn')
  expect(headers['transfer-encoding']).toBeUndefined()
  expect(headers['content-length']).toBe(String(body.length))
})

test('an answer that takes too long is a 504 of the front end, and the function is let go', async () => {
  const { status, headers, body } = await send(origin, '/slow')
  expect([status, headers['content-type']]).toEqual([504, 'text/html; charset=UTF-8'])
  expect(body).toContain('upstream request timeout')
  await until(() => letGo > 0)
})

test('a body beyond the front end’s limit never arrives, whether its length is said or not', async () => {
  const just = await send(origin, '/fn', { method: 'POST', body: Buffer.alloc(limit) })
  expect(JSON.parse(just.body)).toMatchObject({ bytes: limit })
  const said = await send(origin, '/fn', { method: 'POST', body: Buffer.alloc(limit + 1) })
  expect([said.status, said.headers['x-everywhere']]).toEqual([413, undefined])
  const headers = { 'transfer-encoding': 'chunked' }
  const unsaid = await send(origin, '/fn', {
    method: 'POST',
    body: Buffer.alloc(limit + 1),
    headers,
  })
  expect(unsaid.status).toBe(413)
})

test('a function that is not there is a 502', async () => {
  expect((await send(origin, '/nobody')).status).toBe(502)
})

test.each([
  ['cleanUrls', { cleanUrls: true }],
  ['/gone.html', { rewrites: [{ source: '/x', destination: '/gone.html' }] }],
])('what is said and not known here ends the start: %s', async (word, more) => {
  const starts = createHosting({ ...config, ...more }, folder, () => undefined)
  await expect(starts).rejects.toThrow(word)
})
