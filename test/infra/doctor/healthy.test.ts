/** The doctor on a healthy deployment. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { CheckResult } from '../../../infra/doctor/outcome.ts'
import { runChecks } from '../../../infra/doctor/run-checks.ts'
import { createTarget } from '../../../infra/doctor/target.ts'
import { formatResult } from '../../../infra/doctor/report.ts'
import { startTestDeployment } from './fixture.ts'
import type { TestDeployment } from './fixture.ts'

let deployment: TestDeployment

beforeAll(async () => {
  deployment = await startTestDeployment()
})
afterAll(() => deployment.close())

async function collect(
  target = deployment.target(),
): Promise<{ allPassed: boolean; results: CheckResult[] }> {
  const results: CheckResult[] = []
  const allPassed = await runChecks(target, { onResult: (result) => void results.push(result) })
  return { allPassed, results }
}

test('runChecks() passes every check and leaves no test file in Drive', async () => {
  const { allPassed, results } = await collect()
  expect(results.filter(({ outcome }) => outcome.ok !== true)).toEqual([])
  expect(allPassed).toBe(true)
  expect(results.length).toBeGreaterThan(30)
  const { body } = await deployment.target().requestAsOperator('/files?pageSize=100')
  expect(body.toString()).toContain('hello.txt')
  expect(body.toString()).not.toContain('driveway-doctor-')
  // Neither the report nor the log contains a secret.
  const printed = results.map(formatResult).join('\n') + deployment.driveway.lines.join('\n')
  expect(printed).not.toContain(deployment.token)
  expect(printed).not.toContain(deployment.driveway.google.clientSecret)
}, 120_000)

test('runChecks() stops after Reachable when the server does not respond', async () => {
  const { allPassed, results } = await collect(deployment.target({ url: 'http://127.0.0.1:1' }))
  expect([allPassed, results.map(({ name }) => name)]).toEqual([false, ['Reachable']])
})

test('runChecks() without a credential runs the public checks and skips the others', async () => {
  const { url } = deployment
  const { allPassed, results } = await collect(createTarget({ url, project: 'sandbox' }))
  expect(allPassed).toBe(true)
  const skipped = results.filter(({ outcome }) => outcome.ok === undefined)
  expect(skipped.map(({ name }) => name)).toEqual(['Allowed origin', 'Operator'])
  expect(results.map(({ name }) => name)).not.toContain('Upload by form, 1 byte')
})
