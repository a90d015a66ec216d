/** What is usually wrong and can be seen from within: each tried for real, each with its mending. */
import type { VaultRecord } from '../../token/grant-store.ts'
import { missingScopes } from '../../token/scopes.ts'
import {
  explainClientError,
  explainDriveError,
  explainSecretError,
  explainFirestoreError,
} from './remedies.ts'

/** Fine, or what is wrong: one cause, what to do, and the one line that does it. */
export type ServerCheckOutcome = { ok: true; found?: string } | Failure
export interface Failure {
  ok: false
  cause: string
  fix: string
  command: string
}

export interface ServerCheck {
  name: string
  why: string
  run(probe: CheckContext): Promise<ServerCheckOutcome>
}

/** What can be tried here, for the operator who asks. */
export interface CheckContext {
  settings: {
    projectId: string
    redirectUri: string
    clientSecretName: string
    keyringSecretName: string
    /** Asked for besides `openid` and `email`. */
    scopes: readonly string[]
    memoryBytes: number
    maxRequestBytes: number | null
  }
  /** Reads a version from Secret Manager, past everything that is held. */
  readSecret(name: string): Promise<string>
  /** @throws {GatewayError} where it is no whole keyring */
  checkKeyring(text: string): Promise<void>
  /** @throws {GatewayError} where it is not the file of a web client */
  checkClientFile(text: string): void
  /** Shows the client at Google's token endpoint. @throws {GatewayError} where Google refuses it */
  checkClient(): Promise<void>
  checkStore(): Promise<void>
  /** Collections in which something is left that expired before then (ms since 1970). */
  findExpired(before: number): Promise<string[]>
  findGrant(): Promise<VaultRecord | undefined>
  /** Asks Drive for a file of the operator's. */
  checkDrive(): Promise<void>
  /** What Google's clock says, in milliseconds since 1970. */
  googleTime(): Promise<number>
  now(): number
}

const passed: ServerCheckOutcome = { ok: true }
const dayMs = 24 * 60 * 60_000
const mebibyte = 1024 * 1024
/** TTL policies may take a day, and are given some more. */
const ttlGraceMs = 4 * dayMs
/** What Google allows a clock to be off before it takes no token's times at their word. */
const maxClockSkewMs = 30_000
/** What a permission of an app in Testing lives at most: Google says seven days. */
const testingGrantTtlMs = 7.5 * dayMs
/** Three quarters of what `upload` has (infra/google/functions.tf) beside the process itself. */
const maxUploadMemory = 252 * mebibyte
/** What Cloud Run takes of one HTTP/1 request. */
const maxFrontEndBytes = 32 * mebibyte

