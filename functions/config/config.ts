/** Reads the configuration from the environment; no other module does. */
import type { BlockList } from 'node:net'
import type { Environment, Setting } from './settings.ts'

import { isLoopback, parseEndpoint, parseOrigin, parsePageUrl } from './urls.ts'
import { parseOtlpHeaders } from './otlp-headers.ts'
import type { AllowedUsers } from '../identity/allowlist.ts'
import { defaultSessionLifetime } from '../identity/session-lifetime.ts'
import type { SessionLifetime } from '../identity/session-lifetime.ts'
import { accessProfiles } from '../token/access-profiles.ts'
import type { AccessProfile } from '../token/access-profiles.ts'
import { uploadMemoryLimit } from './memory-limit.ts'
import { deployedProxies, parseTrustedProxies } from './trusted-proxies.ts'

export interface Config {
  /** The public origin of the functions, without a trailing slash. */
  publicUrl: string
  /** Must be identical to the redirect URI in Google's console. */
  redirectUri: string
  projectId: string
  /** The Firestore database of the project. */
  databaseId: string
  /** The Cloud Run service and its revision. */
  service: { service: string; version?: string }
  /** Secret Manager version names, `projects/P/secrets/S/versions/V`. */
  clientSecretName: string
  keyringSecretName: string
  accessProfile: AccessProfile
  /** Accounts that may sign in. */
  allowedUsers: AllowedUsers
  /** E-mail addresses of the accounts that may use the self-diagnosis; none by default. */
  operators: string[]
  /** Other origins whose pages may call with a session. */
  allowedOrigins: string[]
  /** URLs, without query, of pages on these origins where a sign-in with a code challenge may end. */
  returnUrls: string[]
  sessionLifetime: SessionLifetime
  /** Networks of the proxies whose `X-Forwarded-For` is trusted. */
  trustedProxies: BlockList
  /** Issuer URLs of the CI systems whose ID tokens are accepted. */
  oidcIssuers: string[]
  /** Whether Strict-Transport-Security covers subdomains. */
  hstsIncludeSubDomains: boolean
  /** Requests per minute and credential, and per network for requests without a valid credential. */
  rateLimits: { credential: number | null; network: number | null }
  /** Daily upload quota (UTC) of one account, for all its credentials together. */
  limitsPerDay: { bytes: number | null; files: number | null }
  /** Maximum file size in bytes. */
  maxFileBytes: number
  /** Maximum size in bytes of one HTTP/1 request at the front end; `null` for no limit. */
  maxRequestBytes: number | null
  /** How long, how far and on how many connections an instance reads on after an early refusal. */
  linger: { maxMs: number; maxBytes: number; maxConnections: number }
  /** Connections of one address at a time, to a server that clients reach directly. */
  maxConnectionsPerAddress: number
  /** Maximum memory in bytes for upload buffers. */
  memoryBytes: number
  /** Google's API endpoints, or those of a sandbox. */
  googleEndpoints: GoogleEndpoints
  /** `host:port` of a Secret Manager emulator on loopback. */
  secretManagerHost: string | undefined
  /** `host:port` of a Firestore emulator on loopback. */
  firestoreHost: string | undefined
  /** URL of the OpenTelemetry collector; telemetry is off without one. */
  otlpEndpoint: string | undefined
  /** Headers of every export request, such as an API key. */
  otlpHeaders: Record<string, string>
}

export interface GoogleEndpoints {
  authorization: string
  token: string
  revocation: string
  jwks: string
  userinfo: string
  /** Root of the Drive API, with a trailing slash. */
  drive: string
}

const productionEndpoints: GoogleEndpoints = {
  authorization: 'https://accounts.google.com/o/oauth2/v2/auth',
  token: 'https://oauth2.googleapis.com/token',
  revocation: 'https://oauth2.googleapis.com/revoke',
  jwks: 'https://www.googleapis.com/oauth2/v3/certs',
  userinfo: 'https://openidconnect.googleapis.com/v1/userinfo',
  drive: 'https://www.googleapis.com/',
}

const defaultIssuers = 'https://token.actions.githubusercontent.com https://gitlab.com'

const hostAndPort = /^[\w.:[\]-]+:\d{1,5}$/

/** Drive's limit per user; and enough for many users behind one address to sign in. */
const defaultRequestsPerMinute = { credential: 12_000, network: 600 }

/** Drive's maximum file size in bytes. */
const maxDriveFileBytes = 5_497_558_138_880

/**
 * Reads and validates all settings.
 *
 * @throws {Error} with all missing and invalid settings
 */
