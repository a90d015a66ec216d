/** Starts all sandbox services together, configured for one gateway. */
import type { JWK } from 'jose'
import type { Drive, DriveOptions } from './drive/index.ts'
import { createDrive, sampleSharedTree, sampleTree } from './drive/index.ts'
import type { Firestore } from './firestore/index.ts'
import { createFirestore } from './firestore/index.ts'
import { newKeyring } from './keyring.ts'
import type { OidcIssuer, OidcIssuerOptions } from './oidc-issuer.ts'
import { createOidcIssuer } from './oidc-issuer.ts'
import type { OAuth, OAuthOptions } from './oauth/index.ts'
import { createOAuth } from './oauth/index.ts'
import type { SecretManager } from './secrets.ts'
import { createSecretManager } from './secrets.ts'
import type { Sandbox } from './server.ts'
import { startSandbox } from './server.ts'

export interface GoogleOptions {
  /** The public URL of the gateway under test. */
  publicUrl: string
  drive?: Omit<DriveOptions, 'identify'>
  oauth?: Omit<OAuthOptions, 'clients'>
  ci?: OidcIssuerOptions
  /** The first private keys of the two issuers; new ones by default, which take long. */
  signingKeys?: { google?: JWK; ci?: JWK }
  /** `host:port` of another Firestore to use. */
  firestoreHost?: string
}

export interface Google extends Sandbox {
  drive: Drive
  oauth: OAuth
  secrets: SecretManager
  firestore: Firestore
  /** An OIDC issuer of a CI system, which is not part of Google. */
  ci: OidcIssuer & { issuer: string }
  clientId: string
  clientSecret: string
  /** Environment variables that configure a gateway for these services. */
  env: Record<string, string>
}

const clientId = '1234567890-sandbox.apps.googleusercontent.com'
const clientSecret = 'GOCSPX-sandbox-0123456789abcdef'

/** Starts all services on one free loopback port, with two users and sample files. */
export async function startGoogle(options: GoogleOptions): Promise<Google> {
  const { publicUrl, signingKeys } = options
  const client = {
    client_id: clientId,
    client_secrets: [clientSecret],
    redirect_uris: [`${publicUrl}/callback`],
    name: 'Driveway',
  }
  const oauth = createOAuth({
    signingKey: signingKeys?.google,
    ...options.oauth,
    clients: [client],
  })
  const drive = createDrive({ ...options.drive, identify: (token) => oauth.identify(token) })
  const secrets = createSecretManager()
  const firestore = createFirestore()
  const ci = createOidcIssuer({ signingKey: signingKeys?.ci, ...options.ci })
  for (const { sub } of oauth.users) await drive.seed(sub, sampleTree)
  await drive.seedSharedDrive(
    'Team',
    oauth.users.map(({ sub }) => sub),
    sampleSharedTree,
  )
  const [clientSecretName, keyringSecretName] = [
    secrets.set('driveway-client', clientJson(publicUrl)),
    secrets.set('driveway-keyring', newKeyring()),
  ]
  const sandbox = await startSandbox([oauth, drive, secrets, firestore, ci])
  const host = new URL(sandbox.url).host

  return {
    ...sandbox,
    drive,
    oauth,
    secrets,
    firestore,
    ci: { ...ci, issuer: sandbox.url + ci.path },
    clientId,
    clientSecret,
    env: {
      PUBLIC_URL: publicUrl,
      GOOGLE_CLOUD_PROJECT: 'sandbox',
      CLIENT_SECRET_NAME: clientSecretName,
      KEYRING_SECRET_NAME: keyringSecretName,
      GOOGLE_SANDBOX_URL: sandbox.url,
      OIDC_ISSUERS: sandbox.url + ci.path,
      SECRET_MANAGER_EMULATOR_HOST: host,
      FIRESTORE_EMULATOR_HOST: options.firestoreHost ?? host,
    },
  }
}

/** The client secret file that Google's console exports for a web client. */
function clientJson(publicUrl: string): string {
  return JSON.stringify({
    web: {
      client_id: clientId,
      project_id: 'sandbox',
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: 'https://oauth2.googleapis.com/token',
      client_secret: clientSecret,
      redirect_uris: [`${publicUrl}/callback`],
    },
  })
}
