/** A sandbox Google of this run's own; what is in it ends with the run. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emulator } from '../sandbox/firestore/google-emulator.ts'
import { findEmulator, startEmulator } from '../sandbox/firestore/index.ts'
import { startGoogle } from '../sandbox/index.ts'
import { mintToken, signIn } from './sign-in.ts'
import type { LocalBackend } from './backend.ts'

/**
 * @param origin where the gateway will be
 * @param overHttp2 whether the printed lines speak HTTP/2 from the first byte
 */
export async function createSandboxBackend(
  origin: string,
  overHttp2 = false,
): Promise<LocalBackend> {
  const curl = overHttp2 ? 'curl --http2-prior-knowledge' : 'curl'
  const emulator = await startFirestoreEmulator()
  const bytesIn = await mkdtemp(join(tmpdir(), 'driveway-sandbox-'))
  const google = await startGoogle({
    publicUrl: origin,
    drive: { blobFolder: bytesIn },
    oauth: { alwaysPrompt: true },
    ...(emulator ? { firestoreHost: emulator.host } : {}),
  })
  const emails = google.oauth.users.map(({ email }) => email)
  return {
    env: google.env,
    async banner(demo) {
      const cookie = await signIn(origin, emails[0] ?? '')
      const token = await mintToken(origin, cookie, 'npm start')
      const authorization = `-H "Authorization: Bearer ${token}"`
      return `
Driveway runs in a sandbox: a Google of its own on this machine, with nothing real in it.

  Page      ${origin}
  Elsewhere ${demo} is a page of another site with <driveway-upload> in it
  Sign in   as ${emails.join(' or ')}

  List      ${curl} ${origin}/files ${authorization}
  Upload    ${curl} -F file=@README.md ${origin}/upload ${authorization}
  A pipe    date | ${curl} -F "file=@-;filename=now.txt" ${origin}/upload ${authorization}

  Session   ${cookie}   as a Cookie header, with "Origin: ${origin}"
  CI        ${google.ci.issuer}   mints tokens of jobs (docs/ci.md)
  Inside    ${google.url}/sandbox/drive shows what its Drive holds
  Store     ${emulator ? 'Google’s Firestore emulator' : 'a Firestore in memory'}

Put Google’s client_id.json here to use your own Drive (docs/getting-started.md).
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
async function startFirestoreEmulator(): Promise<Emulator | undefined> {
  if (process.env['FIRESTORE'] === 'embedded' || findEmulator() === undefined) return undefined
  console.log('Starting Google’s Firestore emulator …')
  return startEmulator()
}
