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
  RATE_LIMIT: 'optional',
  RATE_LIMIT_ANONYMOUS: 'optional',
  GOOGLE_SANDBOX_URL: 'local',
  SECRET_MANAGER_EMULATOR_HOST: 'local',
  FIRESTORE_EMULATOR_HOST: 'local',
} as const satisfies Record<string, 'required' | 'optional' | 'local'>

export type Setting = keyof typeof settings

/** The environment as far as it is ours; `K_SERVICE` is the platform's, and says that it is there. */
export type Environment = Partial<Record<Setting | 'K_SERVICE', string | undefined>>
