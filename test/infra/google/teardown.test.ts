/** Teardown removes what setup made, and stored data only on request. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { createSetupFixture } from './setup-fixture.ts'
import type { SetupFixture } from './setup-fixture.ts'

jest.setTimeout(180_000) // each run starts about eighty programs

let fixture: SetupFixture

beforeEach(async () => {
  fixture = await createSetupFixture()
  await fixture.alreadySetUp()
})
afterEach(() => fixture.close())

test('teardown keeps the database and the secrets, and setup takes them over again', async () => {
  const unconfirmed = await fixture.teardown()
  expect([unconfirmed.code, fixture.commands()]).toEqual([1, []])
  const { code, output } = await fixture.teardown('--yes')
  expect(code).toBe(0)
  expect(output).toContain('npm run teardown -- --with-data')
  const { databases, secrets, functions, sites, repositories } = fixture.cloud()
  expect({ databases, functions, repositories }).toEqual({
    databases: ['driveway'],
    functions: {},
    repositories: [],
  })
  expect(sites).toMatchObject([{ version: '' }])
  expect(Object.keys(secrets)).toEqual(['driveway-client', 'driveway-keyring'])
  const again = await fixture.setup('--yes')
  expect([again.code, again.output]).toEqual([0, expect.stringContaining('Driveway is running')])
  expect(fixture.cloud().secrets).toEqual(secrets)
})

test('teardown --with-data removes everything that has an API', async () => {
  const { code, output } = await fixture.teardown('--yes', '--with-data')
  expect(code).toBe(0)
  expect(fixture.cloud()).toMatchObject({
    databases: [],
    secrets: {},
    buckets: [],
    objects: {},
    functions: {},
    auditConfigs: [],
  })
  expect(output).toContain('https://myaccount.google.com/connections')
  const again = await fixture.teardown('--yes')
  expect(again.output).toContain('There is no gs://my-driveway-driveway-state')
})
