/** Composition of the token services: OAuth client, grants, secrets and access tokens. */
import { accessProfiles } from '../token/access-profiles.ts'
import type { Config } from '../config/config.ts'
import type { DriveAccount } from '../drive/client/account.ts'
import type { EraseAccount } from '../lib/erase-account.ts'
import { audit } from '../http/audit.ts'
import type { Log } from '../http/log.ts'
import { createAccessTokenCache } from '../token/access-token-cache.ts'
import type { AccessTokenCache } from '../token/access-token-cache.ts'
import { createFirestoreGrantStore } from '../token/firestore-grant-store.ts'
import { createSecretFetcher } from '../token/secret-manager.ts'
import { instrumentRefreshes } from '../token/token-telemetry.ts'
import { createGoogleOAuth } from '../token/google-oauth.ts'
import type { GoogleOAuth } from '../token/google-oauth.ts'
import { createSeal } from '../token/sealed-values.ts'
import type { Seal } from '../token/sealed-values.ts'
import { readClientCredentials } from '../token/client-credentials.ts'
import { withSecretPrefetch } from '../token/secret-prefetch.ts'
import { createSecretCache } from '../token/secret-cache.ts'
import type { GrantStore } from '../token/grant-store.ts'
import type { Telemetry } from '../telemetry/metrics.ts'
import type { Clients } from './clients.ts'

export interface TokenServices {
  /** The required OAuth scopes. */
  scopes: string[]
  seal: Seal
  oauth: GoogleOAuth
  grants: GrantStore
  accessTokens: AccessTokenCache
  accountOf(sub: string): DriveAccount
  erase: EraseAccount
}

/**
 * @param signInTimeoutMs timeout of one code exchange or refresh at Google, in milliseconds
 * @param timeouts in milliseconds, read for each secret
 */
export function createTokenServices(
  config: Config,
  clients: Clients,
  log: Log,
  now: () => number,
  signInTimeoutMs?: number,
  telemetry?: Telemetry,
  timeouts?: { secrets?: number },
): TokenServices {
  const secrets = createSecretCache(createSecretFetcher(clients.secretManager, timeouts), now)
  const seal = createSeal((fresh) => secrets.read(config.keyringSecretName, fresh))
  const { scopes } = accessProfiles[config.accessProfile]
  const client = createGoogleOAuth({
    endpoints: config.googleEndpoints,
    redirectUri: config.redirectUri,
    scopes,
    credentials: async (fresh) =>
      readClientCredentials(await secrets.read(config.clientSecretName, fresh)),
    ...(signInTimeoutMs === undefined ? {} : { timeoutMs: signInTimeoutMs }),
  })
  const oauth = telemetry ? instrumentRefreshes(client, telemetry) : client
  const grants = createFirestoreGrantStore({
    firestore: clients.firestore,
    seal,
    onUnreadable: (sub, reason) => log('ERROR', 'grant_unreadable', { sub, reason }),
    now,
  })
  const accessTokens = createAccessTokenCache(
    withSecretPrefetch(grants, secrets.read, [config.keyringSecretName, config.clientSecretName]),
    oauth,
    now,
    (sub, { code }) => audit(log, 'grant_revoked', { sub, code }),
  )
  const accountOf = (sub: string): DriveAccount => ({
    sub,
    token: (rejected) => accessTokens.tokenFor(sub, rejected),
  })
  const erase: EraseAccount = (sub) => grants.remove(sub)
  return {
    scopes,
    seal,
    oauth,
    grants,
    accessTokens,
    accountOf,
    erase,
  }
}
