/** The built bundle under the unmodified Functions Framework, one process per function. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cookieOf, mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { consent } from '../../../infra/sandbox/consent-client.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { end, environment, freePorts, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { waitFor } from '../../kit/wait-for.ts'
import { signingKeys } from '../../kit/signing-keys.ts'

const names = ['auth', 'callback', 'files', 'upload'] as const
type Name = (typeof names)[number]
const framework = 'node_modules/@google-cloud/functions-framework'

let google: Google
let hosting: Server
let origin: string
const runs: RunningProgram[] = []
/** The origin of each function's own server. */
const originOf: Record<string, string> = {}

function serve(name: Name, port: number, env: Record<string, string>, cwd = root): RunningProgram {
  const command = join(cwd, framework, 'build/src/main.js')
  const started = run(process.execPath, [command, `--target=${name}`, `--port=${port}`], {
    env: environment({ NODE_ENV: 'production', ...env }),
    cwd,
  })
  runs.push(started)
  return started
}

/** Waits for the first response of a starting server. */
async function firstResponse(
  address: string,
  { exited: ended }: RunningProgram,
): Promise<Response> {
  let failed: string | undefined
  void ended.then((how) => (failed = `Ended (${how})`))
  let response: Response | undefined
  await waitFor(async () => {
    if (failed !== undefined) throw new Error(failed)
    return (response = await fetch(address, { redirect: 'manual' }).catch(() => undefined))
  })
  if (!response) throw new Error('There is no response')
  return response
}

beforeAll(async () => {
  const [front = 0, ...ports] = await freePorts(5)
  origin = `http://localhost:${front}`
  google = await startGoogle({ publicUrl: origin, signingKeys })
  for (const [index, name] of names.entries()) {
    const port = ports[index] ?? 0
    originOf[name] = `http://127.0.0.1:${port}`
    serve(name, port, google.env)
  }
  await Promise.all(
    names.map((name, index) => firstResponse(originOf[name] ?? '', runs[index] as RunningProgram)),
  )
  hosting = createServer((req, res) => {
    const [, name = ''] = /^\/([a-z]+)/.exec(req.url ?? '') ?? []
    const { hostname, port } = new URL(originOf[name] ?? '')
    const { method = '', url = '', headers } = req
    const upstream = request({ hostname, port, method, path: url, headers }, (response) => {
      res.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(res)
    })
    req.pipe(upstream)
  })
  await new Promise<void>((resolve) => hosting.listen(front, '127.0.0.1', () => resolve()))
})

afterAll(async () => {
  hosting.closeAllConnections()
  await new Promise((resolve) => hosting.close(resolve))
  for (const each of runs) await end(each)
  await google.close()
})

test.each([
  ['auth', 302, undefined],
  ['callback', 400, 'state_missing'],
  ['files', 401, 'login_required'],
  ['upload', 405, 'method_not_allowed'],
] as const)(
  'the function %s responds at its own URL, with its name in the path or without',
  async (name, status, code) => {
    for (const path of ['', '/', `/${name}`, `/${name}/`]) {
      const response = await fetch(`${originOf[name]}${path}`, { redirect: 'manual' })
      const problem =
        code === undefined ? undefined : ((await response.json()) as { code: string }).code
      expect([path, response.status, problem]).toEqual([path, status, code])
    }
  },
)

test('a sign-in works through auth and callback as separate processes', async () => {
  const cookie = await signIn(origin, 'ada@example.com')
  const session = await fetch(`${originOf['auth']}/session`, { headers: { cookie, origin } })
  expect(await session.json()).toMatchObject({ signedIn: true, email: 'ada@example.com' })
})

test('the function callback completes a sign-in at its own URL, without its name in the path', async () => {
  const start = await fetch(`${originOf['auth']}/`, { redirect: 'manual' })
  const back = await consent(start.headers.get('location') ?? '', { email: 'ben@example.com' })
  const headers = { cookie: cookieOf(start) }
  const redirected = await fetch(`${originOf['callback']}/${back.search}`, {
    redirect: 'manual',
    headers,
  })
  expect([redirected.status, redirected.headers.get('location')]).toEqual([303, `${origin}/`])
  const session = await fetch(`${originOf['auth']}/session`, {
    headers: { cookie: cookieOf(redirected), origin },
  })
  expect(await session.json()).toMatchObject({ signedIn: true, email: 'ben@example.com' })
})

test('the functions files and upload work at their own URLs, and the upload is byte-identical', async () => {
  const token = await mintToken(origin, await signIn(origin, 'ada@example.com'), 'test')
  const headers = { authorization: `Bearer ${token}` }
  const bytes = randomBytes(9_000_000)
  for (const path of ['/', '/upload']) {
    const form = new FormData()
    form.append('file', new Blob([bytes]), `from${path.replace('/', '-')}.bin`)
    const uploaded = await fetch(`${originOf['upload']}${path}`, {
      method: 'POST',
      body: form,
      headers,
    })
    const { files } = (await uploaded.json()) as { files: { id: string; sha256: string }[] }
    expect(uploaded.status).toBe(201)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect([files[0]?.sha256, google.drive.sha256Of(files[0]?.id ?? '')]).toEqual([sha256, sha256])
  }
  for (const path of ['/', '/files']) {
    const listed = await fetch(`${originOf['files']}${path}`, { headers })
    expect(JSON.stringify(await listed.json())).toContain('from-upload.bin')
  }
})

test('the bundle needs no package except the framework', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'driveway-bundle-'))
  await cp(join(root, 'package.json'), join(folder, 'package.json'))
  await cp(join(root, 'dist/functions'), join(folder, 'dist/functions'), { recursive: true })
  await mkdir(join(folder, 'node_modules/@google-cloud'), { recursive: true })
  await symlink(join(root, framework), join(folder, framework))
  const [port = 0] = await freePorts(1)
  const alone = serve('files', port, google.env, folder)
  const cookie = await signIn(origin, 'ada@example.com')
  const address = `http://127.0.0.1:${port}`
  expect((await firstResponse(address, alone)).status).toBe(401)
  const listed = await fetch(address, { headers: { cookie, origin } })
  expect(JSON.stringify(await listed.json())).toContain('hello.txt')
  await end(alone)
  await rm(folder, { recursive: true })
})

test('the bundle lists all missing settings at start', async () => {
  const [port = 0] = await freePorts(1)
  const started = serve('files', port, {})
  expect(await started.exited).not.toBe(0)
  for (const name of [
    'PUBLIC_URL',
    'GOOGLE_CLOUD_PROJECT',
    'CLIENT_SECRET_NAME',
    'KEYRING_SECRET_NAME',
  ]) {
    expect(started.output).toContain(`${name} is missing`)
  }
})

test('the bundle refuses a sandbox when it is deployed', async () => {
  const [port = 0] = await freePorts(1)
  const started = serve('files', port, { ...google.env, K_SERVICE: 'files' })
  expect(await started.exited).not.toBe(0)
  expect(started.output).toContain('GOOGLE_SANDBOX_URL is not allowed in a deployment')
})
