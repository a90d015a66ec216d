/** The only reader of the environment. */
import type { Environment, Setting } from './settings.ts'

import { isLoopback, readEndpoint, readOrigin } from './urls.ts'
import { readHeaders } from './otlp-headers.ts'
import type { AllowedUsers } from '../identity/allowlist.ts'
import { memoryForUploads } from './memory-limit.ts'

/** What Driveway asks of Google: see `accessProfiles`. */
export type AccessProfile = 'browse' | 'own' | 'full'

const drive = 'https://www.googleapis.com/auth/drive'

/** The scopes of each profile besides `openid` and `email`, and what they mean in plain words. */
export const accessProfiles: Record<AccessProfile, { scopes: string[]; meaning: string }> = {
  browse: {
    scopes: [`${drive}.metadata.readonly`, `${drive}.file`],
    meaning:
      'Everything in your Drive is listed; Driveway can open and change only what it stored.',
  },
  own: {
    scopes: [`${drive}.file`],
    meaning: 'Only the files that Driveway stored are listed.',
  },
  full: {
    scopes: [drive],
    meaning: 'Everything in your Drive is listed and can be opened, changed and added to.',
  },
}

export interface Config {
  /** The origin in front of the functions, as browsers see it; no slash at the end. */
  publicUrl: string
  /** Registered at Google's console, letter by letter. */
  redirectUri: string
  projectId: string
  /** What runs here: the function and its revision, as the platform calls them. */
  service: { service: string; version?: string }
  /** Secret Manager version names, `projects/P/secrets/S/versions/V`. */
  clientSecretName: string
  keyringSecretName: string
  accessProfile: AccessProfile
  /** Who may sign in. */
  allowedUsers: AllowedUsers
  /** Addresses of the accounts that may ask what is wrong here; nobody's unless said. */
  operators: string[]
  /** Origins besides our own whose pages may call with a session. */
  allowedOrigins: string[]
  /** Front ends that append the address that they were called from to `X-Forwarded-For`. */
  forwardedHops: number
  /** CI systems whose tokens may count, by the names that they have as issuers. */
  oidcIssuers: string[]
  /** Requests that one credential may make in a minute, and one network for all that show none. */
  rateLimits: { credential: number | null; network: number | null }
  /** What one account may upload in a day (UTC), all of its credentials together. */
  limitsPerDay: { bytes: number | null; files: number | null }
  /** Bytes that one file may have. */
  maxFileBytes: number
  /** Bytes that one request may have where a front end caps them; `null` where none does. */
  maxRequestBytes: number | null
  /** Bytes that uploads under way may hold in memory, all together. */
  memoryBytes: number
  /** Where Google's APIs are; one address for all of them only beside a sandbox. */
  google: GoogleAddresses
  /** `host:port` of a Secret Manager on loopback. */
  secretManagerHost: string | undefined
  /** `host:port` of a Firestore on loopback. */
  firestoreHost: string | undefined
  /** The OpenTelemetry collector that is told of metrics and spans; nobody is told where there is none. */
  otlpEndpoint: string | undefined
  /** What is sent to it with everything, such as what it knows us by; nobody else is told. */
  otlpHeaders: Record<string, string>
}

export interface GoogleAddresses {
  authorization: string
  token: string
  revocation: string
  jwks: string
  userinfo: string
  /** The Drive API's root, with a slash at the end. */
  drive: string
}

const realGoogle: GoogleAddresses = {
  authorization: 'https://accounts.google.com/o/oauth2/v2/auth',
  token: 'https://oauth2.googleapis.com/token',
  revocation: 'https://oauth2.googleapis.com/revoke',
  jwks: 'https://www.googleapis.com/oauth2/v3/certs',
  userinfo: 'https://openidconnect.googleapis.com/v1/userinfo',
  drive: 'https://www.googleapis.com/',
}

const ciSystems = 'https://token.actions.githubusercontent.com https://gitlab.com'

const hostAndPort = /^[\w.:[\]-]+:\d{1,5}$/

/** As many as Drive takes of one user; and what a crowd behind one address needs to sign in. */
const requestsPerMinute = { credential: 12_000, network: 600 }

