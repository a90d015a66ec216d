/** The doctor at a Driveway that has nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { CheckResult } from '../../../infra/doctor/check.ts'
import { runChecks } from '../../../infra/doctor/run-checks.ts'
import { createTarget } from '../../../infra/doctor/target.ts'
import { formatResult } from '../../../infra/doctor/report.ts'
import { startTestDeployment } from './fixture.ts'
import type { TestDeployment } from './fixture.ts'

let ward: TestDeployment

beforeAll(async () => {
  ward = await startTestDeployment()
})
afterAll(() => ward.close())

async function look(
  patient = ward.patient(),
): Promise<{ isWell: boolean; results: CheckResult[] }> {
  const results: CheckResult[] = []
  const isWell = await runChecks(patient, { onResult: (result) => void results.push(result) })
  return { isWell, results }
}

test('everything is tried and everything is fine, and nothing is left in the Drive', async () => {
  const { isWell, results } = await look()
  expect(results.filter(({ outcome }) => outcome.ok !== true)).toEqual([])
  expect(isWell).toBe(true)
  expect(results.length).toBeGreaterThan(30)
  const { body } = await ward.patient().requestAsOperator('/files?pageSize=100')
  expect(body.toString()).toContain('hello.txt')
  expect(body.toString()).not.toContain('driveway-doctor-')
  // Neither what it prints nor what is logged has a secret in it.
  const said = results.map(formatResult).join('\n') + ward.driveway.lines.join('\n')
  expect(said).not.toContain(ward.token)
  expect(said).not.toContain(ward.driveway.google.clientSecret)
}, 120_000)

test('where nobody answers, that alone is said', async () => {
  const { isWell, results } = await look(ward.patient({ url: 'http://127.0.0.1:1' }))
  expect([isWell, results.map(({ name }) => name)]).toEqual([false, ['Reachable']])
})

test('without a credential what everybody sees is tried, and the rest is said not to be', async () => {
  const { url } = ward
  const { isWell, results } = await look(createTarget({ url, project: 'sandbox' }))
  expect(isWell).toBe(true)
  const untried = results.filter(({ outcome }) => outcome.ok === undefined)
  expect(untried.map(({ name }) => name)).toEqual(['A page elsewhere', 'Operator'])
  expect(results.map(({ name }) => name)).not.toContain('Upload by form, 1 byte')
})