export const serverChecks: readonly ServerCheck[] = [
  secretCheck('Client secret', 'by it Google knows Driveway', 'clientSecretName'),
  {
    name: 'Client file',
    why: 'it has to be that of a web client, with this redirect URI in it',
    async run({ settings, readSecret: secret, checkClientFile }) {
      const text = await secret(settings.clientSecretName)
      try {
        checkClientFile(text)
      } catch {
        return {
          ok: false,
          cause: 'The secret is not the JSON file of a client of type "Web application"',
          fix: 'Download the file at https://console.cloud.google.com/auth/clients and put it in',
          command: 'npm run setup -- --client=client_id.json',
        }
      }
      if (text.includes(JSON.stringify(settings.redirectUri))) return passed
      return {
        ok: false,
        cause: `The client’s file does not list the redirect URI ${settings.redirectUri}`,
        fix: 'Register it at https://console.cloud.google.com/auth/clients, download the file again and put it in',
        command: 'npm run setup -- --client=client_id.json',
      }
    },
  },
  {
    name: 'Client at Google',
    why: 'without a good id and secret nobody can sign in, and no permission is renewed',
    async run({ checkClient, settings }) {
      return checkClient().then(
        () => passed,
        (error: unknown) => explainClientError(error, settings.projectId),
      )
    },
  },
  secretCheck('Keyring secret', 'it opens what people granted', 'keyringSecretName'),
  {
    name: 'Keyring',
    why: 'half a keyring opens nothing',
    async run({ settings, readSecret: secret, checkKeyring }) {
      const text = await secret(settings.keyringSecretName)
      return checkKeyring(text).then(
        () => passed,
        (error: unknown) => ({
          ok: false,
          cause: (error as Error).message,
          fix: 'Go back to the last version that was whole: disable the newer ones, then run setup',
          command: `gcloud secrets versions list driveway-keyring --project=${settings.projectId}`,
        }),
      )
    },
  },
  {
    name: 'Firestore',
    why: 'sessions, tokens and grants are there: it has to be read and written',
    async run({ checkStore, settings }) {
      return checkStore().then(
        () => passed,
        (error: unknown) => explainFirestoreError(error, settings.projectId),
      )
    },
  },
  {
    name: 'TTL',
    why: 'what has expired is to go away by itself',
    async run({ findExpired: overdue, now, settings }) {
      const names = await overdue(now() - ttlGraceMs)
      if (names.length === 0) return passed
      return {
        ok: false,
        cause: `Days after its time there still is something in ${names.join(', ')}: no TTL policy clears it up`,
        fix: 'Switch the policy on for each collection; setup does it for all',
        command: `gcloud firestore fields ttls update expiresAt --collection-group=${names[0]} --enable-ttl --project=${settings.projectId}`,
      }
    },
  },
  {
    name: 'Permission',
    why: 'Driveway works with what you granted it at Google',
    async run({ findGrant: grant, settings }) {
      const record = await grant()
      if (!record) return reconnect('Nothing is kept of what you granted', 'Sign in')
      if (record.death) return reconnect(record.death.cause, 'Sign in again')
      const missing = missingScopes(settings.scopes, record.scopes)
      if (missing.length === 0) return { ok: true, found: record.scopes.join(' ') }
      return reconnect(
        `Google granted less than Driveway asks for; missing: ${missing.join(' ')}`,
        'Sign in again and leave every box ticked; add the scopes at https://console.cloud.google.com/auth/scopes if they are not offered',
      )
    },
  },
  {
    name: 'Consent screen',
    why: 'while it is in Testing, Google ends every permission after seven days',
    async run({ findGrant: grant, settings }) {
      const record = await grant()
      const { grantedAt = 0, refreshExpiresAt = Infinity, death } = record ?? {}
      if (death?.code !== 'testing_expired' && refreshExpiresAt - grantedAt > testingGrantTtlMs)
        return passed
      return {
        ok: false,
        cause: 'The consent screen is in Testing: what you granted ends after seven days',
        fix: `Publish it: https://console.cloud.google.com/auth/audience?project=${settings.projectId}, "Publish app"; then sign in again`,
        command: 'npm run doctor',
      }
    },
  },
  {
    name: 'Drive API',
    why: 'it is asked for a file of yours',
    async run({ checkDrive, settings }) {
      return checkDrive().then(
        () => passed,
        (error: unknown) => explainDriveError(error, settings.projectId),
      )
    },
  },
  {
    name: 'Clock',
    why: 'times of tokens and tickets are compared with it',
    async run({ googleTime, now }) {
      const off = Math.round((now() - (await googleTime())) / 1000)
      if (Math.abs(off) * 1000 <= maxClockSkewMs) return passed
      return {
        ok: false,
        cause: `The server’s clock is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} Google’s`,
        fix: 'On Google Cloud start new instances, which set their clocks; elsewhere switch NTP on',
        command: 'timedatectl set-ntp true',
      }
    },
  },
  {
    name: 'Memory',
    why: 'uploads may hold no more than an instance has',
    async run({ settings }) {
      if (settings.memoryBytes <= maxUploadMemory) return passed
      return {
        ok: false,
        cause: `MEMORY_BYTES is ${settings.memoryBytes}: more than an instance of 512 MiB has left`,
        fix: 'Leave the setting out, so that it follows the instance’s own limit',
        command: 'npm run setup -- --set=MEMORY_BYTES=',
      }
    },
  },
  {
    name: 'Request ceiling',
    why: 'a larger one is refused by Google before Driveway sees it',
    async run({ settings: { maxRequestBytes } }) {
      if (maxRequestBytes === null || maxRequestBytes <= maxFrontEndBytes) return passed
      return {
        ok: false,
        cause: `MAX_REQUEST_BYTES is ${maxRequestBytes}: more than the 32 MiB that Google lets through`,
        fix: 'Leave the setting out, so that callers are told the real ceiling',
        command: 'npm run setup -- --set=MAX_REQUEST_BYTES=',
      }
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
    why: `${why}; its version has to be readable, enabled and pinned`,
    async run({ settings, readSecret: secret }) {
      const version = settings[setting]
      if (!/\/versions\/\d+$/.test(version)) {
        return {
          ok: false,
          cause: `${version} is no fixed version: another value may come under a running instance`,
          fix: 'Name a version by its number; setup does',
          command: 'npm run setup',
        }
      }
      return secret(version).then(
        () => ({ ok: true, found: version }),
        (error: unknown) => explainSecretError(error, version),
      )
    },
  }
}

function reconnect(cause: string, how: string): ServerCheckOutcome {
  return { ok: false, cause, fix: `${how}: open /auth?reconnect=1`, command: 'npm run doctor' }
}
