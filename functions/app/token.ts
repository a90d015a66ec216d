/** The token room, put together: what Google granted, and what opens it. */
import { accessProfiles } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import type { DriveAccount } from '../drive/client/account.ts'
import { GatewayError } from '../errors.ts'
import type { Forget } from '../lib/erase-account.ts'
import { audit } from '../http/audit.ts'
import type { Log } from '../http/log.ts'
import { createAccessTokens } from '../token/access-token-cache.ts'
import type { AccessTokens } from '../token/access-token-cache.ts'
import { createFirestoreVault } from '../token/firestore-grant-store.ts'
import { createGoogleSecrets } from '../token/secret-manager.ts'
import { meterRefreshes } from '../token/token-telemetry.ts'
import { createOAuth } from '../token/google-oauth.ts'
import type { ClientCredentials, OAuth } from '../token/google-oauth.ts'
import { createSeal } from '../token/sealed-values.ts'
import type { Seal } from '../token/sealed-values.ts'
import { createSecrets } from '../token/secret-cache.ts'
import type { Vault } from '../token/grant-store.ts'
import type { Telemetry } from '../telemetry/metrics.ts'
import type { Clients } from './clients.ts'

export interface TokenRoom {
  /** Scopes without which Driveway cannot do its work. */
  scopes: string[]
  seal: Seal
  oauth: OAuth
  vault: Vault
  access: AccessTokens
  accountOf(sub: string): DriveAccount
  forget: Forget
}

/** @param signInMs milliseconds that Google's sign-in has for one exchange or refresh */
export function wireToken(
  config: Config,
  clients: Clients,
  log: Log,
  now: () => number,
  signInMs?: number,
  telemetry?: Telemetry,
): TokenRoom {
  const secrets = createSecrets(createGoogleSecrets(clients.secretManager), now)
  const seal = createSeal((fresh) => secrets.read(config.keyringSecretName, fresh))
  const { scopes } = accessProfiles[config.accessProfile]
  const plain = createOAuth({
    addresses: config.google,
    redirectUri: config.redirectUri,
    scopes,
    credentials: async (fresh) =>
      readClientCredentials(await secrets.read(config.clientSecretName, fresh)),
    ...(signInMs === undefined ? {} : { timeout: signInMs }),
  })
  const oauth = telemetry ? meterRefreshes(plain, telemetry) : plain
  const vault = createFirestoreVault({
    firestore: clients.firestore,
    seal,
    onUnreadable: (sub, how) => log('ERROR', 'grant unreadable', { sub, how }),
    now,
  })
  // All that a refresh takes, asked for at once: on a new instance each is a way of its own to Google.
  const find: Vault['find'] = (sub) => {
    for (const name of [config.keyringSecretName, config.clientSecretName]) {
      secrets.read(name).catch(() => {}) // what goes wrong is told to who needs it
    }
    return vault.find(sub)
  }
  const access = createAccessTokens({ ...vault, find }, oauth, now, (sub, { code }) =>
    audit(log, 'grant_ended', { sub, code }),
  )
  const accountOf = (sub: string): DriveAccount => ({
    sub,
    token: (rejected) => access.tokenFor(sub, rejected),
  })
  const forget: Forget = (sub) => vault.remove(sub)
  return { scopes, seal, oauth, vault, access, accountOf, forget }
}

/** Reads the file that Google's console gives for a web client. */
export function readClientCredentials(text: string): ClientCredentials {
  try {
    const { web } = JSON.parse(text) as { web?: { client_id?: unknown; client_secret?: unknown } }
    const { client_id: clientId, client_secret: clientSecret } = web ?? {}
    if (typeof clientId === 'string' && typeof clientSecret === 'string') {
      return { clientId, clientSecret }
    }
  } catch {
    // Told below, without the text.
  }
  throw new GatewayError('misconfigured', 'The client secret is not a web client’s JSON file')
}
