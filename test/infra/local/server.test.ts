/** The local server: the page as Firebase Hosting serves it, and the functions by path. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signIn } from '../../../infra/local/sign-in.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { send } from '../../kit/environment.ts'
import { end, environment, freePort, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { signingKeys } from '../../kit/signing-keys.ts'

let origin: string
let google: Google
let server: RunningProgram

beforeAll(async () => {
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  google = await startGoogle({ publicUrl: origin, signingKeys })
  server = run(process.execPath, ['dist/local/server.mjs'], {
    env: environment({ ...google.env, PORT: String(port) }),
    ipc: true,
  })
  await new Promise((resolve) => server.child.once('message', resolve))
})

afterAll(async () => {
  await end(server)
  await google.close()
})

test('the local server sends every file of the page with its type and the headers of firebase.json', async () => {
  const { hosting } = JSON.parse(await readFile(join(root, 'firebase.json'), 'utf8')) as {
    hosting: { headers: { source: string; headers: { key: string; value: string }[] }[] }
  }
  const headersOf = (path: string) =>
    hosting.headers.filter(({ source }) => source === path).flatMap(({ headers }) => headers)
  const common = headersOf('**')
  expect(common.map(({ key }) => key)).toContain('Content-Security-Policy')
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/?folder=abc', 'text/html; charset=utf-8'],
    ['/device', 'text/html; charset=utf-8'],
    ['/device?user_code=BCDF-GHJK', 'text/html; charset=utf-8'],
    ['/tokens', 'text/html; charset=utf-8'],
    ['/main.js', 'text/javascript; charset=utf-8'],
    ['/style.css', 'text/css; charset=utf-8'],
    ['/favicon.svg', 'image/svg+xml'],
  ]) {
    const { status, headers, body } = await send(origin, path ?? '')
    expect([path, status, headers['content-type']]).toEqual([path, 200, type])
    for (const { key, value } of common) {
      // Direct uploads go to the sandbox's Drive.
      const expected = value.replace('https://www.googleapis.com', google.url)
      expect(headers[key.toLowerCase()]).toBe(expected)
    }
    expect(body.length).toBeGreaterThan(100)
  }
  const { headers: embedded } = await send(origin, '/driveway-upload.js')
  expect(headersOf('/driveway-upload.js').length).toBeGreaterThan(0)
  for (const { key, value } of headersOf('/driveway-upload.js')) {
    expect(embedded[key.toLowerCase()]).toBe(value)
  }
})

test('the local server responds with 304 to a matching ETag', async () => {
  const { headers } = await send(origin, '/main.js')
  const again = await send(origin, '/main.js', {
    headers: { 'if-none-match': headers.etag ?? '' },
  })
  expect([again.status, again.body]).toEqual([304, ''])
  const head = await send(origin, '/main.js', { method: 'HEAD' })
  expect([head.status, head.body]).toEqual([200, ''])
})

test.each([
  '/nothing',
  '/authx',
  '/device/BCDF-GHJK',
  '/filesystem',
  '/main.js/',
  '/../package.json',
  '/..%2fpackage.json',
  '/%2e%2e/package.json',
  '//main.js',
])('the local server responds with 404 to %s', async (path) => {
  expect((await send(origin, path)).status).toBe(404)
})

test('the local server routes the paths of each function, including subpaths, and no others', async () => {
  expect((await send(origin, '/auth')).status).toBe(302)
  expect((await send(origin, '/auth/session')).status).toBe(200)
  expect((await send(origin, '/files?folder=x')).status).toBe(401)
  expect((await send(origin, '/upload/nothing')).headers['content-type']).toContain('problem+json')
  expect((await send(origin, '/', { method: 'POST', body: 'x' })).status).toBe(404)
})

test('the local server serves the page at the URLs of its views', async () => {
  const page = await send(origin, '/device?user_code=BCDF-GHJK')
  expect([page.status, page.body]).toEqual([200, (await send(origin, '/')).body])
  expect((await send(origin, '/device/x')).status).toBe(404)
})

test('the local server forwards only the cookie __session to a function', async () => {
  const cookie = await signIn(origin, 'ada@example.com')
  const session = async (header: string): Promise<unknown> =>
    JSON.parse((await send(origin, '/auth/session', { headers: { cookie: header, origin } })).body)
  expect(await session(`a=b; ${cookie}; c=d`)).toMatchObject({ signedIn: true })
  expect(await session(cookie.replace('__session', '__other'))).toMatchObject({ signedIn: false })
})
