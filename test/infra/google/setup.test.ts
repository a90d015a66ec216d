/** Setup and teardown from the outside: the built program, with a cloud that is made up around it. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, run } from '../../kit/process.ts'
import { installFakePrograms } from './fake-programs.ts'
import type { FakeCloud } from './fake-cloud.ts'
import type { FakePrograms } from './fake-programs.ts'

jest.setTimeout(180_000) // every run starts some fifty programs

const project = 'my-driveway'
const client = JSON.stringify({
  web: {
    client_id: '1.apps.googleusercontent.com',
    client_secret: 'GOCSPX-not-to-be-seen',
    redirect_uris: ['https://my-driveway.web.app/callback'],
  },
})

/** Lines that look and change nothing. */
const looks =
  /^(?:gcloud version|gcloud auth list|gcloud auth application-default print-access-token|gcloud [a-z -]+ (?:describe|list|access) |terraform (?:version$|init |plan |output$|state show |state list)|firebase (?:--version|projects:list|hosting:sites:list)|curl )/

let folder: string
let fakes: FakePrograms

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driveway-setup-'))
  fakes = await installFakePrograms(join(folder, 'bin'))
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
  await fakes.close()
  await rm(folder, { recursive: true })
})

interface Outcome {
  code: number | string
  output: string
}

async function setup(...args: string[]): Promise<Outcome> {
  const { PATH = '' } = process.env
  const env = environment({ PATH: `${fakes.path}:${PATH}`, HOME: folder })
  const started = run(process.execPath, ['dist/local/setup.mjs', ...args], { cwd: folder, env })
  const code = await started.ended
  return { code, output: started.output }
}

const teardown = (...args: string[]): Promise<Outcome> => setup('teardown', ...args)
const first = [`--project=${project}`, '--client=client_id.json']

const variablesFile = 'infra/google/driveway.auto.tfvars.json'
const variables = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, variablesFile), 'utf8'))

/** A cloud in which setup has been, and what it wrote down: made by the first who asks. */
let after: Promise<{ cloud: FakeCloud; written: string }> | undefined

async function alreadySetUp(): Promise<void> {
  after ??= (async () => {
    expect((await setup(...first)).code).toBe(0)
    return {
      cloud: fakes.cloud(),
      written: await readFile(join(folder, variablesFile), 'utf8'),
    }
  })()
  const { cloud, written } = await after
  fakes.change(cloud)
  await writeFile(join(folder, variablesFile), written)
  fakes.calls()
}

function lines(): string[] {
  return fakes.calls().map(({ line }) => line)
}

test('from nothing to a running Driveway, and again with nothing to change', async () => {
  const { code, output } = await setup(...first)
  expect([code, output.split('\n').at(-2)]).toEqual([0, expect.stringMatching(/^Changed: \d+\.$/)])
  expect(output).toContain('letter by letter:  https://my-driveway.web.app/callback')
  expect(fakes.cloud()).toMatchObject({
    database: true,
    boosted: ['auth', 'callback', 'files', 'upload'],
    site: await readFile(join(folder, 'dist/web/version.txt'), 'utf8'),
  })
  expect(await variables()).toMatchObject({ project, client_version: 1, keyring_version: 1 })
  expect(lines().filter((line) => !looks.test(line)).length).toBeGreaterThan(5)

  for (const args of [first, []]) {
    const again = await setup(...args)
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('Nothing had to be')])
    expect(lines().filter((line) => !looks.test(line))).toEqual([])
  }
})

test('secrets go through standard input, and are neither in a line nor on the screen', async () => {
  const { output } = await setup(...first)
  const calls = fakes.calls()
  const { secrets } = fakes.cloud()
  const [keyring = ''] = secrets['driveway-keyring'] ?? []
  const { keys } = JSON.parse(keyring) as { keys: { kty: string; k: string }[] }
  expect(keys).toMatchObject([{ kty: 'oct', k: expect.stringMatching(/^[\w-]{43}$/) }])
  expect(secrets['driveway-client']).toEqual([client])
  const seen = [output, ...calls.map(({ line }) => line), JSON.stringify(await variables())].join()
  for (const secret of ['GOCSPX', keys[0]?.k ?? '', 'ya29']) expect(seen).not.toContain(secret)
  for (const file of await readdir(join(folder, 'infra/google'))) {
    expect(await readFile(join(folder, 'infra/google', file), 'utf8')).not.toContain('GOCSPX')
  }
})

test('a dry run prints every step, calls nobody and writes nothing', async () => {
  const before = await readdir(folder, { recursive: true })
  const { code, output } = await setup(...first, '--container', '--dry-run')
  expect(code).toBe(0)
  expect(fakes.calls()).toEqual([])
  expect(await readdir(folder, { recursive: true })).toEqual(before)
  await setup(...first, '--container')
  const done = lines().filter((line) => !looks.test(line))
  const printed = output.replaceAll(/'([^']*)'/g, '$1').replaceAll(' -chdir=infra/google', '')
  for (const line of done) expect(printed).toContain(line)
  expect((await teardown('--dry-run')).output).toContain('terraform -chdir=infra/google destroy')
  expect(fakes.calls()).toEqual([])
})

