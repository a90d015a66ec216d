/** The built program of setup and teardown, with fake programs and a fake cloud. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, run } from '../../kit/process.ts'
import { installFakePrograms } from './fake-programs.ts'
import type { FakeCloud } from './fake-cloud.ts'
import type { FakePrograms } from './fake-programs.ts'

jest.setTimeout(180_000) // each run starts about fifty programs

const project = 'my-driveway'
const client = JSON.stringify({
  web: {
    client_id: '1.apps.googleusercontent.com',
    client_secret: 'GOCSPX-not-to-be-seen',
    redirect_uris: ['https://my-driveway.web.app/callback'],
  },
})

/** Read-only commands. */
const readOnly =
  /^(?:gcloud version|gcloud auth list|gcloud auth application-default print-access-token|gcloud [a-z -]+ (?:describe|list|access) |terraform (?:version$|init |plan |output$|state show |state list)|firebase (?:--version|projects:list|hosting:sites:list)|curl )/

let folder: string
let programs: FakePrograms

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driveway-setup-'))
  programs = await installFakePrograms(join(folder, 'bin'))
  for (const part of ['package.json', 'firebase.json', 'infra/container/Dockerfile']) {
    await cp(join(root, part), join(folder, part))
  }
  for (const part of ['dist/web', 'dist/container', 'dist/local/setup.mjs']) {
    await cp(join(root, part), join(folder, part), { recursive: true })
  }
  await mkdir(join(folder, 'infra/google'))
  await writeFile(join(folder, 'client_id.json'), client)
})

afterEach(async () => {
  await programs.close()
  await rm(folder, { recursive: true })
})

interface ProgramResult {
  code: number | string
  output: string
}

async function setup(...args: string[]): Promise<ProgramResult> {
  const { PATH = '' } = process.env
  const env = environment({ PATH: `${programs.path}:${PATH}`, HOME: folder })
  const started = run(process.execPath, ['dist/local/setup.mjs', ...args], { cwd: folder, env })
  const code = await started.exited
  return { code, output: started.output }
}

const teardown = (...args: string[]): Promise<ProgramResult> => setup('teardown', ...args)
const firstArgs = [`--project=${project}`, '--client=client_id.json']

const variablesFile = 'infra/google/driveway.auto.tfvars.json'
const variables = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, variablesFile), 'utf8'))

/** The cloud after setup, and the variables file: created by the first test that needs it. */
let setUpCloud: Promise<{ cloud: FakeCloud; variablesText: string }> | undefined

async function alreadySetUp(): Promise<void> {
  setUpCloud ??= (async () => {
    expect((await setup(...firstArgs)).code).toBe(0)
    return {
      cloud: programs.cloud(),
      variablesText: await readFile(join(folder, variablesFile), 'utf8'),
    }
  })()
  const { cloud, variablesText } = await setUpCloud
  programs.change(cloud)
  await writeFile(join(folder, variablesFile), variablesText)
  programs.calls()
}

function commands(): string[] {
  return programs.calls().map(({ line }) => line)
}

test('setup deploys Driveway to an empty project, and changes nothing when it runs again', async () => {
  const { code, output } = await setup(...firstArgs)
  expect([code, output.split('\n').at(-2)]).toEqual([0, expect.stringMatching(/^Changes: \d+\.$/)])
  expect(output).toContain(':  https://my-driveway.web.app/callback')
  expect(programs.cloud()).toMatchObject({
    database: true,
    boosted: ['auth', 'callback', 'files', 'upload'],
    site: await readFile(join(folder, 'dist/web/version.txt'), 'utf8'),
  })
  expect(await variables()).toMatchObject({ project, client_version: 1, keyring_version: 1 })
  expect(commands().filter((line) => !readOnly.test(line)).length).toBeGreaterThan(5)

  for (const args of [firstArgs, []]) {
    const again = await setup(...args)
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('No changes.')])
    expect(commands().filter((line) => !readOnly.test(line))).toEqual([])
  }
})

test('setup passes secrets on standard input only: no argument, output or file contains one', async () => {
  const { output } = await setup(...firstArgs)
  const calls = programs.calls()
  const { secrets } = programs.cloud()
  const [keyring = ''] = secrets['driveway-keyring'] ?? []
  const { keys } = JSON.parse(keyring) as { keys: { kty: string; k: string }[] }
  expect(keys).toMatchObject([{ kty: 'oct', k: expect.stringMatching(/^[\w-]{43}$/) }])
  expect(secrets['driveway-client']).toEqual([client])
  const visible = [
    output,
    ...calls.map(({ line }) => line),
    JSON.stringify(await variables()),
  ].join()
  for (const secret of ['GOCSPX', keys[0]?.k ?? '', 'ya29']) expect(visible).not.toContain(secret)
  for (const file of await readdir(join(folder, 'infra/google'))) {
    expect(await readFile(join(folder, 'infra/google', file), 'utf8')).not.toContain('GOCSPX')
  }
})

test('a dry run prints every step, runs no program and writes no file', async () => {
  const before = await readdir(folder, { recursive: true })
  const { code, output } = await setup(...firstArgs, '--container', '--dry-run')
  expect(code).toBe(0)
  expect(programs.calls()).toEqual([])
  expect(await readdir(folder, { recursive: true })).toEqual(before)
  await setup(...firstArgs, '--container')
  const executed = commands().filter((line) => !readOnly.test(line))
  const printed = output.replaceAll(/'([^']*)'/g, '$1').replaceAll(' -chdir=infra/google', '')
  for (const line of executed) expect(printed).toContain(line)
  expect((await teardown('--dry-run')).output).toContain('terraform -chdir=infra/google destroy')
  expect(programs.calls()).toEqual([])
})

