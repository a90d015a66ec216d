/**
 * The promise of an upload under anything that can go wrong at Drive, by chance.
 *
 * `FAULTS_RUNS` says how many schedules are played, `SEED` which. A schedule that breaks the
 * promise is made as small as it goes, and printed with the seed and the path that play it again
 * (`SEED=… FAULTS_PATH=… npm run test:faults -- -t 'schedules end'`, or `'last answers'`);
 * once mended it gets a place in `regressions.ts`.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { tableOf } from './summary.ts'
import { play } from './invariants.ts'
import type { Ending } from './invariants.ts'
import { regressions } from './regressions.ts'
import { anySchedule, lostLastAnswer } from './scenario.ts'
import type { Schedule } from './scenario.ts'
import { startWorld } from './environment.ts'
import type { World } from './environment.ts'
import { seed } from '../kit/random.ts'

const path = process.env['FAULTS_PATH']
const runs = Number(process.env['FAULTS_RUNS'] ?? 200)
const lostRuns = Math.ceil(runs / 4)
const printsTable = process.env['FAULTS_TABLE'] !== undefined
const limitMs = 60_000 + runs * 500

/** Side by side, as most of the time is spent on waiting for each other. */
let worlds: World[]

beforeAll(async () => {
  worlds = await Promise.all(Array.from({ length: path === undefined ? 4 : 1 }, startWorld))
})

afterAll(async () => {
  await Promise.all(worlds.map((world) => world.close()))
})

test(
  `${runs} schedules end in every file byte by byte, or in none and nothing open (SEED=${seed})`,
  async () => {
    const endings = await playAll('Any faults', anySchedule, runs, regressions)
    const stored = endings.filter(({ outcome }) => outcome === 'stored').length
    if (path === undefined) expect(stored).toBeGreaterThan(endings.length / 2)
  },
  limitMs,
)

test(
  `${lostRuns} lost last answers make no second file and no false failure (case 83, SEED=${seed})`,
  async () => {
    const endings = await playAll('Last answers lost', lostLastAnswer, lostRuns)
    expect(endings.filter(({ outcome }) => outcome !== 'stored')).toEqual([])
  },
  limitMs,
)

async function playAll(
  title: string,
  schedules: fc.Arbitrary<Schedule>,
  numRuns: number,
  examples: readonly Schedule[] = [],
): Promise<Ending[]> {
  const endings: Ending[] = []
  const parts = worlds.map(async (world, index) => {
    const property = fc.asyncProperty(schedules, async (schedule) => {
      endings.push(await play(world, schedule))
    })
    const details = await fc.check(property, {
      seed: seed + index,
      numRuns: Math.ceil(numRuns / worlds.length),
      examples: examples.map((each): [Schedule] => [each]), // to all, as paths count them
      timeout: 60_000,
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    })
    if (!details.failed) return
    const { errorInstance: why } = details
    const report = `${fc.defaultReportMessage(details)}\n${why instanceof Error ? why.message : ''}`
    if (printsTable) process.stderr.write(`\n${report}\n`) // the others go on for a while
    throw new Error(report)
  })
  const results = await Promise.allSettled(parts)
  const failures = results.flatMap((each) =>
    each.status === 'rejected' ? [(each.reason as Error).message] : [],
  )
  if (failures.length > 0) throw new Error(failures.join('\n\n'))
  if (printsTable) process.stderr.write(`\n${tableOf(`${title}, seed ${seed}`, endings)}\n`)
  return endings
}
