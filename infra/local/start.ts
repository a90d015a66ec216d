/**
 * `npm start`: Driveway on this machine. Without a `client_id.json` it lives in a sandbox Google;
 * with one it talks to the real Google, and keeps its tokens in `.driveway` between runs.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emulator } from '../sandbox/firestore/google-emulator.ts'
import { createFirestore, findEmulator, startEmulator } from '../sandbox/firestore/index.ts'
import { startGoogle } from '../sandbox/google.ts'
import { newKeyring } from '../sandbox/keyring.ts'
import { createSecretManager } from '../sandbox/secrets.ts'
import { startSandbox } from '../sandbox/server.ts'
import { mintToken, signIn } from './sign-in.ts'

/** What the gateway lives in, and what a person is told about it. */
interface Surroundings {
  env: Record<string, string>
  /** Printed once the gateway answers. */
  welcome(origin: string): Promise<string>
  close(): Promise<void>
}

const port = readPort(process.env['PORT'])
const origin = `http://localhost:${port}`
const clientFile = process.env['CLIENT_ID_FILE'] ?? 'client_id.json'

await start().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

async function start(): Promise<void> {
  await checkPort()
  const surroundings = existsSync(clientFile) ? await besideGoogle() : await inSandbox()
  let gateway: ChildProcess | undefined
  try {
    gateway = await startGateway(surroundings.env)
    const ended = new Promise<void>((resolve) => gateway?.once('exit', () => resolve()))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => gateway?.kill('SIGTERM'))
    }
    console.log(await surroundings.welcome(origin))
    await ended
  } finally {
    gateway?.kill('SIGTERM')
    await surroundings.close()
  }
}

/** Better said before anything else has been started. */
function checkPort(): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `Port ${port} is taken: choose another one, as in  PORT=8090 npm start`
          : `Cannot listen at port ${port} (${error.code}): choose another one`
      reject(new Error(why))
    })
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()))
  })
}

/** The gateway as a process of its own: it meets its surroundings over sockets alone. */
function startGateway(env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['dist/local/server.mjs'], {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Ctrl-C goes to a whole group of processes: this one is stopped by us, once, in good order.
    detached: true,
  })
  const stopWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', stopWithUs)
  return new Promise((resolve, reject) => {
    child.once('message', (message: { ready?: true; failed?: string }) => {
      if (message.ready) return resolve(child)
      reject(new Error(`The gateway cannot listen: ${message.failed}`))
    })
    child.once('exit', (code) => {
      process.off('exit', stopWithUs)
      reject(new Error(`The gateway ended at once (${code})`))
    })
  })
}

async function inSandbox(): Promise<Surroundings> {
  const bytesIn = await mkdtemp(join(tmpdir(), 'driveway-sandbox-'))
  const emulator = await startGoogleEmulator()
  const google = await startGoogle({
    publicUrl: origin,
    drive: { bytesIn },
    oauth: { alwaysAsk: true },
    ...(emulator ? { firestoreHost: emulator.host } : {}),
  })
  const [user] = google.oauth.users
  return {
    env: google.env,
    async welcome() {
      const email = user?.email ?? ''
      const token = await mintToken(origin, await signIn(origin, email), 'npm start')
      const authorization = `-H "Authorization: Bearer ${token}"`
      return `
Driveway runs in a sandbox: a Google of its own on this machine, with nothing real in it.

  Page      ${origin}
  Sign in   as ${email} (${google.oauth.users.length} accounts to choose from)

  List      curl ${origin}/files ${authorization}
  Upload    curl -F file=@README.md ${origin}/upload ${authorization}
  A pipe    date | curl -F 'file=@-;filename=now.txt' ${origin}/upload ${authorization}

  Inside    ${google.url}/sandbox/drive shows what its Drive holds
            Firestore: ${emulator ? 'Google’s emulator' : 'embedded'}

Put Google’s client_id.json here and start again to use your own Drive (README, "Your own Google").
Ctrl-C stops everything.
`
    },
    async close() {
      await google.close()
      await emulator?.stop()
      await rm(bytesIn, { recursive: true, force: true })
    },
  }
}

/** Google's own emulator where it is installed; `FIRESTORE=embedded` does without. */
async function startGoogleEmulator(): Promise<Emulator | undefined> {
  if (process.env['FIRESTORE'] === 'embedded' || findEmulator() === undefined) return undefined
  console.log('Starting Google’s Firestore emulator …')
  return startEmulator()
}

async function besideGoogle(): Promise<Surroundings> {
  const clientJson = await readFile(clientFile, 'utf8')
  checkClientFile(clientJson)
  await mkdir('.driveway', { recursive: true, mode: 0o700 })
  const secrets = createSecretManager()
  const firestore = createFirestore({ file: '.driveway/firestore.json' })
  const clientSecretName = secrets.set('driveway-client', clientJson)
  const keyringSecretName = secrets.set(
    'driveway-keyring',
    await keptKeyring('.driveway/keyring.json'),
  )
  const stores = await startSandbox([secrets, firestore])
  const host = new URL(stores.url).host
  return {
    env: {
      PUBLIC_URL: origin,
      GOOGLE_CLOUD_PROJECT: 'sandbox',
      CLIENT_SECRET_NAME: clientSecretName,
      KEYRING_SECRET_NAME: keyringSecretName,
      SECRET_MANAGER_EMULATOR_HOST: host,
      FIRESTORE_EMULATOR_HOST: host,
    },
    welcome: () =>
      Promise.resolve(`
Driveway runs with your own client at Google (${clientFile}).

  Page      ${origin}
  curl      sign in on the page, then open "Use it from curl" for a token and ready lines

Sessions and sealed tokens stay in .driveway between runs; remove the folder to forget them.
Ctrl-C stops everything.
`),
    close: () => stores.close(),
  }
}

/** @throws naming what to do at Google's console */
function checkClientFile(text: string): void {
  const redirectUri = `${origin}/callback`
  let client: { redirect_uris?: unknown } | undefined
  try {
    client = (JSON.parse(text) as { web?: typeof client }).web
  } catch {
    // Told below.
  }
  if (!client) {
    throw new Error(
      `Cannot use ${clientFile}: it is not the JSON file of an OAuth client of type "Web application"`,
    )
  }
  const { redirect_uris: uris } = client
  if (!Array.isArray(uris) || !uris.includes(redirectUri)) {
    throw new Error(
      `Cannot use ${clientFile}: its client does not list the redirect URI ${redirectUri}. ` +
        'Add it at Google’s console (APIs & Services, Credentials) and download the file again',
    )
  }
}

async function keptKeyring(file: string): Promise<string> {
  if (!existsSync(file)) await writeFile(file, newKeyring(), { mode: 0o600 })
  return readFile(file, 'utf8')
}

function readPort(value: string | undefined): number {
  const number = value === undefined || value === '' ? 8080 : Number(value)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    console.error(`Cannot use PORT "${value}": it must be 1 to 65535`)
    process.exit(1)
  }
  return number
}
