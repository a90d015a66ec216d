/** Backend with the real Google and your own OAuth client; secrets and documents are stored locally. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFirestore } from '../sandbox/firestore/index.ts'
import { newKeyring } from '../sandbox/keyring.ts'
import { createSecretManager } from '../sandbox/secrets.ts'
import { startSandbox } from '../sandbox/server.ts'
import { readClientFile } from './client-file.ts'
import type { LocalBackend } from './backend.ts'

/**
 * @param origin the origin of the gateway
 * @param clientFile the client's JSON file from Google's console
 * @param home the folder of the keyring and the documents
 */
export async function createGoogleBackend(
  origin: string,
  clientFile: string,
  home: string,
): Promise<LocalBackend> {
  const client = await readClientFile(clientFile, `${origin}/callback`)
  await mkdir(home, { recursive: true, mode: 0o700 })
  const project = 'local'
  const secrets = createSecretManager({ project })
  const clientSecretName = secrets.set('driveway-client', client)
  const keyringSecretName = secrets.set('driveway-keyring', await readOrCreateKeyring(home))
  const firestore = createFirestore({ file: join(home, 'firestore.json') })
  const stores = await startSandbox([secrets, firestore])
  const { host } = new URL(stores.url)
  return {
    env: {
      PUBLIC_URL: origin,
      GOOGLE_CLOUD_PROJECT: project,
      CLIENT_SECRET_NAME: clientSecretName,
      KEYRING_SECRET_NAME: keyringSecretName,
      SECRET_MANAGER_EMULATOR_HOST: host,
      FIRESTORE_EMULATOR_HOST: host,
    },
    banner: (demoOrigin) =>
      Promise.resolve(`
Driveway uses the real Google, with your own OAuth client (${clientFile}).

  Page      ${origin}
  Demo      ${demoOrigin} embeds <driveway-upload> on another origin
  curl      sign in on the page, then open "Use it from curl" for a token and commands

Sessions and encrypted tokens are stored in ${home}; delete the folder to reset them.
Press Ctrl-C to stop.
`),
    close: () => stores.close(),
  }
}

async function readOrCreateKeyring(home: string): Promise<string> {
  const file = join(home, 'keyring.json')
  if (!existsSync(file)) await writeFile(file, newKeyring(), { mode: 0o600 })
  return readFile(file, 'utf8')
}
