/** The identity room, put together: who is asking. */
import { createFirestoreRecords } from './firestore-records.ts'
import { createAddressOf } from './http/address.ts'
import type { AddressOf } from './http/address.ts'
import { createIdentify } from './http/identify.ts'
import type { Identify } from './http/identify.ts'
import type { Log } from './http/log.ts'
import type { Origins } from './http/origins.ts'
import { createAllowances } from './identity/allowance.ts'
import type { Allowances } from './identity/allowance.ts'
import { createCredentials } from './identity/credential.ts'
import type { Credentials } from './identity/credential.ts'
import { createDevices, deviceLifetimeMs, isDeviceRecord } from './identity/device.ts'
import type { DeviceRecord, Devices } from './identity/device.ts'
import { createFirestoreClaims } from './identity/firestore-claims.ts'
import { createFirestoreCredentials } from './identity/firestore-credentials.ts'
import { createHeldCredentials } from './identity/held-credentials.ts'
import { createLogins } from './identity/login.ts'
import type { Logins } from './identity/login.ts'
import { createJobs } from './identity/oidc-jobs.ts'
import type { Jobs } from './identity/oidc-jobs.ts'
import { createOidc } from './identity/oidc.ts'
import type { Oidc } from './identity/oidc.ts'
import { createPolicies, isPolicyRecord } from './identity/policies.ts'
import type { Policies, PolicyRecord } from './identity/policies.ts'
import { createRate, isCount } from './identity/rate.ts'
import type { Count, Rate } from './identity/rate.ts'
import type { Principal } from './identity/principal.ts'
import { createUsages, isUsage } from './identity/usage.ts'
import type { Usage, Usages } from './identity/usage.ts'
import type { Seal } from './token/seal.ts'
import type { Config } from './config.ts'
import type { Clients } from './wiring-clients.ts'

export interface IdentityRoom {
  credentials: Credentials
  usages: Usages
  allowances: Allowances
  logins: Logins
  identify: Identify
  devices: Devices
  policies: Policies
  jobs: Jobs
  oidc: Oidc
  addressOf: AddressOf
}

/** Codes that one network may have waiting, and codes that one account may try, in ten minutes. */
const mostStarts = 20
const mostTries = 30

export function wireIdentity(
  { publicUrl, forwardedHops, oidcIssuers }: Config,
  { firestore }: Clients,
  seal: Seal,
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
  const usages = createUsages(createFirestoreRecords<Usage>(firestore, 'usage', isUsage), now)
  const onUse = (principal: Principal): void =>
    void usages.touch(principal).catch((error: unknown) => log.failure('use not noted', error))
  return {
    credentials,
    usages,
    allowances: createAllowances(usages, (error) => log.failure('limits not given back', error)),
    logins: createLogins(seal, createFirestoreClaims(firestore), now),
    identify: createIdentify(credentials, jobs, origins, onUse),
    devices,
    policies,
    jobs,
    oidc,
    addressOf: createAddressOf(forwardedHops),
  }
}
