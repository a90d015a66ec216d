/**
 * `npm start` with a `client_id.json`: the gateway uses an external Google. In the test, this is a sandbox
 * of which the started program only knows the URL.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signIn } from '../../../infra/local/sign-in.ts'
import type { Google } from '../../../infra/sandbox/index.ts'
import { startGoogle } from '../../../infra/sandbox/index.ts'
import { end, environment, freePort, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'

let port: number
let origin: string
let google: Google
let folder: string
let started: RunningProgram | undefined

beforeAll(async () => {
  port = await freePort()
  origin = `http://localhost:${port}`
  google = await startGoogle({ publicUrl: origin })
})

afterAll(() => google.close())

afterEach(async () => {
  if (started) await end(started)
  started = undefined
})

beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'driveway-test-'))))
afterAll(() => rm(folder, { recursive: true }))

/** A client file like the one from Google's console. */
function clientFile(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    web: {
      client_id: google.clientId,
      project_id: 'my-project',
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: 'https://oauth2.googleapis.com/token',
      auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
      client_secret: google.clientSecret,
      redirect_uris: [`${origin}/callback`, 'https://example.web.app/callback'],
      ...changes,
    },
  })
}

async function startWith(client: string): Promise<RunningProgram> {
  const file = join(folder, 'client_id.json')
  await writeFile(file, client)
  started = run(process.execPath, ['dist/local/start.mjs'], {
    env: environment({
      PORT: String(port),
      CLIENT_ID_FILE: file,
      DRIVEWAY_HOME: join(folder, 'home'),
      GOOGLE_SANDBOX_URL: google.url,
    }),
  })
  return started
}

async function listNames(cookie: string): Promise<string[]> {
  const response = await fetch(`${origin}/files`, { headers: { cookie, origin } })
  const { files = [] } = (await response.json()) as { files?: { name: string }[] }
  return files.map(({ name }) => name)
}

test('npm start with a client file signs in, lists and uploads, and a restart keeps the session and its grant', async () => {
  const first = await startWith(clientFile())
  const banner = await first.waitForOutput(/Press Ctrl-C to stop/)
  expect(banner).toContain('with your own OAuth client')
  const cookie = await signIn(origin, 'ada@example.com')
  expect(await listNames(cookie)).toContain('hello.txt')
  const form = new FormData()
  form.append('file', new Blob(['mine']), 'mine.txt')
  const uploaded = await fetch(`${origin}/upload`, {
    method: 'POST',
    body: form,
    headers: { cookie, origin },
  })
  expect(uploaded.status).toBe(201)
  first.child.kill('SIGINT')
  expect(await first.exited).toBe(0)

  google.calls.length = 0
  const second = await startWith(clientFile())
  await second.waitForOutput(/Press Ctrl-C to stop/)
  expect(await listNames(cookie)).toContain('mine.txt')
  // The stored refresh token is used, without a new consent.
  expect(google.calls).toContain('oauth.refresh')
  expect(google.calls.filter((call) => /consent|authorize|oauth\.token/.test(call))).toEqual([])
})

test('the stored files are readable by their owner only, and contain no plain-text secret', async () => {
  const home = join(folder, 'home')
  for (const [path, mode] of [
    [home, 0o700],
    [join(home, 'firestore.json'), 0o600],
    [join(home, 'keyring.json'), 0o600],
  ] as const) {
    const { mode: actualMode } = await stat(path)
    if (process.platform !== 'win32') expect(actualMode & 0o777).toBe(mode)
  }
  const documents = await readFile(join(home, 'firestore.json'), 'utf8')
  expect(documents).toContain('ada@example.com')
  expect(documents).not.toMatch(/1\/\/|ya29\.|GOCSPX|dw_/)
})

test.each([
  ['that is not JSON', () => '{"web": ', /it is not JSON\./],
  [
    'of a desktop client',
    () => JSON.stringify({ installed: { client_id: 'x', redirect_uris: ['http://localhost'] } }),
    /type "Desktop app"\..*create a client of type "Web application"/,
  ],
  ['that is another file', () => '[1]', /it is not a client file\./],
  ['of no client', () => 'null', /it is not a client file\./],
  ['without a secret', () => clientFile({ client_secret: undefined }), /it is not a client file\./],
  [
    'without the redirect URI',
    () => clientFile({ redirect_uris: ['http://localhost:1/callback'] }),
    /does not list the redirect URI http:\/\/localhost:\d+\/callback\. Add it in Google’s console/,
  ],
  ['without any redirect URI', () => clientFile({ redirect_uris: undefined }), /does not list/],
])(
  'npm start with a client_id.json %s prints one line that says what to do',
  async (_, client, message) => {
    const refused = await startWith(client())
    expect(await refused.exited).toBe(1)
    expect(refused.output).toMatch(/^Cannot use .*client_id\.json: [^\n]+\n$/)
    expect(refused.output).toMatch(message)
    expect(refused.output).not.toContain('GOCSPX')
  },
)
