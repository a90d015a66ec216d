/**
 * Every setting there is. What is `required` is said by whoever deploys; what is `optional` has a
 * default that an operator may change; what is `local` is refused where Driveway is deployed.
 * `infra/google/functions.tf` sets exactly these.
 */
export const settings = {
  PUBLIC_URL: 'required',
  GOOGLE_CLOUD_PROJECT: 'required',
  CLIENT_SECRET_NAME: 'required',
  KEYRING_SECRET_NAME: 'required',
  ACCESS_PROFILE: 'optional',
  ALLOWED_ORIGINS: 'optional',
  ALLOWED_USERS: 'optional',
  FORWARDED_HOPS: 'optional',
  LIMIT_BYTES_PER_DAY: 'optional',
  LIMIT_FILES_PER_DAY: 'optional',
  MAX_FILE_BYTES: 'optional',
  MAX_REQUEST_BYTES: 'optional',
  MEMORY_BYTES: 'optional',
  OIDC_ISSUERS: 'optional',
  OPERATORS: 'optional',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'optional',
  OTEL_EXPORTER_OTLP_HEADERS: 'optional',
  RATE_LIMIT: 'optional',
  RATE_LIMIT_ANONYMOUS: 'optional',
  GOOGLE_SANDBOX_URL: 'local',
  SECRET_MANAGER_EMULATOR_HOST: 'local',
  FIRESTORE_EMULATOR_HOST: 'local',
} as const satisfies Record<string, 'required' | 'optional' | 'local'>

export type Setting = keyof typeof settings

/** The environment as far as it is ours; `K_…` are the platform's, and say that it is there. */
export type Environment = Partial<Record<Setting | 'K_SERVICE' | 'K_REVISION', string | undefined>>

export interface SettingWords {
  meaning: string
  /** What holds where it is not set; nothing for what is required. */
  otherwise?: string
  /** A value that is taken. */
  example: string
}

/** The same in words, for docs/settings.md. */
export const settingWords: Record<Setting, SettingWords> = {
  PUBLIC_URL: {
    meaning:
      'The origin in front of the functions, as browsers see it. `PUBLIC_URL/callback` is the redirect URI that has to be registered at Google, letter by letter.',
    example: 'https://my-driveway.web.app',
  },
  GOOGLE_CLOUD_PROJECT: {
    meaning: 'The project whose Firestore is used.',
    example: 'my-driveway',
  },
  CLIENT_SECRET_NAME: {
    meaning: 'The version in Secret Manager that has the OAuth client’s JSON file.',
    example: 'projects/my-driveway/secrets/driveway-client/versions/1',
  },
  KEYRING_SECRET_NAME: {
    meaning:
      'The version in Secret Manager that has the keyring: a JWK Set of 256-bit `oct` keys. The first seals, all open.',
    example: 'projects/my-driveway/secrets/driveway-keyring/versions/1',
  },
  ACCESS_PROFILE: {
    meaning:
      'What is asked of Google: `browse` (everything is listed; what Driveway stored can be opened and changed), `own` (only that is listed, too) or `full` (everything, for everything).',
    otherwise: 'browse',
    example: 'own',
  },
  ALLOWED_ORIGINS: {
    meaning:
      'Origins of other sites whose pages may call, with spaces or commas between. Their pages act for whoever is signed in: list only what you would trust with people’s files.',
    otherwise: 'none',
    example: 'https://www.example.com',
  },
  ALLOWED_USERS: {
    meaning:
      'Who may sign in: addresses, `@domains` of Workspace, or `everybody`. Whoever is taken off the list can, from the next start on, do nothing but sign out and disconnect.',
    otherwise: 'everybody',
    example: 'ada@example.com @example.org',
  },
  FORWARDED_HOPS: {
    meaning:
      'How many front ends append the caller’s address to `X-Forwarded-For`. Too many, and callers can choose an address; too few, and all seem to be one.',
    otherwise: '1 where deployed, else 0',
    example: '2',
  },
  LIMIT_BYTES_PER_DAY: {
    meaning: 'Bytes that one account may upload in a day (UTC), all of its credentials together.',
    otherwise: 'no limit',
    example: '10000000000',
  },
  LIMIT_FILES_PER_DAY: {
    meaning: 'The same in files.',
    otherwise: 'no limit',
    example: '1000',
  },
  MAX_FILE_BYTES: {
    meaning: 'The largest file that is taken.',
    otherwise: '5497558138880 (Drive’s own limit, 5 TiB)',
    example: '1000000000',
  },
  MAX_REQUEST_BYTES: {
    meaning:
      'The largest single request of HTTP/1, where a front end has a ceiling; `none` where there is none. Larger ones are refused with a line that sends the file in pieces.',
    otherwise: '33554432 (32 MiB) where deployed, else none',
    example: 'none',
  },
  MEMORY_BYTES: {
    meaning: 'Memory for bytes on their way, all uploads of an instance together.',
    otherwise: '16 to 140 MiB, from the instance’s own limit',
    example: '33554432',
  },
  OIDC_ISSUERS: {
    meaning:
      'CI systems whose tokens may count, by their issuers’ names, with spaces or commas between; `none` for none.',
    otherwise: 'https://token.actions.githubusercontent.com https://gitlab.com',
    example: 'https://gitlab.example.com',
  },
  OPERATORS: {
    meaning:
      'Addresses of the accounts that may ask `GET /auth/doctor` what is wrong, with spaces or commas between; for others it is not there.',
    otherwise: 'nobody',
    example: 'ada@example.com',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    meaning:
      'An OpenTelemetry collector that takes OTLP as JSON over HTTP: `/v1/metrics` and `/v1/traces` below it are told of metrics and spans. https, or http on this machine.',
    otherwise: 'nothing is measured',
    example: 'http://localhost:4318',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    meaning:
      'Headers that the collector is sent, such as its key: `name=value` with commas between, values percent-encoded. Whoever may see how the functions are set up can read them.',
    otherwise: 'none',
    example: 'api-key=0123%2045,tenant=drive',
  },
  RATE_LIMIT: {
    meaning: 'Requests that one credential may make in a minute; `none` for no limit.',
    otherwise: '12000',
    example: '600',
  },
  RATE_LIMIT_ANONYMOUS: {
    meaning:
      'Requests in a minute of one network (an IPv4 address, an IPv6 /64) that show no good credential; one with a bad credential counts as ten. `none` for no limit.',
    otherwise: '600',
    example: '120',
  },
  GOOGLE_SANDBOX_URL: {
    meaning: 'A sandbox in place of all of Google’s APIs.',
    otherwise: 'Google',
    example: 'http://127.0.0.1:9090',
  },
  SECRET_MANAGER_EMULATOR_HOST: {
    meaning: 'A Secret Manager on this machine.',
    otherwise: 'Google',
    example: '127.0.0.1:9091',
  },
  FIRESTORE_EMULATOR_HOST: {
    meaning: 'A Firestore on this machine.',
    otherwise: 'Google',
    example: '127.0.0.1:9092',
  },
}
