/** Composition of the identity services: credentials, quotas, CI tokens and rate limits. */
import type { Config } from '../config/config.ts'
import { createFirestoreVersionedStore } from '../store/firestore-versioned-store.ts'
import { eraseAll } from '../lib/erase-account.ts'
import type { EraseAccount } from '../lib/erase-account.ts'
import { createAuthentication } from '../http/authenticate.ts'
import type { Authentication } from '../http/authenticate.ts'
import type { Log } from '../http/log.ts'
import type { OriginPolicy } from '../http/cors.ts'
import { createAllowlist } from '../identity/allowlist.ts'
import type { Allowlist } from '../identity/allowlist.ts'
import { createQuotas } from '../identity/quota.ts'
import type { Quotas } from '../identity/quota.ts'
import { createCredentials } from '../identity/credentials.ts'
import type { Credentials } from '../identity/credentials.ts'
import { withDailyQuota } from '../identity/daily-quota.ts'
import {
  createDeviceAuthorizations,
  deviceCodeTtlMs,
  isDeviceRecord,
} from '../identity/device-authorization.ts'
import type { DeviceRecord, DeviceAuthorizations } from '../identity/device-authorization.ts'
import { createFirestoreSingleUseStore } from '../identity/firestore-single-use.ts'
import { createGrantGenerations } from '../identity/grant-generations.ts'
import type { GrantGenerations } from '../identity/grant-generations.ts'
import { createFirestoreCredentialStore } from '../identity/firestore-credentials.ts'
import { createCachedCredentialStore } from '../identity/cached-credential-store.ts'
import { createLoginStates } from '../identity/login-state.ts'
import type { SingleUseStore, LoginStates } from '../identity/login-state.ts'
import { createCiAuthentication } from '../identity/ci-authentication.ts'
import type { CiAuthentication } from '../identity/ci-authentication.ts'
import { createCiTokenVerifier } from '../identity/ci-token-verifier.ts'
import type { CiTokenVerifier } from '../identity/ci-token-verifier.ts'
import { createPolicies, isPolicyRecord } from '../identity/policies.ts'
import type { Policies, PolicyRecord } from '../identity/policies.ts'
import { createFixedWindowLimiter, isCount } from '../identity/fixed-window-limiter.ts'
import type { Count, FixedWindowLimiter } from '../identity/fixed-window-limiter.ts'
import { createAuthorizationCodes } from '../identity/authorization-code.ts'
import type { AuthorizationCodes } from '../identity/authorization-code.ts'
import type { Limits, Principal } from '../identity/principal.ts'
import { createUsageCounter, isUsage } from '../identity/usage-counter.ts'
import type { Usage, UsageCounter } from '../identity/usage-counter.ts'
import type { Clients } from './clients.ts'
import { createRateLimitServices } from './rate-limits.ts'
import type { RateLimitServices } from './rate-limits.ts'
import type { TokenServices } from './token.ts'

export interface IdentityServices extends Authentication, RateLimitServices {
  credentials: Credentials
  generations: GrantGenerations
  usageCounter: UsageCounter
  quotas: Quotas
  logins: LoginStates
  singleUse: SingleUseStore
  authorizationCodes: AuthorizationCodes
  allowlist: Allowlist
  devices: DeviceAuthorizations
  policies: Policies
  ciAuthentication: CiAuthentication
  ciTokenVerifier: CiTokenVerifier
  erase: EraseAccount
}

/** Device codes that one network may request, and user codes that one account may try, in ten minutes. */
const maxDeviceCodes = 20
const maxUserCodeAttempts = 30

export interface IdentityOptions {
  /** Milliseconds, read for each fetch. */
  timeouts?: { jwks?: number } | undefined
  /** Waits before a retry. */
  wait?: ((ms: number) => Promise<void>) | undefined
}

export function createIdentityServices(
  config: Config,
  { firestore }: Clients,
  { seal, grants }: Pick<TokenServices, 'seal' | 'grants'>,
  origins: OriginPolicy,
  log: Log,
  now: () => number,
  { timeouts, wait }: IdentityOptions = {},
): IdentityServices {
  const { publicUrl, oidcIssuers, allowedUsers, limitsPerDay } = config
  const generations = createGrantGenerations(grants.findGeneration, now)
  const limiter = (namespace: string, limit: number): FixedWindowLimiter =>
    createFixedWindowLimiter({
      records: createFirestoreVersionedStore<Count>(firestore, 'rateLimits', isCount),
      namespace,
      limit,
      windowMs: deviceCodeTtlMs,
      now,
    })
  const devices = createDeviceAuthorizations({
    records: createFirestoreVersionedStore<DeviceRecord>(firestore, 'devices', isDeviceRecord),
    startLimiter: limiter('device codes', maxDeviceCodes),
    attemptLimiter: limiter('user codes', maxUserCodeAttempts),
    now,
  })
  const policies = createPolicies(
    createFirestoreVersionedStore<PolicyRecord>(firestore, 'policies', isPolicyRecord),
    now,
  )
  const ciTokenVerifier = createCiTokenVerifier(oidcIssuers, now, timeouts)
  const ciAuthentication = createCiAuthentication(ciTokenVerifier, policies, publicUrl, now)
  const singleUse = createFirestoreSingleUseStore(firestore)
  const usageCounter = createUsageCounter(
    createFirestoreVersionedStore<Usage>(firestore, 'usage', isUsage),
    now,
    wait,
  )
  const onUse = (principal: Principal): void => {
    const marked =
      principal.kind === 'token'
        ? usageCounter.markUsed(principal)
        : credentials.markUsed(principal.id)
    marked.catch((error: unknown) => log.failure('last_use_update_failed', error))
  }
  const allowlist = createAllowlist(allowedUsers, (sub) => grants.find(sub), now)
  const rateLimiting = createRateLimitServices(config, { firestore }, now)
  const { rateLimits } = rateLimiting
  const issued = createCredentials(
    createCachedCredentialStore(createFirestoreCredentialStore(firestore), now),
    now,
    config.sessionLifetime,
  )
  const credentials: Credentials = {
    ...issued,
    async issue(...args) {
      const result = await issued.issue(...args)
      rateLimits.accept(result.secret)
      return result
    },
  }
  const authentication = createAuthentication({
    credentials,
    ciAuthentication,
    generations,
    origins,
    allowlist,
    rateLimits,
    onUse,
  })
  return {
    credentials,
    generations,
    usageCounter,
    quotas: withDailyQuota(
      createQuotas(usageCounter, (error) => log.failure('quota_refund_failed', error)),
      readLimits(limitsPerDay),
      now,
    ),
    singleUse,
    authorizationCodes: createAuthorizationCodes(seal, singleUse, now),
    logins: createLoginStates(seal, singleUse, now),
    allowlist,
    ...authentication,
    devices,
    policies,
    ciAuthentication,
    ciTokenVerifier,
    ...rateLimiting,
    async erase(sub) {
      generations.forget(sub)
      await eraseAll([policies.removeAll, devices.removeAll])(sub)
      // Last, because the session is one of the credentials: the user can retry after a failure.
      await usageCounter.remove(await credentials.revokeAll(sub))
    },
  }
}

function readLimits({ bytes, files }: Config['limitsPerDay']): Limits {
  return {
    ...(bytes === null ? {} : { maxBytes: bytes }),
    ...(files === null ? {} : { maxFiles: files }),
  }
}
