/** The identity room, put together: who is asking. */
import type { Config } from '../config/config.ts'
import { createFirestoreRecords } from '../store/firestore-versioned-store.ts'
import { forgetEverywhere } from '../lib/erase-account.ts'
import type { Forget } from '../lib/erase-account.ts'
import { createAddressOf } from '../http/client-ip.ts'
import type { AddressOf } from '../http/client-ip.ts'
import { createIdentify } from '../http/authenticate.ts'
import type { Identify } from '../http/authenticate.ts'
import type { Log } from '../http/log.ts'
import type { Origins } from '../http/cors.ts'
import { createRateLimits } from '../http/rate-limit.ts'
import type { RateLimits } from '../http/rate-limit.ts'
import { createAdmission } from '../identity/allowlist.ts'
import type { Admission } from '../identity/allowlist.ts'
import { createAllowances } from '../identity/quota.ts'
import type { Allowances } from '../identity/quota.ts'
import { createBuckets } from '../identity/token-bucket.ts'
import type { Buckets } from '../identity/token-bucket.ts'
import { createCredentials } from '../identity/credentials.ts'
import type { Credentials } from '../identity/credentials.ts'
import { withDailyLimits } from '../identity/daily-quota.ts'
import {
  createDevices,
  deviceLifetimeMs,
  isDeviceRecord,
} from '../identity/device-authorization.ts'
import type { DeviceRecord, Devices } from '../identity/device-authorization.ts'
import { createFirestoreClaims } from '../identity/firestore-single-use.ts'
import { createFirestoreCredentials } from '../identity/firestore-credentials.ts'
import { createHeldCredentials } from '../identity/cached-credential-store.ts'
import { createLogins } from '../identity/login-state.ts'
import type { ClaimStore, Logins } from '../identity/login-state.ts'
import { createJobs } from '../identity/ci-authentication.ts'
import type { Jobs } from '../identity/ci-authentication.ts'
import { createOidc } from '../identity/ci-token-verifier.ts'
import type { Oidc } from '../identity/ci-token-verifier.ts'
import { createPolicies, isPolicyRecord } from '../identity/policies.ts'
import type { Policies, PolicyRecord } from '../identity/policies.ts'
import { createRate, isCount } from '../identity/fixed-window-limiter.ts'
import type { Count, Rate } from '../identity/fixed-window-limiter.ts'
import { createPageCodes } from '../identity/authorization-code.ts'
import type { PageCodes } from '../identity/authorization-code.ts'
import type { Limits, Principal } from '../identity/principal.ts'
import { createUsages, isUsage } from '../identity/usage-counter.ts'
import type { Usage, Usages } from '../identity/usage-counter.ts'
import type { Clients } from './clients.ts'
import type { TokenRoom } from './token.ts'

export interface IdentityRoom {
  credentials: Credentials
  usages: Usages
  allowances: Allowances
  logins: Logins
  claims: ClaimStore
  pageCodes: PageCodes
  admission: Admission
  /** Who it is, invited or not. */
  recognise: Identify
  /** Who it is, of those who may be here. */
  identify: Identify
  devices: Devices
  policies: Policies
  jobs: Jobs
  oidc: Oidc
  addressOf: AddressOf
  rates: RateLimits
  forget: Forget
}

/** Codes that one network may have waiting, and codes that one account may try, in ten minutes. */
const mostStarts = 20
const mostTries = 30
/** Requests on the way through a sign-in, for each other one that a network may make. */
const signInShares = 10

export function wireIdentity(
  { publicUrl, forwardedHops, oidcIssuers, allowedUsers, rateLimits, limitsPerDay }: Config,
  { firestore }: Clients,
  { seal, vault }: Pick<TokenRoom, 'seal' | 'vault'>,
  origins: Origins,
  log: Log,
  now: () => number,
): IdentityRoom {
  const credentials = createCredentials(
    createHeldCredentials(createFirestoreCredentials(firestore), now),
    now,
  )
  const rate = (what: string, most: number): Rate =>
    createRate({
      records: createFirestoreRecords<Count>(firestore, 'rates', isCount),
      what,
      most,
      perMs: deviceLifetimeMs,
      now,
    })
  const devices = createDevices({
    records: createFirestoreRecords<DeviceRecord>(firestore, 'devices', isDeviceRecord),
    starts: rate('device codes', mostStarts),
    tries: rate('user codes', mostTries),
    now,
  })
  const policies = createPolicies(
    createFirestoreRecords<PolicyRecord>(firestore, 'policies', isPolicyRecord),
    now,
  )
  const oidc = createOidc(oidcIssuers, now)
  const jobs = createJobs(oidc, policies, publicUrl, now)
  const claims = createFirestoreClaims(firestore)
  const usages = createUsages(createFirestoreRecords<Usage>(firestore, 'usage', isUsage), now)
  const onUse = (principal: Principal): void =>
    void usages.touch(principal).catch((error: unknown) => log.failure('use not noted', error))
  const admission = createAdmission(allowedUsers, (sub) => vault.find(sub), now)
  const addressOf = createAddressOf(forwardedHops)
  const buckets = (what: string, perMinute: number | null): Buckets | undefined => {
    const records = createFirestoreRecords<Count>(firestore, 'rates', isCount)
    return perMinute === null ? undefined : createBuckets({ records, what, perMinute, now })
  }
  const rates = createRateLimits({
    addressOf,
    byCredential: buckets('requests of a credential', rateLimits.credential),
    byNetwork: buckets('requests of a network', rateLimits.network),
    bySignIn: buckets('sign-ins of a network', times(signInShares, rateLimits.network)),
  })
  const known = createIdentify(credentials, jobs, origins, onUse)
  const recognise: Identify = async (req, need) => {
    const principal = await known(req, need)
    rates.identified(req, principal.id)
    return principal
  }
  return {
    credentials,
    usages,
    allowances: withDailyLimits(
      createAllowances(usages, (error) => log.failure('limits not given back', error)),
      readLimits(limitsPerDay),
      now,
    ),
    claims,
    pageCodes: createPageCodes(seal, claims, now),
    logins: createLogins(seal, claims, now),
    admission,
    recognise,
    async identify(req, need) {
      const principal = await recognise(req, need)
      await admission.checkAccount(principal.sub)
      return principal
    },
    devices,
    policies,
    jobs,
    oidc,
    addressOf,
    rates,
    async forget(sub) {
      await forgetEverywhere([policies.removeAll, devices.removeAll])(sub)
      // Last, when nothing makes more of them: the session is one, and tries again what has failed.
      await usages.forget(await credentials.revokeAll(sub))
    },
  }
}

function times(factor: number, limit: number | null): number | null {
  return limit === null ? null : factor * limit
}

function readLimits({ bytes, files }: Config['limitsPerDay']): Limits {
  return {
    ...(bytes === null ? {} : { maxBytes: bytes }),
    ...(files === null ? {} : { maxFiles: files }),
  }
}