/** Drive's own limit for one file, in bytes. */
const driveMaxFileBytes = 5_497_558_138_880

/**
 * Reads and checks every setting.
 *
 * @throws {Error} naming everything that is missing or wrong, at once
 */
export function readConfig(env: Environment): Config {
  const wrong: string[] = []
  const required = (name: Setting): string => {
    const value = env[name]?.trim()
    if (!value) wrong.push(`${name} is missing`)
    return value ?? ''
  }
  const number = (name: Setting, unit: string, otherwise: number | null): number | null => {
    const value = env[name]?.trim()
    if (!value) return otherwise
    if (value === 'none') return null
    if (!/^\d{1,15}$/.test(value) || Number(value) === 0)
      wrong.push(`${name} is no number of ${unit}`)
    return Number(value)
  }
  const bytes = (name: Setting, otherwise: number | null): number | null =>
    number(name, 'bytes', otherwise)
  const loopback = (name: Setting, shape: RegExp): string | undefined => {
    const value = env[name]?.trim()
    if (!value) return undefined
    // K_SERVICE is set by Cloud Run: a deployed function talks to nobody but Google.
    if (env['K_SERVICE']) wrong.push(`${name} is for local runs and not allowed when deployed`)
    else if (!shape.test(value) || !isLoopback(value)) {
      wrong.push(`${name} must be an address on this machine`)
    }
    return value
  }
  const secret = (name: Setting): string => {
    const value = required(name)
    if (value && !/^projects\/[^/]+\/secrets\/[^/]+\/versions\/[^/]+$/.test(value)) {
      wrong.push(`${name} must look like projects/P/secrets/S/versions/V`)
    }
    return value
  }

  const publicUrl = readOrigin('PUBLIC_URL', required('PUBLIC_URL'), wrong)
  const sandbox = loopback('GOOGLE_SANDBOX_URL', /^http:\/\/[\w.:[\]-]+\/?$/)?.replace(/\/$/, '')
  const profile = env['ACCESS_PROFILE']?.trim() || 'browse'
  if (!Object.hasOwn(accessProfiles, profile)) {
    wrong.push('ACCESS_PROFILE must be browse, own or full')
  }

  const config: Config = {
    publicUrl,
    redirectUri: `${publicUrl}/callback`,
    projectId: required('GOOGLE_CLOUD_PROJECT'),
    service: {
      service: env['K_SERVICE'] ?? 'driveway',
      ...(env['K_REVISION'] ? { version: env['K_REVISION'] } : {}),
    },
    clientSecretName: secret('CLIENT_SECRET_NAME'),
    keyringSecretName: secret('KEYRING_SECRET_NAME'),
    accessProfile: profile as AccessProfile,
    allowedUsers: readAllowedUsers(env['ALLOWED_USERS'], wrong),
    operators: readOperators(env['OPERATORS'], wrong),
    allowedOrigins: list(env['ALLOWED_ORIGINS']).map((origin) =>
      readOrigin('ALLOWED_ORIGINS', origin, wrong),
    ),
    forwardedHops: readHops(env, wrong),
    oidcIssuers: readIssuers(env['OIDC_ISSUERS'], sandbox !== undefined, wrong),
    rateLimits: {
      credential: number('RATE_LIMIT', 'requests', requestsPerMinute.credential),
      network: number('RATE_LIMIT_ANONYMOUS', 'requests', requestsPerMinute.network),
    },
    limitsPerDay: {
      bytes: bytes('LIMIT_BYTES_PER_DAY', null),
      files: number('LIMIT_FILES_PER_DAY', 'files', null),
    },
    maxFileBytes: bytes('MAX_FILE_BYTES', driveMaxFileBytes) ?? driveMaxFileBytes,
    maxRequestBytes: bytes('MAX_REQUEST_BYTES', env['K_SERVICE'] ? 32 * 1024 * 1024 : null),
    memoryBytes: bytes('MEMORY_BYTES', null) ?? memoryForUploads(),
    google: sandbox ? sandboxGoogle(sandbox) : realGoogle,
    secretManagerHost: loopback('SECRET_MANAGER_EMULATOR_HOST', hostAndPort),
    firestoreHost: loopback('FIRESTORE_EMULATOR_HOST', hostAndPort),
    otlpEndpoint: readEndpoint(
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      env['OTEL_EXPORTER_OTLP_ENDPOINT'],
      wrong,
    ),
    otlpHeaders: readHeaders(
      'OTEL_EXPORTER_OTLP_HEADERS',
      env['OTEL_EXPORTER_OTLP_HEADERS'],
      wrong,
    ),
  }
  if (wrong.length > 0) throw new Error(`Cannot start: ${[...new Set(wrong)].join('; ')}`)
  return config
}

