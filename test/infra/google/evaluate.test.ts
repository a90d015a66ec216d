/**
 * Evaluates with Terraform every expression that needs no provider: variables and locals, the dashboard,
 * the filters. Attributes of resources are replaced by a constant.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settings } from '../../../functions/config/settings.ts'
import { readSources } from './hcl.ts'

const hasTerraform = spawnSync('terraform', ['version']).status === 0
const terraformTest = (name: string, body: () => void): void =>
  hasTerraform ? test(name, body, 60_000) : test.skip(`${name} (terraform is not available)`, body)

const locals = [
  'functions',
  'secret_access_pairs',
  'environment',
  'ready',
  'sizes',
  'service_names',
  'ttl_fields',
  'log_filter',
]
let folder: string

const output = (name: string, value: string): string =>
  `output "${name}" {\n  value = ${value}\n}\n`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driveway-evaluate-'))
  const all = Object.values(await readSources()).join('\n')
  const parts = [...all.matchAll(/^(?:locals|variable "\w+") \{\n.*?^\}\n/gms)].map(([part]) =>
    part.replaceAll(/google_\w+\.\w+(?:\["(\w+)"\])?\.\w+/g, '"resource-$1"'),
  )
  const [, dashboard = ''] = /dashboard_json = (jsonencode\(.*?^ {2}\}\))/ms.exec(all) ?? []
  const filters = [...all.matchAll(/^ +(?:denominator_)?filter += ("(?!metric).*local\..*")$/gm)]
  await writeFile(
    join(folder, 'main.tf'),
    [
      ...parts,
      ...locals.map((name) => output(name, `local.${name}`)),
      output('dashboard', dashboard),
      output('filters', `[${filters.map(([, filter]) => filter).join(', ')}]`),
    ].join('\n'),
  )
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

function terraform(...args: string[]): { status: number | null; output: string } {
  const env = { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null', TF_IN_AUTOMATION: '1' }
  const { status, stdout, stderr } = spawnSync('terraform', [`-chdir=${folder}`, ...args], {
    encoding: 'utf8',
    env,
  })
  return { status, output: stdout + stderr }
}

function apply(variables: Record<string, string>): Record<string, unknown> {
  const flags = Object.entries(variables).map(([name, value]) => `-var=${name}=${value}`)
  const applied = terraform('apply', '-auto-approve', '-input=false', '-no-color', ...flags)
  expect([applied.status === 0 ? '' : applied.output]).toEqual([''])
  const values = JSON.parse(terraform('output', '-json').output) as Record<
    string,
    { value: unknown }
  >
  return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]))
}

const publicUrl = 'https://my-driveway.web.app'
const complete = {
  project: 'my-driveway',
  public_url: publicUrl,
  client_version: '3',
  keyring_version: '1',
}

terraformTest('the functions get all required settings, and require both secrets', () => {
  const values = apply({ ...complete, settings: '{ACCESS_PROFILE="own"}' })
  expect(values).toMatchObject({ ready: true })
  expect(values['environment']).toEqual({
    ACCESS_PROFILE: 'own',
    PUBLIC_URL: publicUrl,
    GOOGLE_CLOUD_PROJECT: 'my-driveway',
    FIRESTORE_DATABASE: 'resource-',
    CLIENT_SECRET_NAME: 'resource-client/versions/3',
    KEYRING_SECRET_NAME: 'resource-keyring/versions/1',
    NODE_OPTIONS: '--max-semi-space-size=1',
    MALLOC_ARENA_MAX: '2',
  })
  for (const missing of ['client_version', 'keyring_version']) {
    expect(apply({ ...complete, [missing]: '0' })).toMatchObject({ ready: false })
  }
})

terraformTest('a size changes one function, and an unset one keeps its default', () => {
  const { sizes } = apply({ ...complete, sizes: '{upload={max_instances=40, memory="1Gi"}}' })
  expect(sizes).toMatchObject({
    upload: { max_instances: 40, memory: '1Gi', concurrency: 20, min_instances: 0 },
    auth: { max_instances: 10, memory: '256Mi' },
    container: { max_instances: 10 },
  })
  const variables = [
    '-var=sizes={uplaod={cpu=2}}',
    '-var=project=p',
    `-var=public_url=${publicUrl}`,
  ]
  const { status, output: message } = terraform('plan', '-input=false', '-no-color', ...variables)
  expect([status, message]).toEqual([1, expect.stringContaining('Unknown function')])
})

terraformTest('an environment has names of its own', () => {
  const { service_names: names, log_filter: filter } = apply({
    ...complete,
    name: 'driveway-staging',
  })
  expect(names).toMatchObject({
    auth: 'driveway-staging-auth',
    container: 'driveway-staging-upload-h2c',
  })
  expect(filter).toContain('"driveway-staging-callback"')
  expect(filter).not.toContain('"driveway-callback"')
})

terraformTest('each pair of a function and a secret that it reads is one IAM member', () => {
  const { secret_access_pairs: pairs } = apply(complete)
  expect(Object.keys(pairs as object)).toEqual(
    ['auth', 'callback', 'files', 'upload'].flatMap((name) => [
      `${name}-client`,
      `${name}-keyring`,
    ]),
  )
  expect(pairs).toMatchObject({ 'files-keyring': { name: 'files', secret: 'keyring' } })
})

terraformTest('an unknown setting, and one that the operator may not set, is rejected', () => {
  for (const name of ['NONSENSE', ...Object.keys(settings).filter((key) => key.endsWith('_URL'))]) {
    const variables = [
      `-var=settings={${name}="x"}`,
      '-var=project=p',
      `-var=public_url=${publicUrl}`,
    ]
    const { status, output: message } = terraform('plan', '-input=false', '-no-color', ...variables)
    expect([name, status, message]).toEqual([name, 1, expect.stringContaining('Unknown setting')])
  }
})

terraformTest('the log filters and the dashboard are valid', () => {
  const {
    log_filter: logFilter,
    filters,
    dashboard,
  } = apply(complete) as {
    log_filter: string
    filters: string[]
    dashboard: string
  }
  expect(logFilter).toBe(
    'resource.type="cloud_run_revision" AND resource.labels.service_name=("driveway-auth" OR "driveway-callback" OR "driveway-upload-h2c" OR "driveway-files" OR "driveway-upload")',
  )
  expect(filters.length).toBeGreaterThan(4)
  for (const filter of filters) {
    expect(filter).toMatch(/^resource\.type="cloud_run_revision" AND /)
    expect((filter.match(/"/g)?.length ?? 1) % 2).toBe(0)
  }
  const { gridLayout } = JSON.parse(dashboard) as { gridLayout: { widgets: { title: string }[] } }
  expect(gridLayout.widgets.map(({ title }) => title)).toContain(
    'Failed requests per second, by problem code',
  )
  expect(dashboard).toContain(
    'full_match(\\"driveway-auth|driveway-callback|driveway-upload-h2c|driveway-files|driveway-upload\\")',
  )
})
