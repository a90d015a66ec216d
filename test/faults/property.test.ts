/**
 * Property test: the invariants of an upload hold for random Drive faults.
 *
 * `FAULTS_RUNS` sets the number of scenarios, `SEED` selects them. A failing scenario is shrunk, and
 * printed with the seed and path that reproduce it
 * (`SEED=… FAULTS_PATH=… npm run test:faults -- -t 'scenarios store'`, or `'lost final responses'`).
 * After the fix it is added to `regressions.ts`.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { seed } from '../kit/random.ts'
import { startEnvironment } from './environment.ts'
import type { FaultEnvironment } from './environment.ts'
import { runScenario } from './invariants.ts'
import type { ScenarioResult } from './invariants.ts'
import { regressions } from './regressions.ts'
import { anyScenario, lostLastResponse } from './scenario.ts'
import type { Scenario } from './scenario.ts'
import { formatSummary } from './summary.ts'

const path = process.env['FAULTS_PATH']
const runs = Number(process.env['FAULTS_RUNS'] ?? 60)
const lostRuns = Math.ceil(runs / 4)
const printsTable = process.env['FAULTS_TABLE'] !== undefined
const timeoutMs = 60_000 + runs * 500

/** Several run concurrently, as most of the time is spent on waiting. */
let environments: FaultEnvironment[]

beforeAll(async () => {
  environments = await Promise.all(
    Array.from({ length: path === undefined ? 4 : 1 }, startEnvironment),
  )
})

afterAll(async () => {
  await Promise.all(environments.map((environment) => environment.close()))
})

test(
  `${runs} scenarios store every file byte by byte, or leave no file and no session (SEED=${seed})`,
  async () => {
    const results = await checkScenarios('Any faults', anyScenario, runs, regressions)
    const stored = results.filter(({ outcome }) => outcome === 'stored').length
    if (path === undefined) expect(stored).toBeGreaterThan(results.length / 2)
  },
  timeoutMs,
)

test(
  `${lostRuns} lost final responses cause no second file and no false failure (SEED=${seed})`,
  async () => {
    const results = await checkScenarios('Final responses lost', lostLastResponse, lostRuns)
    expect(results.filter(({ outcome }) => outcome !== 'stored')).toEqual([])
  },
  timeoutMs,
)

async function checkScenarios(
  title: string,
  scenarios: fc.Arbitrary<Scenario>,
  numRuns: number,
  examples: readonly Scenario[] = [],
): Promise<ScenarioResult[]> {
  const scenarioResults: ScenarioResult[] = []
  const checks = environments.map(async (environment, index) => {
    const property = fc.asyncProperty(scenarios, async (scenario) => {
      scenarioResults.push(await runScenario(environment, scenario))
    })
    const details = await fc.check(property, {
      seed: seed + index,
      numRuns: Math.ceil(numRuns / environments.length),
      examples: examples.map((each): [Scenario] => [each]), // in each check, as paths count them
      timeout: 60_000,
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    })
    if (!details.failed) return
    const { errorInstance } = details
    const message = errorInstance instanceof Error ? errorInstance.message : ''
    const report = `${fc.defaultReportMessage(details)}\n${message}`
    if (printsTable) process.stderr.write(`\n${report}\n`) // the other checks take a while to end
    throw new Error(report)
  })
  const results = await Promise.allSettled(checks)
  const failures = results.flatMap((each) =>
    each.status === 'rejected' ? [(each.reason as Error).message] : [],
  )
  if (failures.length > 0) throw new Error(failures.join('\n\n'))
  if (printsTable) {
    process.stderr.write(`\n${formatSummary(`${title}, seed ${seed}`, scenarioResults)}\n`)
  }
  return scenarioResults
}