export function readConfig(env: Environment): Config {
  const problems: string[] = []
  const required = (name: Setting): string => {
    const value = env[name]?.trim()
    if (!value) problems.push(`${name} is missing`)
    return value ?? ''
  }
  const number = (name: Setting, unit: string, defaultValue: number | null): number | null => {
    const value = env[name]?.trim()
    if (!value) return defaultValue
    if (value === 'none') return null
    if (!/^\d{1,15}$/.test(value) || Number(value) === 0)
      problems.push(`${name} must be a positive number of ${unit}`)
    return Number(value)
  }
  const bytes = (name: Setting, defaultValue: number | null): number | null =>
    number(name, 'bytes', defaultValue)
  const loopback = (name: Setting, pattern: RegExp): string | undefined => {
    const value = env[name]?.trim()
    if (!value) return undefined
    // Cloud Run sets K_SERVICE: a deployed function connects only to Google.
    if (env['K_SERVICE']) problems.push(`${name} is not allowed in a deployment`)
    else if (!pattern.test(value) || !isLoopback(value)) {
      problems.push(`${name} must be an address on this machine`)
    }
    return value
  }
  const secret = (name: Setting): string => {
    const value = required(name)
    if (value && !/^projects\/[^/]+\/secrets\/[^/]+\/versions\/[^/]+$/.test(value)) {
      problems.push(`${name} must look like projects/P/secrets/S/versions/V`)
    }
    return value
  }

  const publicUrl = parseOrigin('PUBLIC_URL', required('PUBLIC_URL'), problems)
  const sandbox = loopback('GOOGLE_SANDBOX_URL', /^http:\/\/[\w.:[\]-]+\/?$/)?.replace(/\/$/, '')
  const profile = env['ACCESS_PROFILE']?.trim() || 'browse'
  if (!Object.hasOwn(accessProfiles, profile)) {
    problems.push('ACCESS_PROFILE must be browse, own or full')
  }

  const allowedOrigins = list(env['ALLOWED_ORIGINS']).map((origin) =>
    parseOrigin('ALLOWED_ORIGINS', origin, problems),
  )

  const config: Config = {
    publicUrl,
    redirectUri: `${publicUrl}/callback`,
    projectId: required('GOOGLE_CLOUD_PROJECT'),
    databaseId: readDatabase(env['FIRESTORE_DATABASE'], problems),
    service: {
      service: env['K_SERVICE'] ?? 'driveway',
      ...(env['K_REVISION'] ? { version: env['K_REVISION'] } : {}),
    },
    clientSecretName: secret('CLIENT_SECRET_NAME'),
    keyringSecretName: secret('KEYRING_SECRET_NAME'),
    accessProfile: profile as AccessProfile,
    allowedUsers: readAllowedUsers(env['ALLOWED_USERS'], problems),
    operators: readOperators(env['OPERATORS'], problems),
    allowedOrigins,
    returnUrls: list(env['RETURN_URLS']).map((url) =>
      parsePageUrl('RETURN_URLS', url, allowedOrigins, problems),
    ),
    sessionLifetime: readSessionLifetime(number, problems),
    trustedProxies: readTrustedProxies(env, problems),
    oidcIssuers: readIssuers(env['OIDC_ISSUERS'], sandbox !== undefined, problems),
    hstsIncludeSubDomains: readBoolean('HSTS_INCLUDE_SUBDOMAINS', env, problems),
    rateLimits: {
      credential: number('RATE_LIMIT', 'requests', defaultRequestsPerMinute.credential),
      network: number('RATE_LIMIT_ANONYMOUS', 'requests', defaultRequestsPerMinute.network),
    },
    limitsPerDay: {
      bytes: bytes('LIMIT_BYTES_PER_DAY', null),
      files: number('LIMIT_FILES_PER_DAY', 'files', null),
    },
    maxFileBytes: bytes('MAX_FILE_BYTES', maxDriveFileBytes) ?? maxDriveFileBytes,
    maxRequestBytes: bytes('MAX_REQUEST_BYTES', env['K_SERVICE'] ? 32 * 1024 * 1024 : null),
    linger: {
      maxMs: 1000 * (number('LINGER_SECONDS', 'seconds', 30) ?? Infinity),
      maxBytes: bytes('LINGER_BYTES', 1024 ** 3) ?? Infinity,
      maxConnections: number('LINGER_CONNECTIONS', 'connections', 64) ?? Infinity,
    },
    maxConnectionsPerAddress:
      number('MAX_CONNECTIONS_PER_ADDRESS', 'connections', 1024) ?? Infinity,
    memoryBytes: bytes('MEMORY_BYTES', null) ?? uploadMemoryLimit(),
    googleEndpoints: sandbox ? sandboxEndpoints(sandbox) : productionEndpoints,
    secretManagerHost: loopback('SECRET_MANAGER_EMULATOR_HOST', hostAndPort),
    firestoreHost: loopback('FIRESTORE_EMULATOR_HOST', hostAndPort),
    otlpEndpoint: parseEndpoint(
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      env['OTEL_EXPORTER_OTLP_ENDPOINT'],
      problems,
    ),
    otlpHeaders: parseOtlpHeaders(
      'OTEL_EXPORTER_OTLP_HEADERS',
      env['OTEL_EXPORTER_OTLP_HEADERS'],
      problems,
    ),
  }
  if (problems.length > 0) throw new Error(`Cannot start: ${[...new Set(problems)].join('; ')}`)
  return config
}

/**
 * Reads which function the Functions Framework is configured to serve, by the framework's own rules.
 *
 * @param args the command-line arguments
 * @returns `undefined` for any other function
 */
