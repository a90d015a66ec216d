/** Backend with a sandbox Google, whose content is deleted at the end of the run. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emulator } from '../sandbox/firestore/google-emulator.ts'
import { findEmulator, startEmulator } from '../sandbox/firestore/index.ts'
import { startGoogle } from '../sandbox/index.ts'
import { mintToken, signIn } from './sign-in.ts'
import type { LocalBackend } from './backend.ts'

/**
 * @param origin the origin of the gateway
 * @param overHttp2 whether the printed curl commands use HTTP/2 with prior knowledge
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
    async banner(demoOrigin) {
      const cookie = await signIn(origin, emails[0] ?? '')
      const token = await mintToken(origin, cookie, 'npm start')
      const authorization = `-H "Authorization: Bearer ${token}"`
      return `
Driveway uses a sandbox Google on this machine, with test accounts and no real data.

  Page      ${origin}
  Demo      ${demoOrigin} embeds <driveway-upload> on another origin
  Sign in   as ${emails.join(' or ')}

  List      ${curl} ${origin}/files ${authorization}
  Upload    ${curl} -F file=@README.md ${origin}/upload ${authorization}
  Pipe      date | ${curl} -F "file=@-;filename=now.txt" ${origin}/upload ${authorization}

  Session   ${cookie}   as the header Cookie, with "Origin: ${origin}"
  CI        ${google.ci.issuer} issues ID tokens of CI jobs (docs/ci.md)
  Drive     ${google.url}/sandbox/drive lists the content of the sandbox Drive
  Firestore ${emulator ? 'Google’s Firestore emulator' : 'in memory'}

To use your own Drive, put client_id.json into this folder (docs/getting-started.md).
Press Ctrl-C to stop.
`
    },
    async close() {
      await google.close()
      await emulator?.stop()
      await rm(bytesIn, { recursive: true, force: true })
    },
  }
}

/** Starts Google's emulator if it is installed, unless `FIRESTORE=embedded`. */
async function startFirestoreEmulator(): Promise<Emulator | undefined> {
  if (process.env['FIRESTORE'] === 'embedded' || findEmulator() === undefined) return undefined
  console.log('Starting Google’s Firestore emulator …')
  return startEmulator()
}
