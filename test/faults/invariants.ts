/** Invariants of an upload, checked for one scenario. */
import { expect } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { toFault } from './fault-catalog.ts'
import type { InjectedFault } from './fault-catalog.ts'
import { sha256Of } from './fixture.ts'
import {
  attemptsOf,
  deniedTusSessions,
  isLastResponseLost,
  mustSucceed,
  lostSessions,
} from './scenario.ts'
import type { Scenario } from './scenario.ts'
import { upload } from './upload-clients.ts'
import type { UploadOutcome } from './upload-clients.ts'
import type { FaultEnvironment } from './environment.ts'
import { pseudoRandomBytes } from '../kit/random.ts'

export interface ScenarioResult {
  scenario: Scenario
  outcome: UploadOutcome
  /** Whether every injected fault is one that an upload must survive. */
  hasToSucceed: boolean
  /** Bytes sent to Drive beyond the total size. */
  resentBytes: number
  /** The faults that were applied, once per occurrence. */
  injected: InjectedFault[]
  /** Whether Drive had the whole file and its final response was lost. */
  isLastResponseLost: boolean
  /** Sum of all backoffs, in milliseconds. */
  sleepMs: number
}

const maxSleepMs = 16_000
/** The codes with which an upload may fail. */
const allowedErrors: UploadOutcome[] = [
  'drive_rate_limited',
  'drive_unavailable',
  'drive_timeout',
  'drive_full',
  'drive_forbidden',
  'drive_quota_exceeded',
  'drive_not_found',
  'reauth_required',
  'upload_session_lost',
  'upload_gone',
  'too_large',
  'upstream_bad_response',
  'integrity_check_failed',
]

/** Runs a scenario. @throws when it violates an invariant */
export async function runScenario(
  environment: FaultEnvironment,
  scenario: Scenario,
): Promise<ScenarioResult> {
  const files = scenario.sizes.map((size, index) => ({
    name: randomUUID(),
    bytes: pseudoRandomBytes(size, scenario.contentSeed + index),
  }))
  const injected: InjectedFault[] = []
  environment.reset(
    scenario.faults.map((fault) => toFault(fault, scenario.sizes[0] ?? 0)),
    (index) => injected.push(...scenario.faults.slice(index, index + 1)),
  )
  const outcome = await upload(environment, scenario, files)
  environment.clearFaults()

  // Drive has each file exactly once with the same bytes, or none of the files.
  const stored = files.map(({ name }) => environment.filesNamed(name))
  const isStored = outcome === 'stored'
  const expected = files.map(({ bytes }) => [`${bytes.length} ${sha256Of(bytes)}`])
  const reported = environment
    .logMessages()
    .filter((message) => message.endsWith('cleanup_failed')).length
  const actual = stored.map((each) => each.map(({ size, sha256 }) => `${size} ${sha256}`))
  if (isStored) expect(actual).toEqual(expected)
  else expect(actual.flat().length).toBeLessThanOrEqual(reported)

  const hasToSucceed = mustSucceed(scenario, injected)
  if (hasToSucceed) expect(outcome).toBe('stored')
  if (!isStored && outcome !== 'disconnected') expect(allowedErrors).toContain(outcome)

  // Every open session is known, and everything that could be deleted is deleted.
  const known = lostSessions(injected) + deniedTusSessions(scenario, injected) + reported
  expect(environment.openSessions()).toBeLessThanOrEqual(known)
  if (hasToSucceed) expect(reported).toBe(0)

  // Each backoff has a fault as its cause, and is within the retry policy's maximum.
  expect(Math.max(0, ...environment.sleeps)).toBeLessThanOrEqual(maxSleepMs)
  expect(environment.sleeps.length).toBeLessThanOrEqual(attemptsOf(injected))

  const size = scenario.sizes.reduce((sum, each) => sum + each, 0)
  return {
    scenario,
    outcome,
    hasToSucceed,
    resentBytes: Math.max(0, environment.bytesSent() - size),
    injected,
    isLastResponseLost: isLastResponseLost(injected),
    sleepMs: environment.sleeps.reduce((sum, each) => sum + each, 0),
  }
}
