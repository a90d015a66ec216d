/**
 * All settings, as environment variables. The deployment sets `required` ones, and `deployment` ones, which
 * have a default; the operator may set `optional` ones; `local` ones are rejected in a deployment.
 * `infra/google/functions.tf` sets the same variables.
 */
export const settings = {
  PUBLIC_URL: 'required',
  GOOGLE_CLOUD_PROJECT: 'required',
  CLIENT_SECRET_NAME: 'required',
  KEYRING_SECRET_NAME: 'required',
  FIRESTORE_DATABASE: 'deployment',
  ACCESS_PROFILE: 'optional',
  ALLOWED_ORIGINS: 'optional',
  ALLOWED_USERS: 'optional',
  HSTS_INCLUDE_SUBDOMAINS: 'optional',
  LIMIT_BYTES_PER_DAY: 'optional',
  LIMIT_FILES_PER_DAY: 'optional',
  LINGER_BYTES: 'optional',
  LINGER_CONNECTIONS: 'optional',
  LINGER_SECONDS: 'optional',
  MAX_CONNECTIONS_PER_ADDRESS: 'optional',
  MAX_FILE_BYTES: 'optional',
  MAX_REQUEST_BYTES: 'optional',
  MEMORY_BYTES: 'optional',
  OIDC_ISSUERS: 'optional',
  OPERATORS: 'optional',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'optional',
  OTEL_EXPORTER_OTLP_HEADERS: 'optional',
  RATE_LIMIT: 'optional',
  RATE_LIMIT_ANONYMOUS: 'optional',
  RETURN_URLS: 'optional',
  SESSION_IDLE_DAYS: 'optional',
  SESSION_MAX_DAYS: 'optional',
  TRUSTED_PROXIES: 'optional',
  GOOGLE_SANDBOX_URL: 'local',
  SECRET_MANAGER_EMULATOR_HOST: 'local',
  FIRESTORE_EMULATOR_HOST: 'local',
} as const satisfies Record<string, 'required' | 'deployment' | 'optional' | 'local'>

export type Setting = keyof typeof settings

/** The variables that Driveway reads. Cloud Run sets `K_…`, so they indicate a deployment. */
export type Environment = Partial<Record<Setting | 'K_SERVICE' | 'K_REVISION', string | undefined>>

export interface SettingDocs {
  description: string
  /** The default value; `undefined` for a required setting. */
  default?: string
  /** A valid value. */
  example: string
}

