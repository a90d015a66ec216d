/** The promise, kept or broken: what a schedule may end in. */
import { expect } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { faultOf } from './fault-catalog.ts'
import type { Blow } from './fault-catalog.ts'
import { sha256Of } from './fixture.ts'
import {
  costOf,
  deniedSessions,
  isLastAnswerLost,
  mustSucceed,
  unheardSessions,
} from './scenario.ts'
import type { Schedule } from './scenario.ts'
import { upload } from './upload-clients.ts'
import type { Outcome } from './upload-clients.ts'
import type { World } from './environment.ts'
import { noise } from '../kit/random.ts'

/** What became of one schedule. */
export interface Ending {
  schedule: Schedule
  outcome: Outcome
  /** Whether nothing in it was more than an upload has to survive. */
  hadToSucceed: boolean
  /** Bytes sent to Drive more than there were. */
  resent: number
  /** What went wrong, as often as it did. */
  struck: Blow[]
  /** Whether Drive had the whole file and the answer that says so was lost. */
  isLastLost: boolean
  /** Milliseconds that would have been waited. */
  waited: number
}

/** The longest that one wait may be, and what of Drive's refusals an upload may end in. */
const longestWaitMs = 16_000
const refusals: Outcome[] = [
  'drive_rate_limited',
  'drive_unavailable',
  'drive_timeout',
  'drive_full',
  'drive_forbidden',
  'drive_not_found',
  'reauth_required',
  'upload_session_lost',
  'upload_gone',
  'upstream_bad_response',
  'integrity_check_failed',
]

/** Plays a schedule; throws where the promise is broken. */
export async function play(world: World, schedule: Schedule): Promise<Ending> {
  const files = schedule.sizes.map((size, index) => ({
    name: randomUUID(),
    bytes: noise(size, schedule.salt + index),
  }))
  const struck: Blow[] = []
  world.begin(
    schedule.blows.map((blow) => faultOf(blow, schedule.sizes[0] ?? 0)),
    (index) => struck.push(...schedule.blows.slice(index, index + 1)),
  )
  const outcome = await upload(world, schedule, files)
  world.recover()

  // Every file once and byte by byte, or none of any.
  const stored = files.map(({ name }) => world.filesNamed(name))
  const isStored = outcome === 'stored'
  const whole = files.map(({ bytes }) => [`${bytes.length} ${sha256Of(bytes)}`])
  const recorded = world.logged().filter((message) => message.endsWith('cleanup_failed')).length
  const found = stored.map((each) => each.map(({ size, sha256 }) => `${size} ${sha256}`))
  if (isStored) expect(found).toEqual(whole)
  else expect(found.flat().length).toBeLessThanOrEqual(recorded)

  const hadToSucceed = mustSucceed(schedule, struck)
  if (hadToSucceed) expect(outcome).toBe('stored')
  if (!isStored && outcome !== 'left') expect(refusals).toContain(outcome)

  // Nothing open that nobody knows of; and nothing left that could have been cleared away.
  const known = unheardSessions(struck) + deniedSessions(schedule, struck) + recorded
  expect(world.openSessions()).toBeLessThanOrEqual(known)
  if (hadToSucceed) expect(recorded).toBe(0)

  // Each wait has its reason, and none is longer than patience allows.
  expect(Math.max(0, ...world.waits)).toBeLessThanOrEqual(longestWaitMs)
  expect(world.waits.length).toBeLessThanOrEqual(costOf(struck))

  const size = schedule.sizes.reduce((sum, each) => sum + each, 0)
  return {
    schedule,
    outcome,
    hadToSucceed,
    resent: Math.max(0, world.sent() - size),
    struck,
    isLastLost: isLastAnswerLost(struck),
    waited: world.waits.reduce((sum, each) => sum + each, 0),
  }
}
