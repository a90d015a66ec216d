/** Checks for common misconfigurations that only the server can run. Each failure names its fix. */
import type { GrantRecord } from '../../token/grant-store.ts'
import { missingScopes } from '../../token/scopes.ts'
import {
  explainClientError,
  explainDriveError,
  explainFirestoreError,
  explainSecretError,
  failure,
} from './remedies.ts'
import type { Failure } from './remedies.ts'

/** `found` is the value that the check has read. */
export type ServerCheckOutcome = { ok: true; found?: string } | Failure

export interface ServerCheck {
  name: string
  why: string
  run(context: CheckContext): Promise<ServerCheckOutcome>
}

/** Settings and probes for the account of the operator who runs the checks. */
export interface CheckContext {
  settings: {
    projectId: string
    databaseId: string
    redirectUri: string
    clientSecretName: string
    keyringSecretName: string
    /** Requested in addition to `openid` and `email`. */
    scopes: readonly string[]
    memoryBytes: number
    maxRequestBytes: number | null
  }
  /** Reads a version from Secret Manager, bypassing the cache. */
  readSecret(name: string): Promise<string>
  /** @throws {GatewayError} when the text is not a complete keyring */
  checkKeyring(text: string): Promise<void>
  /** @throws {GatewayError} when the text is not the JSON file of a web client */
  checkClientFile(text: string): void
  /** Authenticates the client at Google's token endpoint. @throws {GatewayError} when Google rejects it */
  checkClient(): Promise<void>
  checkStore(): Promise<void>
  /** Returns the collections that hold a document expired before `before` (ms since 1970). */
  findExpired(before: number): Promise<string[]>
  findGrant(): Promise<GrantRecord | undefined>
  /** Lists one file of the operator's Drive. */
  checkDrive(): Promise<void>
  /** Returns the time of Google's clock, in milliseconds since 1970. */
  googleTime(): Promise<number>
  now(): number
}

const passed: ServerCheckOutcome = { ok: true }
const dayMs = 24 * 60 * 60_000
const mebibyte = 1024 * 1024
/** A TTL policy may take a day to delete a document; three days are spare. */
const ttlGraceMs = 4 * dayMs
/** Google rejects the times of a token beyond this clock skew. */
const maxClockSkewMs = 30_000
/** Maximum lifetime of a grant of an app in Testing: seven days, says Google. */
const testingGrantTtlMs = 7.5 * dayMs
/** Three quarters of the memory of `upload` (infra/google/functions.tf) without the process itself. */
const maxUploadMemory = 252 * mebibyte
/** Cloud Run's limit for one HTTP/1 request. */
const maxFrontEndBytes = 32 * mebibyte

const clientsPage = 'https://console.cloud.google.com/auth/clients'
const setupClient = 'npm run setup -- --client=client_id.json'

