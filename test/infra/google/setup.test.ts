/** Setup from nothing, half-way, and twice; its arguments, its answers and its secrets. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { client, clientFile, createSetupFixture, firstArgs, project } from './setup-fixture.ts'
import type { SetupFixture } from './setup-fixture.ts'

jest.setTimeout(180_000) // each run starts about eighty programs

let fixture: SetupFixture

beforeEach(async () => {
  fixture = await createSetupFixture()
})
afterEach(() => fixture.close())

test('setup deploys Driveway to an empty project, and changes nothing when it runs again', async () => {
  const { code, output } = await fixture.setup(...firstArgs)
  expect([code, output.split('\n').at(-2)]).toEqual([0, expect.stringMatching(/^Changes: \d+\.$/)])
  expect(output).toContain(':  https://my-driveway.web.app/callback')
  const { databases, functions, sites, runServices } = fixture.cloud()
  expect(databases).toEqual(['driveway'])
  expect(Object.keys(functions)).toEqual(
    ['auth', 'callback', 'files', 'upload'].map((name) => `driveway-${name}`),
  )
  for (const service of Object.values(runServices)) {
    expect(service).toMatchObject({ isPublic: true, isBoosted: true })
  }
  const version = await readFile(join(fixture.folder, 'dist/web/version.txt'), 'utf8')
  expect(sites).toEqual([{ id: project, type: 'DEFAULT_SITE', version }])
  expect(await fixture.variables()).toMatchObject({
    project,
    client_version: 1,
    keyring_version: 1,
    public_url: 'https://my-driveway.web.app',
  })
  expect(fixture.changes().length).toBeGreaterThan(5)

  for (const args of [firstArgs, []]) {
    const again = await fixture.setup(...args)
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('No changes.')])
    expect(fixture.changes()).toEqual([])
  }
})

test('setup ends with the three addresses that matter', async () => {
  await fixture.alreadySetUp()
  const { output } = await fixture.setup()
  expect(output.split('\n').slice(-6)).toEqual([
    'Driveway is running',
    '  Page       https://my-driveway.web.app',
    '  Scripts    https://driveway-upload-abc-ew.a.run.app/upload/',
    '  Dashboard  https://console.cloud.google.com/monitoring/dashboards?project=my-driveway',
    'No changes.',
    '',
  ])
})

test('setup says before its first step what a person must do in a browser', async () => {
  const { output } = await fixture.setup(...firstArgs)
  expect(output.indexOf('accept the terms of Firebase')).toBeGreaterThan(0)
  expect(output.indexOf('accept the terms of Firebase')).toBeLessThan(output.indexOf('gcloud'))
})

test('setup passes secrets on standard input only: no argument, output or file contains one', async () => {
  const { output } = await fixture.setup(...firstArgs)
  const calls = fixture.commands()
  const { secrets, objects } = fixture.cloud()
  const [keyring = ''] = secrets['driveway-keyring'] ?? []
  const { keys } = JSON.parse(keyring) as { keys: { kty: string; k: string }[] }
  expect(keys).toMatchObject([{ kty: 'oct', k: expect.stringMatching(/^[\w-]{43}$/) }])
  expect(secrets['driveway-client']).toEqual([client])
  const visible = [
    output,
    ...calls.map(({ line }) => line),
    JSON.stringify(await fixture.variables()),
    JSON.stringify(objects),
  ].join()
  for (const secret of ['GOCSPX', keys[0]?.k ?? '', 'ya29', '1//secret']) {
    expect(visible).not.toContain(secret)
  }
  for (const folder of ['infra/google', '.driveway']) {
    const entries = await readdir(join(fixture.folder, folder), { withFileTypes: true })
    for (const { name } of entries.filter((entry) => entry.isFile())) {
      expect(await readFile(join(fixture.folder, folder, name), 'utf8')).not.toContain('GOCSPX')
    }
  }
})

test('a dry run prints every step, runs no program and writes no file', async () => {
  const before = await readdir(fixture.folder, { recursive: true })
  const { code, output } = await fixture.setup(...firstArgs, '--container', '--dry-run')
  expect(code).toBe(0)
  expect(fixture.commands()).toEqual([])
  expect(await readdir(fixture.folder, { recursive: true })).toEqual(before)
  await fixture.setup(...firstArgs, '--container')
  const printed = output.replaceAll(/'([^']*)'/g, '$1').replaceAll(' -chdir=infra/google', '')
  for (const line of fixture.changes()) expect(printed).toContain(line)
  const { output: teardown } = await fixture.teardown('--dry-run')
  expect(teardown).toContain('terraform -chdir=infra/google destroy')
  expect(fixture.commands()).toEqual([])
})

test('setup with a new client file adds a secret version and pins the functions to it', async () => {
  await fixture.alreadySetUp()
  await fixture.write('client_id.json', clientFile('https://my-driveway.web.app', 'the-next-one'))
  expect((await fixture.setup(...firstArgs)).code).toBe(0)
  const commands = fixture.changes().map((line) => line.split(' ').slice(0, 4).join(' '))
  expect(commands).toEqual([
    'gcloud secrets versions add',
    'terraform apply -input=false ../../.driveway/production.tfplan',
    // Cloud Functions deploys the services again, which resets both.
    ...Array.from({ length: 4 }, () => 'gcloud run services update'),
  ])
  expect(await fixture.variables()).toMatchObject({ client_version: 2, keyring_version: 1 })
})

test.each([
  'gcloud storage buckets create',
  'firebase projects:addfirebase',
  'firebase hosting:sites:create',
  'terraform init',
  'terraform apply',
  'gcloud secrets versions add driveway-client',
  'gcloud secrets versions add driveway-keyring',
  'gcloud run services update driveway-files',
  'firebase deploy',
])('setup that stops at a failed %s continues from there', async (command) => {
  fixture.change({ failures: [{ command, times: 1, message: 'ERROR: injected failure' }] })
  const { code, output } = await fixture.setup(...firstArgs)
  expect(code).toBe(1)
  expect(output).toContain('injected failure')
  const again = await fixture.setup(...firstArgs)
  expect([again.code, again.output]).toEqual([0, expect.stringContaining('Driveway is running')])
})

test('setup prints a failed command and what to do', async () => {
  const failure = { command: 'terraform apply', times: 1, message: 'Error: injected failure' }
  fixture.change({ failures: [failure] })
  const { output } = await fixture.setup(...firstArgs)
  expect(output).toContain('Stopped at "Base resources"')
  expect(output).toContain(
    '  terraform -chdir=infra/google apply -input=false ../../.driveway/production.tfplan',
  )
})

test('setup without a client file says which one it needs', async () => {
  const { code, output } = await fixture.setup(`--project=${project}`, '--yes')
  expect([code, output]).toEqual([1, expect.stringContaining('--client=client_id.json')])
  expect(output).toContain('https://my-driveway.web.app/callback')
})

test.each([
  ['a missing program', { failures: [broken('terraform version')] }, 'Install terraform: https://'],
  [
    'a missing project',
    { failures: [broken('gcloud projects describe')] },
    'gcloud projects create my-driveway',
  ],
  ['no billing account', { billing: false }, 'Link a billing account: https://'],
  [
    'no sign-in',
    { accounts: { gcloud: '', terraform: '', firebase: '' } },
    'run this in a terminal first:  gcloud auth login',
  ],
])('setup with %s prints what to do, and changes nothing', async (_, cloud, message) => {
  fixture.change(cloud)
  const { code, output } = await fixture.setup(...firstArgs)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(fixture.changes()).toEqual([])
})

function broken(command: string): { command: string; times: number; message: string } {
  return { command, times: 99, message: 'ERROR: injected failure' }
}

test('setup links the billing account of --billing-account', async () => {
  fixture.change({ billing: false })
  const { code } = await fixture.setup(...firstArgs, '--billing-account=012345-678901-ABCDEF')
  expect([code, fixture.cloud().billing]).toEqual([0, true])
})

test.each([
  [[], '--project=… is required'],
  [['--project=X'], 'not a valid project id'],
  [['--project=my-driveway', '--region=mars'], 'must look like europe-west1'],
  [['--project=my-driveway', '--url=http://example.com'], 'must look like https://'],
  [['--project=my-driveway', '--budget=-1'], 'whole number'],
  [['--project=my-driveway', '--set=PUBLIC_URL=x'], 'the settings are ACCESS_PROFILE'],
  [['--project=my-driveway', '--set=FIRESTORE_DATABASE=x'], 'the settings are ACCESS_PROFILE'],
  [['--project=my-driveway', '--size=upload.memory=1'], 'memory is 512Mi or 2Gi'],
  [['--project=my-driveway', '--size=upload.x=1'], 'the sizes are memory'],
  [['--project=my-driveway', '--env=Production!'], 'lower-case letters'],
  [['--project=my-driveway', '--adopt=everything'], 'must be one of site, database'],
  [['--project=my-driveway', '--site=-'], 'the ID of a site'],
  [['--project=my-driveway', '--retry-wait=soon'], 'a number of seconds'],
  [['--project=my-driveway', '--nonsense'], 'nonsense'],
] as const)('setup rejects the arguments %j', async (args, message) => {
  const { code, output } = await fixture.setup(...args)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(fixture.commands()).toEqual([])
})

test.each([
  ['the file of a desktop client', '{"installed":{}}', 'Desktop app'],
  [
    'the file of a client without the redirect URI',
    clientFile('https://other.web.app'),
    'does not list',
  ],
])('setup does not store %s', async (_, text, message) => {
  await fixture.write('client_id.json', text)
  const { code, output } = await fixture.setup(...firstArgs)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(fixture.cloud().secrets['driveway-client']).toEqual([])
})
