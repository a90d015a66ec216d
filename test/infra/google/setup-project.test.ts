/** Setup in projects as they are: in use, in an organization, with a name that is taken, on a first day. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { FakeCloud } from './fake-cloud.ts'
import { deniedSource } from './fake-terraform.ts'
import { clientFile, createSetupFixture, firstArgs, project } from './setup-fixture.ts'
import type { SetupFixture, SetupRun } from './setup-fixture.ts'

jest.setTimeout(180_000) // each run starts about eighty programs

let fixture: SetupFixture

beforeEach(async () => {
  fixture = await createSetupFixture()
})
afterEach(() => fixture.close())

const failedApply = (message: string, times: number): Partial<FakeCloud> => ({
  failures: [{ command: 'terraform apply', times, message }],
})
const isRunning = (output: string): [number, unknown] => [
  0,
  expect.stringContaining(`Page       ${output}`),
]
const result = ({ code, output }: SetupRun): [number | string, string] => [code, output]

describe('setup in a project that is in use', () => {
  const inUse = {
    databases: ['(default)'],
    isFirebaseProject: true,
    sites: [{ id: project, type: 'DEFAULT_SITE', version: 'another page' } as const],
    functions: { auth: 'ACTIVE', files: 'ACTIVE' } as const,
    runServices: { auth: { isManaged: true, isPublic: false, isBoosted: false } },
    auditConfigs: ['datastore.googleapis.com'],
    secrets: { other: ['value'] },
  }
  const origin = 'https://my-driveway-driveway.web.app'

  beforeEach(async () => {
    fixture.change(inUse)
    await fixture.write('client_id.json', clientFile(origin))
  })

  test('uses names of its own and leaves everything else', async () => {
    expect(result(await fixture.setup(...firstArgs))).toEqual(isRunning(origin))
    const { databases, functions, runServices, sites, secrets, auditConfigs } = fixture.cloud()
    expect(databases).toEqual(['(default)', 'driveway'])
    expect(functions).toMatchObject(inUse.functions)
    expect(runServices).toMatchObject(inUse.runServices)
    expect(sites).toContainEqual(inUse.sites[0])
    expect(secrets).toMatchObject(inUse.secrets)
    expect(auditConfigs).toEqual(inUse.auditConfigs)
    expect(await fixture.variables()).toMatchObject({ audit_logs: false, public_url: origin })
    expect(fixture.changes().filter((line) => line.includes('addfirebase'))).toEqual([])
  })

  test('is undone by teardown --with-data, which leaves everything else', async () => {
    await fixture.setup(...firstArgs)
    const { code, output } = await fixture.teardown('--yes', '--with-data')
    expect([code, output]).toEqual([0, expect.stringContaining('myaccount.google.com')])
    expect(fixture.cloud()).toMatchObject(inUse)
    expect(Object.keys(fixture.cloud().functions)).toEqual(['auth', 'files'])
  })

  test.each([
    ['database', { databases: ['driveway'] }, 'database driveway already'],
    ['keyring', { secrets: { 'driveway-keyring': ['{}'] } }, 'secret driveway-keyring already'],
    [
      'repository',
      { repositories: ['driveway'] },
      'repository driveway of Artifact Registry already',
    ],
    ['source', { buckets: ['gs://my-driveway-driveway-source'] }, 'driveway-source already'],
    [
      'auth',
      {
        functions: { 'driveway-auth': 'ACTIVE' } as const,
        runServices: { 'driveway-auth': { isManaged: true, isPublic: false, isBoosted: false } },
      },
      'function driveway-auth already',
    ],
    [
      'site',
      {
        sites: [
          ...inUse.sites,
          { id: `${project}-driveway`, type: 'USER_SITE', version: 'x' } as const,
        ],
      },
      'has a site my-driveway-driveway',
    ],
  ])('stops at a %s of its name, and takes it over with --adopt', async (name, cloud, message) => {
    fixture.change(cloud)
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([1, expect.stringContaining(message)])
    expect(output).toContain(`--adopt=${name}`)
    expect(fixture.changes().filter((line) => / import | apply /.test(line))).toEqual([])
    expect((await fixture.setup(...firstArgs, `--adopt=${name}`)).output).toContain('is running')
    expect(fixture.cloud().destroyed).toEqual([])
  })

  test('never deletes a database that it has adopted', async () => {
    fixture.change({ databases: ['driveway'] })
    await fixture.setup(...firstArgs, '--adopt=database')
    expect((await fixture.teardown('--yes', '--with-data')).code).toBe(0)
    expect(fixture.cloud().databases).toEqual(['driveway'])
    expect(fixture.cloud().secrets).toEqual(inUse.secrets)
  })

  test('stops at a Cloud Run service of its name that Cloud Functions did not make', async () => {
    const service = { isManaged: false, isPublic: true, isBoosted: false }
    fixture.change({ runServices: { 'driveway-auth': service } })
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([1, expect.stringContaining('Cloud Run service driveway-auth')])
    expect(fixture.cloud().runServices).toEqual({ 'driveway-auth': service })
  })
})

describe('setup of Firebase Hosting', () => {
  test('explains the refusal without the terms of Firebase, and goes on once they are accepted', async () => {
    fixture.change({ termsAccepted: false })
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([1, expect.stringContaining('accept the terms')])
    // Accepting them in the console adds Firebase to the project: adding it again would be a 409.
    fixture.change({ termsAccepted: true, isFirebaseProject: true })
    expect(result(await fixture.setup(...firstArgs))).toEqual(
      isRunning('https://my-driveway.web.app'),
    )
  })

  test('creates a site in a Firebase project without one', async () => {
    fixture.change({ isFirebaseProject: true })
    expect((await fixture.setup(...firstArgs)).code).toBe(0)
    expect(fixture.cloud().sites).toMatchObject([{ id: project, type: 'DEFAULT_SITE' }])
  })

  test('takes the name that Firebase suggests when its own is taken, and its URL from the site', async () => {
    fixture.change({ takenSites: [project] })
    const origin = 'https://my-driveway-1a2b3.web.app'
    await fixture.write('client_id.json', clientFile(origin))
    expect(result(await fixture.setup(...firstArgs))).toEqual(isRunning(origin))
    expect(await fixture.variables()).toMatchObject({ public_url: origin })
    expect((await fixture.setup()).output).toContain('No changes.')
  })

  test('says what to do in a project without a default site', async () => {
    const other = { id: 'another', type: 'USER_SITE', version: '' } as const
    fixture.change({ isFirebaseProject: true, sites: [other] })
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([1, expect.stringContaining('has no default site')])
    fixture.change({
      sites: [...fixture.cloud().sites, { id: 'default', type: 'DEFAULT_SITE', version: '' }],
    })
    expect((await fixture.setup(...firstArgs)).code).toBe(0)
  })

  test('waits for a new site to be known', async () => {
    const message = 'Error: Request had HTTP Error: 404, Requested entity was not found.'
    fixture.change({ failures: [{ command: 'firebase deploy', times: 2, message }] })
    expect((await fixture.setup(...firstArgs)).code).toBe(0)
  })
})

describe('setup in an organization', () => {
  test('works under domain-restricted sharing, which refuses allUsers', async () => {
    fixture.change({ policies: { domainRestrictedSharing: true, requireInvokerIam: false } })
    expect((await fixture.setup(...firstArgs)).code).toBe(0)
    for (const { isPublic } of Object.values(fixture.cloud().runServices))
      expect(isPublic).toBe(true)
  })

  test('says what to do when public services are forbidden', async () => {
    fixture.change({ policies: { domainRestrictedSharing: true, requireInvokerIam: true } })
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([1, expect.stringContaining('an administrator has to allow')])
  })
})

describe('setup on the first day of a project', () => {
  test.each([
    deniedSource,
    'Error: googleapi: Error 403: Cloud Functions API has not been used in project 1 before or it is disabled.',
    'Error: Error 400: Service account driveway-auth@my-driveway.iam.gserviceaccount.com does not exist.',
    "Error: Permission 'secretmanager.versions.access' denied on resource 'projects/1'",
  ])('tries again while it is told %s', async (message) => {
    fixture.change(failedApply(message, 2))
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([0, expect.stringContaining('Trying again in 0 s')])
  })

  test('gives up when the failure lasts', async () => {
    fixture.change(failedApply(deniedSource, 99))
    const { code, output } = await fixture.setup(...firstArgs)
    expect([code, output]).toEqual([1, expect.stringContaining('Stopped at "Base resources"')])
    expect(fixture.changes().filter((line) => line.startsWith('terraform apply'))).toHaveLength(5)
  })

  test('removes a function and a service that a failed creation has left behind', async () => {
    fixture.change({
      functions: { 'driveway-auth': 'FAILED' },
      runServices: { 'driveway-files': { isManaged: true, isPublic: false, isBoosted: false } },
    })
    expect((await fixture.setup(...firstArgs)).code).toBe(0)
    const removed = fixture.changes().filter((line) => line.includes(' delete '))
    expect(removed.map((line) => line.split(' ').slice(1, 5).join(' '))).toEqual([
      'functions delete driveway-auth --project=my-driveway',
      'run services delete driveway-files',
    ])
  })
})

test('setup names the accounts when the three programs act as different ones', async () => {
  const accounts = {
    gcloud: 'ada@example.com',
    terraform: 'bob@example.com',
    firebase: 'ada@example.com',
  }
  fixture.change({ accounts })
  const { output } = await fixture.setup(...firstArgs)
  expect(output).toContain(
    'gcloud as ada@example.com, Terraform as bob@example.com, firebase as ada@example.com',
  )
  fixture.change({ accounts: { ...accounts, terraform: 'ada@example.com' } })
  expect((await fixture.setup()).output).not.toContain('different accounts')
})

test.each([
  ['functions', 'africa-south1', 'Cloud Functions and Firestore and Cloud Build do not serve it'],
  ['builds', 'europe-west1', 'Cloud Build do not serve it. These do: us-central1'],
] as const)('setup refuses a region that %s do not serve', async (service, region, message) => {
  const { regions } = fixture.cloud()
  fixture.change({ regions: { ...regions, [service]: ['us-central1'] } })
  const { code, output } = await fixture.setup(...firstArgs, `--region=${region}`)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(fixture.changes().map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
    'gcloud services enable',
  ])
})