test('another client file is another version, and the functions are told its number', async () => {
  await alreadySetUp()
  await writeFile(join(folder, 'client_id.json'), client.replace('not-to-be-seen', 'the-next-one'))
  expect((await setup(...first)).code).toBe(0)
  const changed = lines().filter((line) => !looks.test(line))
  expect(changed.map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual([
    'gcloud secrets versions add',
    'terraform apply -input=false -auto-approve',
  ])
  expect(await variables()).toMatchObject({ client_version: 2, keyring_version: 1 })
})

test('answers are kept: a setting, an address for alerts, the container', async () => {
  const more = ['--set=ACCESS_PROFILE=own', '--alert-email=a@example.com', '--container']
  await alreadySetUp()
  expect((await setup(...more)).code).toBe(0)
  await setup()
  const kept = await variables()
  expect(kept).toMatchObject({ settings: { ACCESS_PROFILE: 'own' }, alert_email: 'a@example.com' })
  const { images } = fakes.cloud()
  expect(kept).toMatchObject({ upload_image: images[0] })
  await setup('--set=ACCESS_PROFILE=')
  expect(await variables()).toMatchObject({ settings: {} })
})

test('what fails stops it, says the line, and the next run goes on from there', async () => {
  fakes.change({ broken: 'terraform apply' })
  const { code, output } = await setup(...first)
  expect(code).toBe(1)
  expect(output).toContain('broken on purpose')
  expect(output).toContain('Stopped at "The boxes"')
  expect(output).toContain('  terraform -chdir=infra/google apply -input=false -auto-approve')
  fakes.change({ broken: '' })
  expect((await setup()).output).toContain('--client=client_id.json') // it was not stored yet
  expect((await setup('--client=client_id.json')).code).toBe(0)
})

test.each([
  ['no program', { broken: 'terraform version' }, 'Install terraform: https://'],
  ['no project', { broken: 'gcloud projects describe' }, 'gcloud projects create my-driveway'],
  ['no billing', { billing: false }, 'Link a billing account: https://'],
] as const)('with %s it says what to do, and has changed nothing', async (_, cloud, says) => {
  fakes.change(cloud)
  const { code, output } = await setup(...first)
  expect([code, output]).toEqual([1, expect.stringContaining(says)])
  expect(lines().filter((line) => !looks.test(line))).toEqual([])
})

test('a billing account that is named is linked', async () => {
  fakes.change({ billing: false })
  expect((await setup(...first, '--billing-account=012345-678901-ABCDEF')).code).toBe(0)
  expect(fakes.cloud()).toMatchObject({ billing: true })
})

test.each([
  [[], 'Say --project=…'],
  [['--project=X'], 'no id of a Google Cloud project'],
  [['--project=my-driveway', '--region=mars'], 'must look like europe-west1'],
  [['--project=my-driveway', '--url=http://example.com'], 'must look like https://'],
  [['--project=my-driveway', '--budget=-1'], 'whole number'],
  [['--project=my-driveway', '--set=PUBLIC_URL=x'], 'the settings are ACCESS_PROFILE'],
  [['--project=my-driveway', '--nonsense'], 'nonsense'],
] as const)('%j is refused', async (args, says) => {
  const { code, output } = await setup(...args)
  expect([code, output]).toEqual([1, expect.stringContaining(says)])
  expect(fakes.calls()).toEqual([])
})

test.each([
  ['a file of another kind', '{"installed":{}}', 'Desktop app'],
  ['a client without our redirect URI', client.replace('/callback', '/'), 'does not list'],
])('%s is not stored', async (_, text, says) => {
  await writeFile(join(folder, 'client_id.json'), text)
  const { code, output } = await setup(...first)
  expect([code, output]).toEqual([1, expect.stringContaining(says)])
  expect(fakes.cloud().secrets['driveway-client']).toEqual([])
})

test('teardown removes what setup made, keeps what grants hang on, and setup takes that over', async () => {
  await alreadySetUp()
  const refused = await teardown()
  expect([refused.code, lines()]).toEqual([1, []])
  const { code, output } = await teardown('--yes')
  expect(code).toBe(0)
  expect(output).toContain('npm run teardown -- --with-data')
  const kept = fakes.cloud()
  expect(kept).toMatchObject({ site: '', repository: false, state: [], database: true })
  expect(Object.keys(kept.secrets)).toEqual(['driveway-client', 'driveway-keyring'])
  expect((await setup()).code).toBe(0)
  expect(fakes.cloud().secrets).toEqual(kept.secrets)
})

test('with its data, nothing is left that a program can remove', async () => {
  await alreadySetUp()
  const { code, output } = await teardown('--yes', '--with-data')
  expect(code).toBe(0)
  expect(fakes.cloud()).toMatchObject({ database: false, secrets: {}, buckets: [], site: '' })
  expect(output).toContain('https://myaccount.google.com/connections')
  expect((await teardown('--yes')).output).toContain('There is no gs://my-driveway-driveway-state')
})
