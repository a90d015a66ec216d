/** What the doctor tries from within, put together: each past whatever is held elsewhere. */
import { accessProfiles } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { createStoreProbe } from '../auth/doctor/firestore-check.ts'
import type { DoctorParts } from '../auth/doctor/routes.ts'
import { cappedFetch } from '../token/limited-fetch.ts'
import { createAddresses } from '../token/firestore-account-email.ts'
import { createGoogleSecrets } from '../token/secret-manager.ts'
import { createOAuth, DeadGrantError } from '../token/google-oauth.ts'
import { createSeal } from '../token/sealed-values.ts'
import type { Clients } from './clients.ts'
import type { DriveRoom } from './drive.ts'
import { readClientCredentials } from './token.ts'
import type { TokenRoom } from './token.ts'

/** Google takes no such refresh token: a good client is told so, a bad one is not heard at all. */
const noToken = 'driveway-doctor'

export function wireDoctor(
  config: Config,
  { firestore, secretManager }: Clients,
  { vault, accountOf }: Pick<TokenRoom, 'vault' | 'accountOf'>,
  { files }: Pick<DriveRoom, 'files'>,
  now: () => number,
): DoctorParts['doctor'] {
  const { scopes } = accessProfiles[config.accessProfile]
  const { clientSecretName, google, redirectUri } = config
  const secret = createGoogleSecrets(secretManager)
  const store = createStoreProbe(firestore)
  const oauth = createOAuth({
    addresses: google,
    redirectUri,
    scopes,
    credentials: async () => readClientCredentials(await secret(clientSecretName)),
  })
  return {
    operators: config.operators,
    addressOf: createAddresses(firestore),
    probeFor: (sub, signal) => ({
      settings: { ...config, scopes },
      secret,
      async checkKeyring(text) {
        await createSeal(async () => text).seal('doctor', {})
      },
      checkClientFile: readClientCredentials,
      async checkClient() {
        try {
          await oauth.refresh(noToken)
        } catch (error) {
          if (!(error instanceof DeadGrantError)) throw error
        }
      },
      checkStore: store.write,
      overdue: store.overdue,
      grant: () => vault.find(sub),
      async checkDrive() {
        await files.list(accountOf(sub), { pageSize: 1, orderBy: 'name' }, signal)
      },
      async googleTime() {
        const { headers } = await cappedFetch(google.jwks, {
          redirect: 'manual',
          signal: AbortSignal.timeout(8_000),
        })
        return Date.parse(headers.get('date') ?? '')
      },
      now,
    }),
  }
}
