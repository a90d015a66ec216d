/** Config in, gateway out: the only place where SDK clients are constructed. */
import type { Firestore } from '@google-cloud/firestore'
import type { Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import { accessProfiles, readConfig } from './config.ts'
import type { Config } from './config.ts'
import type { DriveAccount } from './drive/account.ts'
import { createBudget } from './drive/budget.ts'
import { createAttempts, isAttemptRecord } from './drive/attempts.ts'
import type { AttemptRecord } from './drive/attempts.ts'
import { createDirectUploads } from './drive/direct.ts'
import { createFirestoreRecords } from './drive/firestore-records.ts'
import { createFolders, isFolderReservation } from './drive/folders.ts'
import type { FolderReservation } from './drive/folders.ts'
import { createGoogleFiles } from './drive/google-files.ts'
import { createIds } from './drive/ids.ts'
import type { Wait } from './drive/patience.ts'
import { createPlaces } from './drive/place.ts'
import { idsRequest, readIds } from './drive/session.ts'
import { createSend } from './drive/transport.ts'
import type { Timeouts } from './drive/transport.ts'
import { createResumes } from './drive/resume.ts'
import { createUploads } from './drive/upload.ts'
import { GatewayError } from './errors.ts'
import { authRoutes } from './http/auth.ts'
import { byPath } from './http/by-path.ts'
import { callbackRoutes } from './http/callback.ts'
import { filesRoutes } from './http/files.ts'
import { createHandler } from './http/handler.ts'
import type { Handler, HandlerParts, Route } from './http/handler.ts'
import { createIdentify } from './http/identify.ts'
import { createLog } from './http/log.ts'
import type { Log } from './http/log.ts'
import { createOrigins } from './http/origins.ts'
import { createServing, stopOnSignals } from './http/serving.ts'
import { uploadRoutes } from './http/upload.ts'
import { createCredentials } from './identity/credential.ts'
import { createFirestoreClaims } from './identity/firestore-claims.ts'
import { createFirestoreCredentials } from './identity/firestore-credentials.ts'
import { createHeldCredentials } from './identity/held-credentials.ts'
import { createLogins } from './identity/login.ts'
import { createAccessTokens } from './token/access.ts'
import { createFirestoreVault } from './token/firestore-vault.ts'
import { createGoogleSecrets } from './token/google-secrets.ts'
import { createOAuth } from './token/oauth.ts'
import type { ClientCredentials } from './token/oauth.ts'
import { createSeal } from './token/seal.ts'
import { createSecrets } from './token/secrets.ts'

export interface Gateway {
  auth: Handler
  callback: Handler
  files: Handler
  upload: Handler
  /** All of them behind one address. */
  everything: Handler
  /** Takes over the server that the handlers run in: its limits, and how it stops. */
  adopt(server: Server | Http2Server): void
  /** Lets what is under way end, and takes nothing more. */
  stop(): Promise<void>
}

/** What tests set and nobody else. */
export interface GatewayOptions {
  log?: Log
  /** Milliseconds that a caller may send nothing. */
  idleMs?: number
  /** Bytes of every chunk to Drive; paced by rate and latency where it is not said. */
  chunkBytes?: number
  /** Waits between two tries at Drive. */
  wait?: Wait
  /** Milliseconds that Drive has for each phase of a request. */
  driveTimeouts?: Partial<Timeouts>
  /** Milliseconds that requests have to finish once the process is told to stop. */
  graceMs?: number
  /** Milliseconds that Google's sign-in has for one exchange or refresh. */
  signInMs?: number
  /** The clock of sign-ins, credentials, access tokens and secrets. */
  now?: () => number
  /** Whether SIGTERM and SIGINT stop the gateway. */
  signals?: boolean
}

export function createGateway(config: Config, options: GatewayOptions = {}): Gateway {
  const { publicUrl, allowedOrigins, accessProfile, maxFileBytes, maxRequestBytes } = config
  const { log = createLog(config.projectId), now = Date.now } = options

  // Clients: each is loaded when it is first needed, since loading them is most of a cold start.
  const firestore = once(() => openFirestore(config))
  const drive = once(async () => {
    const { drive_v3 } = await import('googleapis/build/src/apis/drive/v3.js')
    return new drive_v3.Drive({ rootUrl: config.google.drive })
  })
  const secrets = createSecrets(createGoogleSecrets(once(() => openSecretManager(config))), now)

  // Token
  const seal = createSeal((fresh) => secrets.read(config.keyringSecretName, fresh))
  const scopes = accessProfiles[accessProfile].scopes
  const oauth = createOAuth({
    addresses: config.google,
    redirectUri: config.redirectUri,
    scopes: ['openid', 'email', ...scopes],
    credentials: async (fresh) =>
      readClientCredentials(await secrets.read(config.clientSecretName, fresh)),
    ...(options.signInMs === undefined ? {} : { timeout: options.signInMs }),
  })
  const vault = createFirestoreVault(firestore, seal, (sub, how) =>
    log('ERROR', 'grant unreadable', { sub, how }),
  )
  const access = createAccessTokens(vault, oauth, now)
  const accountOf = (sub: string): DriveAccount => ({
    sub,
    token: (rejected) => access.tokenFor(sub, rejected),
  })

  // Identity
  const credentials = createCredentials(
    createHeldCredentials(createFirestoreCredentials(firestore), now),
    now,
  )
  const logins = createLogins(seal, createFirestoreClaims(firestore), now)
  const origins = createOrigins(publicUrl, allowedOrigins)
  const identify = createIdentify(credentials, origins)

  // Drive
  const send = createSend(options.driveTimeouts)
  const patient = options.wait === undefined ? {} : { wait: options.wait }
  const root = config.google.drive
  const ids = createIds(async (account, count) => {
    const ask = async (token: string): ReturnType<typeof send> =>
      send({ ...idsRequest(root, count), headers: { authorization: `Bearer ${token}` } })
    const token = await account.token()
    const answer = await ask(token)
    return readIds(answer.status === 401 ? await ask(await account.token(token)) : answer)
  })
  const budget = createBudget(config.memoryBytes)
  const driveParts = {
    send,
    ids,
    budget,
    root,
    ...patient,
    wholeDrive: accessProfile === 'full',
    onLeftBehind: (fileId: string, error: unknown) =>
      log.failure('upload left behind', error, { fileId }),
  }
  const uploads = createUploads({
    ...driveParts,
    ...(options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes }),
  })
  const folders = createFolders(
    {
      ...driveParts,
      reservations: createFirestoreRecords<FolderReservation>(
        firestore,
        'folders',
        isFolderReservation,
      ),
    },
    now,
  )
  const places = createPlaces(driveParts)
  const attempts = createAttempts({
    records: createFirestoreRecords<AttemptRecord>(firestore, 'attempts', isAttemptRecord),
    ids,
    now,
  })
  const direct = createDirectUploads(driveParts, now)
  const resumes = createResumes({
    ...driveParts,
    ...(options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes }),
  })

  const serving = createServing(options.graceMs)
  const shared: HandlerParts = { log, origins, serving, secure: publicUrl.startsWith('https:') }
  const handler = (name: string, routes: Route[]): Handler => createHandler(name, routes, shared)
  let adopted = false

  const functions = {
    auth: handler(
      'auth',
      authRoutes({
        identify,
        credentials,
        logins,
        oauth,
        vault,
        publicUrl,
        allowedOrigins,
        accessProfile,
        limits: { maxRequestBytes, maxFileBytes },
      }),
    ),
    callback: handler(
      'callback',
      callbackRoutes({ logins, oauth, vault, access, credentials, scopes, publicUrl }),
    ),
    files: handler(
      'files',
      filesRoutes({
        identify,
        files: createGoogleFiles(drive, { ...patient, answerMs: options.driveTimeouts?.answer }),
        accountOf,
      }),
    ),
    upload: handler(
      'upload',
      uploadRoutes({
        identify,
        uploads,
        folders,
        places,
        attempts,
        direct,
        resumes,
        seal,
        origins,
        accountOf,
        publicUrl,
        maxFileBytes,
        maxRequestBytes,
        idleMs: options.idleMs ?? 30_000,
        now,
      }),
    ),
  }

  return {
    ...functions,
    everything: byPath(functions, handler('', [])),
    adopt(server) {
      serving.adopt(server)
      if (!adopted && options.signals !== false) stopOnSignals(serving)
      adopted = true
    },
    stop: () => serving.stop(),
  }
}

/** The gateway of this process, set up from its environment. */
export function createGatewayFromEnvironment(): Gateway {
  return createGateway(readConfig(process.env))
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
}: Config): Promise<import('@google-cloud/secret-manager').SecretManagerServiceClient> {
  const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager')
  if (secretManagerHost === undefined) {
    return new SecretManagerServiceClient({ projectId, fallback: true })
  }
  const { hostname, port } = new URL(`http://${secretManagerHost}`)
  return new SecretManagerServiceClient({
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

/** Reads the file that Google's console gives for a web client. */
function readClientCredentials(text: string): ClientCredentials {
  try {
    const { web } = JSON.parse(text) as { web?: { client_id?: unknown; client_secret?: unknown } }
    const { client_id: clientId, client_secret: clientSecret } = web ?? {}
    if (typeof clientId === 'string' && typeof clientSecret === 'string') {
      return { clientId, clientSecret }
    }
  } catch {
    // Told below, without the text.
  }
  throw new GatewayError('misconfigured', 'The client secret is not a web client’s JSON file')
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