test('setup with a new client file adds a secret version and pins the functions to it', async () => {
  await alreadySetUp()
  await writeFile(join(folder, 'client_id.json'), client.replace('not-to-be-seen', 'the-next-one'))
  expect((await setup(...firstArgs)).code).toBe(0)
  const changed = commands().filter((line) => !readOnly.test(line))
  expect(changed.map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual([
    'gcloud secrets versions add',
    'terraform apply -input=false -auto-approve',
  ])
  expect(await variables()).toMatchObject({ client_version: 2, keyring_version: 1 })
})

test('setup keeps the options of the previous run: a setting, the alert address, the container', async () => {
  const flags = ['--set=ACCESS_PROFILE=own', '--alert-email=a@example.com', '--container']
  await alreadySetUp()
  expect((await setup(...flags)).code).toBe(0)
  await setup()
  const saved = await variables()
  expect(saved).toMatchObject({ settings: { ACCESS_PROFILE: 'own' }, alert_email: 'a@example.com' })
  const { images } = programs.cloud()
  expect(saved).toMatchObject({ upload_image: images[0] })
  await setup('--set=ACCESS_PROFILE=')
  expect(await variables()).toMatchObject({ settings: {} })
})

test('setup stops at a failed command and prints it, and the next run continues from there', async () => {
  programs.change({ broken: 'terraform apply' })
  const { code, output } = await setup(...firstArgs)
  expect(code).toBe(1)
  expect(output).toContain('injected failure')
  expect(output).toContain('Stopped at "Base resources"')
  expect(output).toContain('  terraform -chdir=infra/google apply -input=false -auto-approve')
  programs.change({ broken: '' })
  expect((await setup()).output).toContain('--client=client_id.json') // it is not stored yet
  expect((await setup('--client=client_id.json')).code).toBe(0)
})

test.each([
  ['a missing program', { broken: 'terraform version' }, 'Install terraform: https://'],
  [
    'a missing project',
    { broken: 'gcloud projects describe' },
    'gcloud projects create my-driveway',
  ],
  ['no billing account', { billing: false }, 'Link a billing account: https://'],
] as const)('setup with %s prints what to do, and changes nothing', async (_, cloud, message) => {
  programs.change(cloud)
  const { code, output } = await setup(...firstArgs)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(commands().filter((line) => !readOnly.test(line))).toEqual([])
})

test('setup links the billing account of --billing-account', async () => {
  programs.change({ billing: false })
  expect((await setup(...firstArgs, '--billing-account=012345-678901-ABCDEF')).code).toBe(0)
  expect(programs.cloud()).toMatchObject({ billing: true })
})

test.each([
  [[], '--project=… is required'],
  [['--project=X'], 'not a valid project id'],
  [['--project=my-driveway', '--region=mars'], 'must look like europe-west1'],
  [['--project=my-driveway', '--url=http://example.com'], 'must look like https://'],
  [['--project=my-driveway', '--budget=-1'], 'whole number'],
  [['--project=my-driveway', '--set=PUBLIC_URL=x'], 'the settings are ACCESS_PROFILE'],
  [['--project=my-driveway', '--nonsense'], 'nonsense'],
] as const)('setup rejects the arguments %j', async (args, message) => {
  const { code, output } = await setup(...args)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(programs.calls()).toEqual([])
})

test.each([
  ['the file of a desktop client', '{"installed":{}}', 'Desktop app'],
  [
    'the file of a client without the redirect URI',
    client.replace('/callback', '/'),
    'does not list',
  ],
])('setup does not store %s', async (_, text, message) => {
  await writeFile(join(folder, 'client_id.json'), text)
  const { code, output } = await setup(...firstArgs)
  expect([code, output]).toEqual([1, expect.stringContaining(message)])
  expect(programs.cloud().secrets['driveway-client']).toEqual([])
})

test('teardown keeps the database and the secrets, and setup imports them again', async () => {
  await alreadySetUp()
  const unconfirmed = await teardown()
  expect([unconfirmed.code, commands()]).toEqual([1, []])
  const { code, output } = await teardown('--yes')
  expect(code).toBe(0)
  expect(output).toContain('npm run teardown -- --with-data')
  const remaining = programs.cloud()
  expect(remaining).toMatchObject({ site: '', repository: false, state: [], database: true })
  expect(Object.keys(remaining.secrets)).toEqual(['driveway-client', 'driveway-keyring'])
  expect((await setup()).code).toBe(0)
  expect(programs.cloud().secrets).toEqual(remaining.secrets)
})

test('teardown --with-data removes everything that has an API', async () => {
  await alreadySetUp()
  const { code, output } = await teardown('--yes', '--with-data')
  expect(code).toBe(0)
  expect(programs.cloud()).toMatchObject({ database: false, secrets: {}, buckets: [], site: '' })
  expect(output).toContain('https://myaccount.google.com/connections')
  expect((await teardown('--yes')).output).toContain('There is no gs://my-driveway-driveway-state')
})