/** The reference of all settings, from which docs/settings.md is generated. */
export const settingDocs: Record<Setting, SettingDocs> = {
  PUBLIC_URL: {
    description:
      'The public origin of the functions, as browsers see it. Register `PUBLIC_URL/callback` as the redirect URI of the OAuth client at Google; Google compares it exactly.',
    example: 'https://my-driveway.web.app',
  },
  GOOGLE_CLOUD_PROJECT: {
    description: 'The Google Cloud project of the Firestore database.',
    example: 'my-driveway',
  },
  CLIENT_SECRET_NAME: {
    description: 'The Secret Manager version that contains the JSON file of the OAuth client.',
    example: 'projects/my-driveway/secrets/driveway-client/versions/1',
  },
  KEYRING_SECRET_NAME: {
    description:
      'The Secret Manager version that contains the keyring: a JWK Set of 256-bit `oct` keys. The first key encrypts; all keys decrypt.',
    example: 'projects/my-driveway/secrets/driveway-keyring/versions/1',
  },
  FIRESTORE_DATABASE: {
    description: 'The ID of the Firestore database in this project.',
    default: '(default)',
    example: 'driveway',
  },
  ACCESS_PROFILE: {
    description:
      'The access to Drive that Driveway requests: `browse` (lists all files; opens and changes the files that Driveway stored), `own` (lists, opens and changes the files that Driveway stored) or `full` (lists, opens and changes all files).',
    default: 'browse',
    example: 'own',
  },
  ALLOWED_ORIGINS: {
    description:
      'Origins of other sites whose pages may call the gateway, separated by spaces or commas. Their pages list and upload files for the signed-in user: list only sites that you trust with the files of your users. A page that signs users in also needs its URL in `RETURN_URLS`.',
    default: 'none',
    example: 'https://www.example.com',
  },
  ALLOWED_USERS: {
    description:
      'Accounts that may sign in: e-mail addresses, Workspace domains (`@example.org`), or `everybody`. An account that you remove from the list can only sign out and disconnect after the next start.',
    default: 'everybody',
    example: 'ada@example.com @example.org',
  },
  HSTS_INCLUDE_SUBDOMAINS: {
    description:
      'Whether `Strict-Transport-Security` covers the subdomains of the public URL too: `true` or `false`. Set it only if each of them has HTTPS.',
    default: 'false',
    example: 'true',
  },
  LIMIT_BYTES_PER_DAY: {
    description:
      'Maximum number of bytes that one account may upload per day (UTC), with all its credentials together.',
    default: 'no limit',
    example: '10000000000',
  },
  LIMIT_FILES_PER_DAY: {
    description:
      'Maximum number of files that one account may upload per day (UTC), with all its credentials together.',
    default: 'no limit',
    example: '1000',
  },
  LINGER_BYTES: {
    description:
      'Maximum number of bytes that are read on and discarded on one connection after an upload was refused early, so that clients that read the response last get it; `none` for no limit.',
    default: '1073741824 (1 GiB)',
    example: '67108864',
  },
  LINGER_CONNECTIONS: {
    description:
      'Maximum number of connections per instance that are read on for more than 3 seconds or 32 MiB after an early refusal; a quarter of it for one network. `none` for no limit.',
    default: '64',
    example: '16',
  },
  LINGER_SECONDS: {
    description:
      'Maximum number of seconds for which one connection is read on after an early refusal. A connection without a byte for two seconds is closed before.',
    default: '30',
    example: '10',
  },
  MAX_CONNECTIONS_PER_ADDRESS: {
    description:
      'Maximum number of connections that one address (an IPv6 /64) may have open to an instance of the container at a time; an eighth of them may use HTTP/2. Proxies in `TRUSTED_PROXIES` are exempt. `none` for no limit.',
    default: '1024',
    example: '256',
  },
  MAX_FILE_BYTES: {
    description: 'Maximum file size in bytes.',
    default: '5497558138880 (Drive’s own limit, 5 TiB)',
    example: '1000000000',
  },
  MAX_REQUEST_BYTES: {
    description:
      'Maximum size in bytes of one HTTP/1 request that the platform accepts; `none` for no limit. A larger request gets an error with a command that uploads the file in chunks.',
    default: '33554432 (32 MiB) when deployed, else none',
    example: 'none',
  },
  MEMORY_BYTES: {
    description: 'Maximum memory in bytes for upload buffers, per instance.',
    default: '16 to 140 MiB, from the memory limit of the instance',
    example: '33554432',
  },
  OIDC_ISSUERS: {
    description:
      'Issuer URLs of the CI systems whose ID tokens are accepted, separated by spaces or commas; `none` for no CI system.',
    default: 'https://token.actions.githubusercontent.com https://gitlab.com',
    example: 'https://gitlab.example.com',
  },
  OPERATORS: {
    description:
      'E-mail addresses of the accounts that may use the self-diagnosis (`GET /auth/doctor`), separated by spaces or commas. Other accounts get 404.',
    default: 'none',
    example: 'ada@example.com',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    description:
      'URL of an OpenTelemetry collector that accepts OTLP/HTTP with JSON encoding. Metrics are sent to `/v1/metrics` and spans to `/v1/traces` below it. Must use https, or http on this machine.',
    default: 'telemetry is off',
    example: 'http://localhost:4318',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    description:
      'Headers of every export request, such as an API key: `name=value`, separated by commas, with percent-encoded values. Anyone with read access to the configuration of the functions can read them.',
    default: 'none',
    example: 'api-key=0123%2045,tenant=drive',
  },
  RATE_LIMIT: {
    description: 'Maximum number of requests per minute and credential; `none` for no limit.',
    default: '12000',
    example: '600',
  },
  RATE_LIMIT_ANONYMOUS: {
    description:
      'Maximum number of requests per minute and network (an IPv4 address, an IPv6 /64) without a valid credential; a request with an invalid credential counts as ten. `none` for no limit.',
    default: '600',
    example: '120',
  },
  RETURN_URLS: {
    description:
      'URLs of the pages on `ALLOWED_ORIGINS` where a sign-in with `code_challenge` may end, such as those with `<driveway-upload>`, separated by spaces or commas. The origin and the path must match exactly; a query is ignored. List no URL that redirects: the browser would pass the authorization code on.',
    default: 'none',
    example: 'https://www.example.com/photos',
  },
  SESSION_IDLE_DAYS: {
    description:
      'Number of days after its last use at which a session ends; `none` for no limit. The last use is stored about once an hour.',
    default: '14',
    example: '1',
  },
  SESSION_MAX_DAYS: {
    description: 'Number of days after the sign-in at which a session ends, from 1 to 365.',
    default: '30',
    example: '7',
  },
  TRUSTED_PROXIES: {
    description:
      'Networks of the proxies whose `X-Forwarded-For` is trusted, separated by spaces or commas: CIDR blocks, addresses, `google` and `fastly` (the front ends of Cloud Run and Firebase Hosting), `link-local` (the platform), `private`, `loopback`, or `none`. A client in one of these networks can forge its address; a proxy that is missing counts as the client.',
    default: 'link-local google fastly when deployed, else none',
    example: 'link-local google 203.0.113.0/24',
  },
  GOOGLE_SANDBOX_URL: {
    description: 'URL of a sandbox that replaces all Google APIs.',
    default: 'Google',
    example: 'http://127.0.0.1:9090',
  },
  SECRET_MANAGER_EMULATOR_HOST: {
    description: 'Host and port of a Secret Manager emulator on this machine.',
    default: 'Google',
    example: '127.0.0.1:9091',
  },
  FIRESTORE_EMULATOR_HOST: {
    description: 'Host and port of a Firestore emulator on this machine.',
    default: 'Google',
    example: '127.0.0.1:9092',
  },
}
