/** The container without a container engine: the files that its Dockerfile copies, and its command. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { connectH2c } from '../../kit/h2c.ts'
import { filePart, form } from '../../kit/environment.ts'
import { end, environment, freePort, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { waitFor } from '../../kit/wait-for.ts'
import { signingKeys } from '../../kit/signing-keys.ts'

const shell = promisify(execFile)
const curlSupportsHttp2 = /^Features:.*\bHTTP2\b/m.test(curlVersion())
const withCurl = curlSupportsHttp2 ? test : test.skip

let google: Google
let app: string
let origin: string
let container: RunningProgram
let cookie: string
let authorization: string

beforeAll(async () => {
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  google = await startGoogle({ publicUrl: origin, signingKeys })
  app = await mkdtemp(join(tmpdir(), 'driveway-container-'))
  const { copies, env, command } = await readDockerfile()
  for (const file of copies) await cp(join(root, file), join(app, basename(file)))
  const [program, ...args] = command
  expect(program).toBe('node')
  container = run(process.execPath, args, {
    env: environment({
      ...env,
      ...google.env,
      PORT: String(port),
      MAX_CONNECTIONS_PER_ADDRESS: '80',
    }),
    cwd: app,
  })
  let ended = false
  void container.exited.then(() => (ended = true))
  await waitFor(() => {
    if (ended) throw new Error(container.output)
    return fetch(origin).catch(() => false)
  })
  cookie = await signIn(origin, 'ada@example.com')
  const token = await mintToken(origin, cookie, 'test')
  authorization = `Bearer ${token}`
})

afterAll(async () => {
  await end(container)
  await google.close()
  await rm(app, { recursive: true })
})

function curlVersion(): string {
  try {
    return execFileSync('curl', ['--version'], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

interface Dockerfile {
  instructions: string[][]
  copies: string[]
  env: Record<string, string>
  command: string[]
}

async function readDockerfile(): Promise<Dockerfile> {
  const text = await readFile(join(root, 'infra/container/Dockerfile'), 'utf8')
  const instructions = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' '))
  const all = (name: string): string[][] =>
    instructions.filter(([first]) => first === name).map(([, ...rest]) => rest)
  return {
    instructions,
    copies: all('COPY').flatMap((rest) => rest.slice(0, -1)),
    // A value may contain an equals sign.
    env: Object.fromEntries(all('ENV').flatMap((rest) => rest.map((pair) => pair.split(/=(.*)/s)))),
    command: JSON.parse(all('CMD')[0]?.join(' ') ?? '[]') as string[],
  }
}

test('the container adds one file to Node, and runs as an unprivileged user', async () => {
  const { instructions, copies } = await readDockerfile()
  expect(await readdir(app)).toEqual([basename(copies[0] ?? '')])
  expect(instructions).toContainEqual([
    'FROM',
    expect.stringMatching(/^node:24\.\d+\.\d+-slim@sha256:[\da-f]{64}$/),
  ])
  expect(instructions).toContainEqual(['USER', 'node'])
  expect(instructions).toContainEqual(['STOPSIGNAL', 'SIGTERM'])
  const ignored = await readFile(join(root, 'infra/container/Dockerfile.dockerignore'), 'utf8')
  expect(ignored).toBe('*\n!dist/container\n')
})

test('the container serves all four functions by path, and announces no request size limit', async () => {
  for (const [path, status] of [
    ['/auth', 302],
    ['/callback', 400],
    ['/files', 401],
    ['/upload', 405],
    ['/', 404],
  ] as const) {
    const response = await fetch(`${origin}${path}`, { redirect: 'manual' })
    expect([path, response.status]).toEqual([path, status])
  }
  const session = await fetch(`${origin}/auth/session`, { headers: { cookie, origin } })
  expect(await session.json()).toMatchObject({ limits: { maxRequestBytes: null } })
})

withCurl(
  `curl uploads 40 MiB in one request over HTTP/2, as a form and raw${curlSupportsHttp2 ? '' : ' (curl with HTTP/2 is not available)'}`,
  async () => {
    const bytes = randomBytes(40 * 1024 * 1024)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const file = join(app, 'large.bin')
    await writeFile(file, bytes)
    const common = ['-sS', '--http2-prior-knowledge', '-H', `Authorization: ${authorization}`]
    const format = ['-w', '%{http_version} %{response_code}']
    for (const args of [
      ['-F', `file=@${file}`, `${origin}/upload`],
      ['-T', file, `${origin}/upload/raw.bin`],
    ]) {
      const { stdout } = await shell('curl', [...common, ...format, ...args])
      expect(stdout).toMatch(/2 201$/)
      expect(stdout).toContain(sha256)
    }
    await rm(file)
  },
)

withCurl(
  'curl receives each refusal over HTTP/2, of a small and a large body, with and without a length',
  async () => {
    const file = join(app, 'refused.bin')
    await writeFile(file, Buffer.alloc(40 * 1024 * 1024))
    const attempts = Number(process.env['CURLS'] ?? 5)
    const common = `curl -sS --http2-prior-knowledge -o /dev/null -w '%{response_code} '`
    const valid = `-H 'Authorization: ${authorization}'`
    const invalid = `-H 'Authorization: Bearer nope'`
    for (const [status, line] of [
      ['411', `date | ${common} ${valid} -T - ${origin}/upload/piped.txt`],
      ['411', `${common} ${valid} -T - ${origin}/upload/piped.bin < ${file}`],
      ['401', `${common} ${invalid} -T ${file} ${origin}/upload/raw.bin`],
      ['401', `${common} ${invalid} -F file=@${file} ${origin}/upload`],
    ] as const) {
      const loop = `for i in $(seq ${attempts}); do ${line} || exit; done`
      const { stdout } = await shell('sh', ['-c', loop])
      expect(stdout).toBe(`${status} `.repeat(attempts))
    }
    await rm(file)
  },
)

test('MAX_CONNECTIONS_PER_ADDRESS limits the connections of one address', async () => {
  const { hostname, port } = new URL(origin)
  const sockets = Array.from({ length: 100 }, () =>
    connect(Number(port), hostname)
      .on('error', () => {})
      .resume(),
  )
  const closed = (): number => sockets.filter(({ destroyed }) => destroyed).length
  await waitFor(() => closed() >= 20)
  for (const socket of sockets) socket.destroy()
  await waitFor(() =>
    fetch(`${origin}/auth/session`).then(
      () => true,
      () => false,
    ),
  )
})

test('on SIGTERM the container finishes an upload over HTTP/2, accepts no other and exits', async () => {
  google.faults.add({ operation: 'drive.upload.multipart', hold: 'request' })
  const { session, startRequest, close } = await connectH2c(origin)
  const headers = { authorization, 'content-type': 'multipart/form-data; boundary=b' }
  const { stream, response } = startRequest(headers)
  stream.end(form('b', filePart('last.txt', 'the last one')))
  await waitFor(() => google.calls.includes('drive.upload.multipart'), { intervalMs: 0 })
  const away = once(session, 'goaway')
  container.child.kill('SIGTERM')
  await away
  google.faults.release()
  const { status, rstCode, body } = await response
  expect([status, rstCode]).toEqual([201, 0])
  expect(body).toContain('last.txt')
  expect(await container.exited).toBe(0)
  await close()
  expect(container.output).not.toMatch(/warning|"ERROR"/i)
})