export function readFunctionTarget(
  { FUNCTION_TARGET }: NodeJS.ProcessEnv,
  args: readonly string[],
): FunctionName | undefined {
  const targets = args.flatMap((arg, index) =>
    arg === '--target' ? (args[index + 1] ?? []) : arg.startsWith('--target=') ? arg.slice(9) : [],
  )
  const target = targets.at(-1) ?? FUNCTION_TARGET
  return functionNames.find((name) => name === target)
}

const functionNames = ['auth', 'callback', 'files', 'upload'] as const
export type FunctionName = (typeof functionNames)[number]

/**
 * Reads the port of the container from PORT, which the platform sets.
 *
 * @throws {Error} for an invalid port
 */
export function readPort({ PORT = '8080' }: NodeJS.ProcessEnv): number {
  if (/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535) return Number(PORT)
  throw new Error('Cannot start: PORT must be a port number')
}

function sandboxEndpoints(origin: string): GoogleEndpoints {
  return {
    authorization: `${origin}/o/oauth2/v2/auth`,
    token: `${origin}/token`,
    revocation: `${origin}/revoke`,
    jwks: `${origin}/oauth2/v3/certs`,
    userinfo: `${origin}/v1/userinfo`,
    drive: `${origin}/`,
  }
}

function list(value: string | undefined): string[] {
  return (value ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
}

function readDatabase(value: string | undefined, problems: string[]): string {
  const database = value?.trim() || '(default)'
  if (database !== '(default)' && !/^[a-z][a-z\d-]{2,61}[a-z\d]$/.test(database)) {
    problems.push('FIRESTORE_DATABASE must be the ID of a database, such as driveway')
  }
  return database
}

function readBoolean(name: Setting, env: Environment, problems: string[]): boolean {
  const value = env[name]?.trim() || 'false'
  if (value !== 'true' && value !== 'false') problems.push(`${name} must be true or false`)
  return value === 'true'
}

const dayMs = 24 * 60 * 60_000

function readSessionLifetime(
  number: (name: Setting, unit: string, defaultValue: number | null) => number | null,
  problems: string[],
): SessionLifetime {
  const { maxMs, idleMs } = defaultSessionLifetime
  const idleDays = number('SESSION_IDLE_DAYS', 'days', idleMs / dayMs)
  const maxDays = number('SESSION_MAX_DAYS', 'days', maxMs / dayMs)
  if (maxDays === null || maxDays > 365) problems.push('SESSION_MAX_DAYS must be from 1 to 365')
  return { maxMs: (maxDays ?? 0) * dayMs, idleMs: idleDays === null ? Infinity : idleDays * dayMs }
}

/** Parses e-mail addresses and `@domains`, or `everybody`, which is the default. */
function readAllowedUsers(value: string | undefined, problems: string[]): AllowedUsers {
  const entries = list(value?.toLowerCase())
  if (entries.length === 0) return 'everybody'
  if (entries.includes('everybody')) {
    if (entries.length > 1) problems.push('ALLOWED_USERS must be everybody or a list, not both')
    return 'everybody'
  }
  if (!entries.every((entry) => /^[^@\s*]*@[a-z\d-]+(\.[a-z\d-]+)+$/.test(entry))) {
    problems.push('ALLOWED_USERS must list addresses (a@b.example) and domains (@b.example)')
  }
  return {
    addresses: entries.filter((entry) => !entry.startsWith('@')),
    domains: entries.filter((entry) => entry.startsWith('@')).map((entry) => entry.slice(1)),
  }
}

function readOperators(value: string | undefined, problems: string[]): string[] {
  const addresses = list(value?.toLowerCase())
  if (!addresses.every((entry) => /^[^@\s*]+@[a-z\d-]+(\.[a-z\d-]+)+$/.test(entry))) {
    problems.push('OPERATORS must list addresses (a@b.example)')
  }
  return addresses
}

/** Parses `none` or issuer URLs; http on loopback is allowed only with a sandbox. */
function readIssuers(
  value: string | undefined,
  allowLoopback: boolean,
  problems: string[],
): string[] {
  const issuers = list(value?.trim() || defaultIssuers)
  if (issuers.join() === 'none') return []
  for (const issuer of issuers) {
    const url = URL.canParse(issuer) ? new URL(issuer) : undefined
    const isCanonical =
      url !== undefined && `${url.origin}${url.pathname}`.replace(/\/$/, '') === issuer
    const isSecure =
      url?.protocol === 'https:' ||
      (allowLoopback && url?.protocol === 'http:' && isLoopback(issuer))
    if (!isCanonical || !isSecure || issuer === 'https://accounts.google.com') {
      problems.push('OIDC_ISSUERS must be issuer URLs such as https://gitlab.com, or none')
    }
  }
  return issuers
}

/** Parses `none` or networks; the front ends of Google and Fastly by default in a deployment. */
function readTrustedProxies(env: Environment, problems: string[]): BlockList {
  const entries = list(env['TRUSTED_PROXIES'] || (env['K_SERVICE'] ? deployedProxies : 'none'))
  return parseTrustedProxies('TRUSTED_PROXIES', entries.join() === 'none' ? [] : entries, problems)
}