/**
 * Which function the Functions Framework was told to serve, by the same rules that it goes by.
 *
 * @param args the process's arguments
 * @returns nothing where it is none of ours
 */
export function readTarget(
  { FUNCTION_TARGET }: NodeJS.ProcessEnv,
  args: readonly string[],
): FunctionName | undefined {
  const given = args.flatMap((arg, at) =>
    arg === '--target' ? (args[at + 1] ?? []) : arg.startsWith('--target=') ? arg.slice(9) : [],
  )
  const target = given.at(-1) ?? FUNCTION_TARGET
  return functionNames.find((name) => name === target)
}

/** What can be served by itself. */
const functionNames = ['auth', 'callback', 'files', 'upload'] as const
export type FunctionName = (typeof functionNames)[number]

/**
 * Where a container listens; the platform says it.
 *
 * @throws {Error} when it is no port
 */
export function readPort({ PORT = '8080' }: NodeJS.ProcessEnv): number {
  if (/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535) return Number(PORT)
  throw new Error('Cannot start: PORT is no port')
}

function sandboxGoogle(origin: string): GoogleAddresses {
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

/** Addresses and `@domains`, or `everybody`, which an empty list means too. */
function readAllowedUsers(value: string | undefined, wrong: string[]): AllowedUsers {
  const entries = list(value?.toLowerCase())
  if (entries.length === 0) return 'everybody'
  if (entries.includes('everybody')) {
    if (entries.length > 1) wrong.push('ALLOWED_USERS is everybody or a list, not both')
    return 'everybody'
  }
  if (!entries.every((entry) => /^[^@\s*]*@[a-z\d-]+(\.[a-z\d-]+)+$/.test(entry))) {
    wrong.push('ALLOWED_USERS must list addresses (a@b.example) and domains (@b.example)')
  }
  return {
    addresses: entries.filter((entry) => !entry.startsWith('@')),
    domains: entries.filter((entry) => entry.startsWith('@')).map((entry) => entry.slice(1)),
  }
}

function readOperators(value: string | undefined, wrong: string[]): string[] {
  const addresses = list(value?.toLowerCase())
  if (!addresses.every((entry) => /^[^@\s*]+@[a-z\d-]+(\.[a-z\d-]+)+$/.test(entry))) {
    wrong.push('OPERATORS must list addresses (a@b.example)')
  }
  return addresses
}

/** `none`, or issuers as they name themselves: https, and http on loopback beside a sandbox alone. */
function readIssuers(value: string | undefined, besideSandbox: boolean, wrong: string[]): string[] {
  const issuers = list(value?.trim() || ciSystems)
  if (issuers.join() === 'none') return []
  for (const issuer of issuers) {
    const url = URL.canParse(issuer) ? new URL(issuer) : undefined
    const isPlain =
      url !== undefined && `${url.origin}${url.pathname}`.replace(/\/$/, '') === issuer
    const isSecure =
      url?.protocol === 'https:' ||
      (besideSandbox && url?.protocol === 'http:' && isLoopback(issuer))
    if (!isPlain || !isSecure || issuer === 'https://accounts.google.com') {
      wrong.push('OIDC_ISSUERS must be addresses such as https://gitlab.com, or none')
    }
  }
  return issuers
}

/** One in front of what is deployed, unless another number is said. */
function readHops(env: Environment, wrong: string[]): number {
  const value = env['FORWARDED_HOPS']?.trim() || (env['K_SERVICE'] ? '1' : '0')
  if (!/^\d$/.test(value)) wrong.push('FORWARDED_HOPS must be a number from 0 to 9')
  return Number(value)
}