export const serverChecks: readonly ServerCheck[] = [
  secretCheck('Client secret', 'it authenticates Driveway to Google', 'clientSecretName'),
  {
    name: 'Client file',
    why: 'it must be the JSON file of a web client and list this redirect URI',
    async run({ settings, readSecret, checkClientFile }) {
      const text = await readSecret(settings.clientSecretName)
      try {
        checkClientFile(text)
      } catch {
        return failure(
          'The secret is not the JSON file of a client of type "Web application"',
          `Download the file at ${clientsPage} and configure it`,
          setupClient,
        )
      }
      if (text.includes(JSON.stringify(settings.redirectUri))) return passed
      return failure(
        `The JSON file of the client does not list the redirect URI ${settings.redirectUri}`,
        `Register it at ${clientsPage}, download the file again and configure it`,
        setupClient,
      )
    },
  },
  {
    name: 'OAuth client',
    why: 'without a valid client id and secret, sign-in and token refresh fail',
    async run({ checkClient, settings }) {
      return checkClient().then(
        () => passed,
        (error: unknown) => explainClientError(error, settings.projectId),
      )
    },
  },
  secretCheck('Keyring secret', 'it decrypts the stored grants', 'keyringSecretName'),
  {
    name: 'Keyring',
    why: 'an incomplete keyring decrypts nothing',
    async run({ settings, readSecret, checkKeyring }) {
      const text = await readSecret(settings.keyringSecretName)
      return checkKeyring(text).then(
        () => passed,
        (error: unknown) =>
          failure(
            (error as Error).message,
            'Return to the last whole version: disable the newer versions, then run setup',
            `gcloud secrets versions list driveway-keyring --project=${settings.projectId}`,
          ),
      )
    },
  },
  {
    name: 'Firestore',
    why: 'it stores sessions, tokens and grants, and must be readable and writable',
    async run({ checkStore, settings }) {
      return checkStore().then(
        () => passed,
        (error: unknown) => explainFirestoreError(error, settings.projectId, settings.databaseId),
      )
    },
  },
  {
    name: 'TTL',
    why: 'a TTL policy must delete expired documents',
    async run({ findExpired, now, settings }) {
      const collections = await findExpired(now() - ttlGraceMs)
      if (collections.length === 0) return passed
      return failure(
        `Documents that expired days ago are still in ${collections.join(', ')}: no TTL policy deletes them`,
        'Enable the policy for each collection; setup does it for all',
        `gcloud firestore fields ttls update expiresAt --collection-group=${collections[0]} --enable-ttl --database='${settings.databaseId}' --project=${settings.projectId}`,
      )
    },
  },
  {
    name: 'Grant',
    why: 'Driveway acts with the scopes that you granted at Google',
    async run({ findGrant, settings }) {
      const grant = await findGrant()
      if (!grant) return reconnect('No grant is stored for your account', 'Sign in')
      if (grant.revocation) return reconnect(grant.revocation.cause, 'Sign in again')
      const missing = missingScopes(settings.scopes, grant.scopes)
      if (missing.length === 0) return { ok: true, found: grant.scopes.join(' ') }
      return reconnect(
        `Google granted fewer scopes than Driveway requests; missing: ${missing.join(' ')}`,
        'Sign in again and leave every box ticked; add the scopes at https://console.cloud.google.com/auth/scopes if they are not offered',
      )
    },
  },
  {
    name: 'Consent screen',
    why: 'while it is in Testing, Google revokes every grant after seven days',
    async run({ findGrant, settings }) {
      const { grantedAt = 0, refreshExpiresAt = Infinity, revocation } = (await findGrant()) ?? {}
      const isTesting =
        revocation?.code === 'testing_expired' || refreshExpiresAt - grantedAt <= testingGrantTtlMs
      if (!isTesting) return passed
      return failure(
        'The consent screen is in Testing: your grant expires after seven days',
        `Publish it: https://console.cloud.google.com/auth/audience?project=${settings.projectId}, "Publish app"; then sign in again`,
        'npm run doctor',
      )
    },
  },
  {
    name: 'Drive API',
    why: 'Drive must return a file of yours',
    async run({ checkDrive, settings }) {
      return checkDrive().then(
        () => passed,
        (error: unknown) => explainDriveError(error, settings.projectId),
      )
    },
  },
  {
    name: 'Clock',
    why: 'the server compares the times of tokens and tickets with it',
    async run({ googleTime, now }) {
      const skewSeconds = Math.round((now() - (await googleTime())) / 1000)
      if (Math.abs(skewSeconds) * 1000 <= maxClockSkewMs) return passed
      return failure(
        `The server’s clock is ${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead of' : 'behind'} Google’s`,
        'On Google Cloud, start new instances, which set their clocks. On other hosts, enable NTP',
        'timedatectl set-ntp true',
      )
    },
  },
  {
    name: 'Memory',
    why: 'upload buffers must fit into the memory of an instance',
    async run({ settings }) {
      if (settings.memoryBytes <= maxUploadMemory) return passed
      return failure(
        `MEMORY_BYTES is ${settings.memoryBytes}: more than an instance of 512 MiB has left`,
        'Leave the setting out; the default follows the memory limit of the instance',
        'npm run setup -- --set=MEMORY_BYTES=',
      )
    },
  },
  {
    name: 'Request limit',
    why: 'Google rejects a larger request before it reaches Driveway',
    async run({ settings: { maxRequestBytes } }) {
      if (maxRequestBytes === null || maxRequestBytes <= maxFrontEndBytes) return passed
      return failure(
        `MAX_REQUEST_BYTES is ${maxRequestBytes}: more than Google’s limit of 32 MiB`,
        'Leave the setting out, so that clients get the real limit',
        'npm run setup -- --set=MAX_REQUEST_BYTES=',
      )
    },
  },
]

function secretCheck(
  name: string,
  why: string,
  setting: 'clientSecretName' | 'keyringSecretName',
): ServerCheck {
  return {
    name,
    why: `${why}; its version must be readable, enabled and pinned`,
    async run({ settings, readSecret }) {
      const version = settings[setting]
      if (!/\/versions\/\d+$/.test(version)) {
        return failure(
          `${version} is not a pinned version: the value may change under a running instance`,
          'Configure a version by its number; setup does it',
          'npm run setup',
        )
      }
      return readSecret(version).then(
        () => ({ ok: true, found: version }),
        (error: unknown) => explainSecretError(error, version),
      )
    },
  }
}

function reconnect(cause: string, action: string): Failure {
  return failure(cause, `${action}: open /auth?reconnect=1`, 'npm run doctor')
}
