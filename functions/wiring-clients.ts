/**
 * The only place where SDK clients are constructed. Each is loaded when it is first needed, since
 * loading them is most of a cold start.
 */
import type { Firestore } from '@google-cloud/firestore'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import type { Config } from './config.ts'

export interface Clients {
  firestore(): Promise<Firestore>
  drive(): Promise<drive_v3.Drive>
  secretManager(): Promise<SecretManagerServiceClient>
}

export function createClients(config: Config): Clients {
  return {
    firestore: once(() => openFirestore(config)),
    drive: once(async () => {
      const { drive_v3: v3 } = await import('googleapis/build/src/apis/drive/v3.js')
      return new v3.Drive({ rootUrl: config.google.drive })
    }),
    secretManager: once(() => openSecretManager(config)),
  }
}

async function openFirestore({ projectId, firestoreHost }: Config): Promise<Firestore> {
  const { Firestore: Client } = await import('@google-cloud/firestore')
  return new Client({
    projectId,
    // Half the start-up time of gRPC, and nothing here listens for changes.
    preferRest: true,
    ...(firestoreHost === undefined
      ? {}
      : { host: firestoreHost, ssl: false, authClient: await withoutCredentials() }),
  })
}

async function openSecretManager({
  projectId,
  secretManagerHost,
}: Config): Promise<SecretManagerServiceClient> {
  const { SecretManagerServiceClient: Client } = await import('@google-cloud/secret-manager')
  if (secretManagerHost === undefined) return new Client({ projectId, fallback: true })
  const { hostname, port } = new URL(`http://${secretManagerHost}`)
  return new Client({
    projectId,
    fallback: true,
    protocol: 'http',
    apiEndpoint: hostname,
    port: Number(port),
    authClient: await withoutCredentials(),
  })
}

/** For a server on loopback: without it the clients look for credentials all over the network. */
async function withoutCredentials(): Promise<import('google-auth-library').PassThroughClient> {
  const { PassThroughClient } = await import('google-auth-library')
  return new PassThroughClient()
}

/** One value for everybody, made when it is first asked for; tried again after a failure. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    }))
}
