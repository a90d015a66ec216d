/** The answers are stored with the state: other machines and environments, plans and confirmations. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { clientFile, createSetupFixture, firstArgs, project } from './setup-fixture.ts'
import type { SetupFixture } from './setup-fixture.ts'

jest.setTimeout(180_000) // each run starts about eighty programs

let fixture: SetupFixture
const answersUrl = 'gs://my-driveway-driveway-state/driveway/answers.json'
const answers = (): Record<string, unknown> =>
  JSON.parse(fixture.cloud().objects[answersUrl] ?? '{}') as Record<string, unknown>

beforeEach(async () => {
  fixture = await createSetupFixture()
  await fixture.alreadySetUp()
})
afterEach(() => fixture.close())

describe('the answers of setup', () => {
  const flags = [
    '--set=ALLOWED_USERS=ada@example.com',
    '--set=OPERATORS=ada@example.com',
    '--alert-email=a@example.com',
    '--size=upload.max_instances=40',
    '--size=auth.min_instances=1',
    '--container',
    '--yes',
  ]
  const kept = {
    settings: { ALLOWED_USERS: 'ada@example.com', OPERATORS: 'ada@example.com' },
    sizes: { upload: { max_instances: 40 }, auth: { min_instances: 1 } },
    alert_email: 'a@example.com',
    upload_image: expect.stringContaining('/driveway/upload-h2c:'),
  }

  test('apply to every later run, also from another clone', async () => {
    expect((await fixture.setup(...flags)).code).toBe(0)
    expect(await fixture.variables()).toMatchObject(kept)
    fixture.changes()
    await fixture.useSecondClone()
    const { code, output } = await fixture.setup(`--project=${project}`)
    expect([code, output]).toEqual([0, expect.stringContaining('No changes.')])
    expect(await fixture.variables()).toMatchObject(kept)
    expect(fixture.changes()).toEqual([])
  })

  test('are changed one by one, and an empty value restores a default', async () => {
    await fixture.setup(...flags)
    await fixture.setup('--set=OPERATORS=', '--size=auth.min_instances=', '--no-container', '--yes')
    expect(await fixture.variables()).toMatchObject({
      settings: { ALLOWED_USERS: 'ada@example.com' },
      sizes: { upload: { max_instances: 40 } },
      upload_image: '',
    })
    expect(answers()).toMatchObject({ container: false, alertEmail: 'a@example.com' })
  })

  test('must exist where a state exists: setup stops instead of using the defaults', async () => {
    await fixture.setup(...flags)
    const { [answersUrl]: _, ...objects } = fixture.cloud().objects
    fixture.change({ objects })
    fixture.changes()
    await fixture.useSecondClone()
    const { code, output } = await fixture.setup(`--project=${project}`, '--yes')
    expect([code, output]).toEqual([1, expect.stringContaining('everybody could sign in')])
    expect(fixture.changes()).toEqual([])
    await fixture.write('answers.json', JSON.stringify({ alertEmail: 'b@example.com' }))
    const restored = await fixture.setup(`--project=${project}`, '--answers=answers.json', '--yes')
    expect(restored.code).toBe(0)
    expect(answers()).toMatchObject({ alertEmail: 'b@example.com', container: false })
  })

  test('stop setup when they cannot be read', async () => {
    const message = 'ERROR: (gcloud.storage.ls) HTTPError 403: no permission'
    fixture.change({ failures: [{ command: 'gcloud storage ls', times: 1, message }] })
    const { code, output } = await fixture.setup('--yes')
    expect([code, output]).toEqual([1, expect.stringContaining('Cannot read gs://')])
    expect(fixture.changes()).toEqual([])
  })

  test('of a newer version stop setup', async () => {
    const objects = { ...fixture.cloud().objects, [answersUrl]: '{"shape":"service"}' }
    fixture.change({ objects })
    const { code, output } = await fixture.setup('--yes')
    expect([code, output]).toEqual([1, expect.stringContaining('unknown answer shape')])
  })
})

test('setup shows Terraform’s plan, and applies it only when it is confirmed', async () => {
  const { code, output } = await fixture.setup('--alert-email=a@example.com')
  expect([code, output]).toEqual([1, expect.stringContaining('use --yes')])
  expect(output).toContain('Plan: 5 to add, 1 to change, 0 to destroy.')
  expect(fixture.changes()).toEqual([])
  expect(answers()).toMatchObject({ alertEmail: '' })
})

describe('setup --plan', () => {
  test('shows the plan and changes nothing', async () => {
    const { code, output } = await fixture.setup('--plan', '--alert-email=a@example.com')
    expect([code, output]).toEqual([0, expect.stringContaining('Plan: 5 to add, 1 to change')])
    expect(fixture.changes()).toEqual([])
    expect(answers()).toMatchObject({ alertEmail: '' })
  })

  test('says that there are no changes', async () => {
    const { code, output } = await fixture.setup('--plan')
    expect([code, output]).toEqual([0, expect.stringContaining('No changes.')])
    expect(fixture.changes()).toEqual([])
  })
})

test('setup --plan of a new project ends at the first step that would change it', async () => {
  const other = await createSetupFixture()
  const { code, output } = await other.setup(...firstArgs, '--plan')
  expect([code, output]).toEqual([
    0,
    expect.stringContaining('The plan ends here: "Required APIs"'),
  ])
  expect(other.changes()).toEqual([])
  await other.close()
})

describe('an environment', () => {
  const origin = 'https://my-driveway-driveway-staging.web.app'
  const staging = ['--env=staging', ...firstArgs]

  beforeEach(() => fixture.write('client_id.json', clientFile(origin)))

  test('has names, answers and a state of its own', async () => {
    const before = fixture.cloud()
    const { code, output } = await fixture.setup(...staging, '--set=ALLOWED_USERS=@example.com')
    expect([code, output]).toEqual([0, expect.stringContaining(origin)])
    const { databases, functions, sites, state, objects } = fixture.cloud()
    expect(databases).toEqual(['driveway', 'driveway-staging'])
    expect(Object.keys(functions)).toContain('driveway-staging-upload')
    expect(sites.map(({ id }) => id)).toEqual([project, 'my-driveway-driveway-staging'])
    expect(Object.keys(state)).toEqual(['driveway', 'driveway-staging'])
    expect(await fixture.variables('staging')).toMatchObject({
      name: 'driveway-staging',
      public_url: origin,
      settings: { ALLOWED_USERS: '@example.com' },
    })
    expect(objects[answersUrl]).toBe(before.objects[answersUrl])
    expect(state['driveway']).toEqual(before.state['driveway'])
    fixture.changes()
    expect((await fixture.setup('--env=staging')).output).toContain('No changes.')
    expect((await fixture.setup()).output).toContain('No changes.')
    expect(fixture.changes()).toEqual([])
  })

  test('is torn down without another', async () => {
    await fixture.setup(...staging)
    expect((await fixture.teardown('--env=staging', '--with-data', '--yes')).code).toBe(0)
    const { databases, functions, sites, buckets, objects } = fixture.cloud()
    expect(databases).toEqual(['driveway'])
    expect(Object.keys(functions)).toHaveLength(4)
    expect(sites.map(({ id }) => id)).toEqual([project])
    expect(buckets).toContain('gs://my-driveway-driveway-state')
    expect(Object.keys(objects)).toContain(answersUrl)
    expect((await fixture.setup()).output).toContain('No changes.')
  })
})
