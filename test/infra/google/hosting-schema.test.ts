/** firebase.json, and what setup makes of it, are valid for firebase-tools. */
import { expect, test } from '@jest/globals'
import { Ajv } from 'ajv'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostingConfig } from '../../../infra/google/setup/steps/page.ts'
import type { HostingConfig } from '../../../infra/local/hosting.ts'
import { root } from '../../kit/process.ts'
import { exampleDeployment } from './documented-commands.ts'

const readJson = async <T>(file: string): Promise<T> =>
  JSON.parse(await readFile(join(root, file), 'utf8')) as T
const { hosting } = await readJson<{ hosting: HostingConfig }>('firebase.json')
const validate = new Ajv({ strict: false, allErrors: true }).compile(
  await readJson<object>('infra/google/schema/hosting.json'),
)

function errorsOf(config: unknown): string[] {
  return validate({ hosting: config })
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

/** What setup deploys, with changes to its example. */
function deployed(settings: Record<string, string> = {}): HostingConfig & { site: string } {
  const deployment = exampleDeployment()
  deployment.site = 'my-driveway'
  deployment.answers = { ...deployment.answers, region: 'us-central1', settings }
  return hostingConfig(deployment, hosting)
}

const hsts = (config: HostingConfig): string[] =>
  (config.headers ?? [])
    .flatMap(({ headers }) => headers)
    .filter(({ key }) => key === 'Strict-Transport-Security')
    .map(({ value }) => value)

test('firebase.json is valid by the schema of firebase-tools', () => {
  expect(errorsOf(hosting)).toEqual([])
})

test('the configuration that setup deploys is valid, and names the site, the services and their region', () => {
  const config = deployed()
  expect(errorsOf(config)).toEqual([])
  expect(config).toMatchObject({ site: 'my-driveway', public: 'web' })
  const services = (config.rewrites ?? []).flatMap((rewrite) =>
    'run' in rewrite ? [rewrite.run] : [],
  )
  expect(services).toEqual(
    ['auth', 'callback', 'files', 'upload'].map((name) => ({
      serviceId: `driveway-${name}`,
      region: 'us-central1',
    })),
  )
})

test.each([
  ['an unknown option', { ...hosting, cleanUrl: true }],
  ['a rewrite without a target', { ...hosting, rewrites: [{ source: '/x' }] }],
  ['a service without a name', { ...hosting, rewrites: [{ source: '/x', run: { region: 'x' } }] }],
  [
    'a header without a value',
    { ...hosting, headers: [{ source: '**', headers: [{ key: 'A' }] }] },
  ],
])('the schema refuses %s', (_, config) => {
  expect(errorsOf(config)).not.toEqual([])
})

test('Strict-Transport-Security covers subdomains only with HSTS_INCLUDE_SUBDOMAINS', () => {
  expect(hsts(deployed())).toEqual(['max-age=63072000'])
  expect(hsts(deployed({ HSTS_INCLUDE_SUBDOMAINS: 'true' }))).toEqual([
    'max-age=63072000; includeSubDomains',
  ])
})
