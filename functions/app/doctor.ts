/** Composition of the self-diagnosis: its clients bypass the caches of the other services. */
import { accessProfiles } from '../token/access-profiles.ts'
import type { Config } from '../config/config.ts'
import { createFirestoreCheck } from '../auth/doctor/firestore-check.ts'
import type { DoctorDeps } from '../auth/doctor/routes.ts'
import { checkOAuthClient, fetchGoogleTime } from '../auth/doctor/google-checks.ts'
import { readClientCredentials } from '../token/client-credentials.ts'
import { createAccountEmailLookup } from '../token/firestore-account-email.ts'
import { createSecretFetcher } from '../token/secret-manager.ts'
import { createGoogleOAuth } from '../token/google-oauth.ts'
import { createSeal } from '../token/sealed-values.ts'
import type { Clients } from './clients.ts'
import type { DriveServices } from './drive.ts'
import type { TokenServices } from './token.ts'

export function createDoctorServices(
  config: Config,
  { firestore, secretManager }: Clients,
  { grants, accountOf }: Pick<TokenServices, 'grants' | 'accountOf'>,
  { files }: Pick<DriveServices, 'files'>,
  now: () => number,
  timeouts: { secrets?: number; doctorCheck?: number; googleTime?: number } = {},
): DoctorDeps['doctor'] {
  const { scopes } = accessProfiles[config.accessProfile]
  const { clientSecretName, googleEndpoints: google, redirectUri } = config
  const readSecret = createSecretFetcher(secretManager, timeouts)
  const store = createFirestoreCheck(firestore)
  const oauth = createGoogleOAuth({
    endpoints: google,
    redirectUri,
    scopes,
    credentials: async () => readClientCredentials(await readSecret(clientSecretName)),
  })
  return {
    operators: config.operators,
    checkTimeoutMs: timeouts.doctorCheck,
    emailOf: createAccountEmailLookup(firestore),
    contextFor: (sub, signal) => ({
      settings: { ...config, scopes },
      readSecret,
      async checkKeyring(text) {
        await createSeal(async () => text).seal('doctor', {})
      },
      checkClientFile: readClientCredentials,
      checkClient: () => checkOAuthClient(oauth),
      checkStore: store.checkReadWrite,
      findExpired: store.findExpired,
      findGrant: () => grants.find(sub),
      async checkDrive() {
        await files.list(accountOf(sub), { pageSize: 1, orderBy: 'name' }, signal)
      },
      googleTime: () => fetchGoogleTime(google.jwks, timeouts.googleTime),
      now,
    }),
  }
}
