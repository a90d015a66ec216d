/** The doctor at a Driveway that has nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Result } from '../../../infra/doctor/check.ts'
import { examine } from '../../../infra/doctor/run-checks.ts'
import { createPatient } from '../../../infra/doctor/target.ts'
import { lineOf } from '../../../infra/doctor/report.ts'
import { startWard } from './fixture.ts'
import type { Ward } from './fixture.ts'

let ward: Ward

beforeAll(async () => {
  ward = await startWard()
})
afterAll(() => ward.close())

async function look(patient = ward.patient()): Promise<{ isWell: boolean; results: Result[] }> {
  const results: Result[] = []
  const isWell = await examine(patient, { onResult: (result) => void results.push(result) })
  return { isWell, results }
}

test('everything is tried and everything is fine, and nothing is left in the Drive', async () => {
  const { isWell, results } = await look()
  expect(results.filter(({ outcome }) => outcome.ok !== true)).toEqual([])
  expect(isWell).toBe(true)
  expect(results.length).toBeGreaterThan(30)
  const { body } = await ward.patient().askAs('/files?pageSize=100')
  expect(body.toString()).toContain('hello.txt')
  expect(body.toString()).not.toContain('driveway-doctor-')
  // Neither what it prints nor what is logged has a secret in it.
  const said = results.map(lineOf).join('\n') + ward.driveway.lines.join('\n')
  expect(said).not.toContain(ward.token)
  expect(said).not.toContain(ward.driveway.google.clientSecret)
}, 120_000)

test('where nobody answers, that alone is said', async () => {
  const { isWell, results } = await look(ward.patient({ url: 'http://127.0.0.1:1' }))
  expect([isWell, results.map(({ name }) => name)]).toEqual([false, ['Reachable']])
})

test('without a credential what everybody sees is tried, and the rest is said not to be', async () => {
  const { url } = ward
  const { isWell, results } = await look(createPatient({ url, project: 'sandbox' }))
  expect(isWell).toBe(true)
  const untried = results.filter(({ outcome }) => outcome.ok === undefined)
  expect(untried.map(({ name }) => name)).toEqual(['A page elsewhere', 'Operator'])
  expect(results.map(({ name }) => name)).not.toContain('Upload by form, 1 byte')
})
