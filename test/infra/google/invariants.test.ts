/** Invariants of the infrastructure: permissions, public endpoints, expiry, settings. */
import { beforeAll, expect, test } from '@jest/globals'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { collections } from '../../../functions/store/collections.ts'
import { problems } from '../../../functions/errors.ts'
import { auditEvents } from '../../../functions/http/audit.ts'
import { settings } from '../../../functions/config/settings.ts'
import { root } from '../../kit/process.ts'
import { allValues, folder, readTerraform, readSources, stringsOf } from './hcl.ts'
import type { Body, Terraform } from './hcl.ts'

let terraform: Terraform
const readText = (file: string): Promise<string> => readFile(join(root, file), 'utf8')

beforeAll(async () => {
  terraform = await readTerraform(await readSources())
})

const ofType = (type: string): [string, Body][] =>
  [...terraform.resources].filter(([address]) => address.startsWith(`${type}.`))
/** The body of the only resource of a type. */
const only = (type: string): Body => {
  const all = ofType(type)
  expect(all).toHaveLength(1)
  return all[0]?.[1] ?? {}
}
const local = (name: string): Record<string, unknown> =>
  terraform.locals.get(name) as Record<string, unknown>
/** The only nested block of a name. */
const block = (body: Body, name: string): Body => (body[name] as Body[])[0] ?? {}

const names = ['auth', 'callback', 'files', 'upload']

test('Terraform deploys the four functions of functions/index.ts on nodejs24', async () => {
  const registered = [...(await readText('functions/index.ts')).matchAll(/^http\('(\w+)'/gm)]
  expect(registered.map(([, name]) => name)).toEqual(names)
  expect(Object.keys(local('default_sizes')).toSorted()).toEqual([...names, 'container'].toSorted())
  const fn = only('google_cloudfunctions2_function')
  expect(block(fn, 'build_config')).toMatchObject({
    runtime: 'nodejs24',
    entry_point: '${each.key}',
  })
})

test('every access to a secret or a document is logged, by whichever account', () => {
  const config = only('google_project_iam_audit_config')
  expect(config['service']).toBe('${each.key}')
  // A project that configures them already keeps its own.
  expect(config['for_each']).toBe('${var.audit_logs ? local.audited_services : toset([])}')
  expect(terraform.variables.get('audit_logs')).toMatchObject({ default: true })
  // Google configures Firestore's audit logs under Datastore's name.
  expect(terraform.locals.get('audited_services')).toBe(
    '${toset(["datastore.googleapis.com", "secretmanager.googleapis.com"])}',
  )
  expect(config['audit_log_config']).toEqual([
    { log_type: 'ADMIN_READ' },
    { log_type: 'DATA_READ' },
    { log_type: 'DATA_WRITE' },
  ])
})

test('every function runs as its own service account', () => {
  const account = terraform.resources.get('google_service_account.function')
  expect(account).toMatchObject({
    for_each: '${local.secret_access}',
    account_id: '${var.name}-${each.key}',
  })
  const fn = only('google_cloudfunctions2_function')
  expect(block(fn, 'service_config')['service_account_email']).toBe(
    '${google_service_account.function[each.key].email}',
  )
})

test('no IAM policy names everybody: an organization with domain-restricted sharing refuses it', () => {
  const publicValues = allValues(terraform).filter(([, value]) =>
    stringsOf(value).some((string) => /allUsers|allAuthenticatedUsers/.test(string)),
  )
  expect(publicValues).toEqual([])
  // The functions' invoker check is switched off by setup (infra/google/setup/steps/services.ts).
  expect(only('google_cloud_run_v2_service')).toMatchObject({ invoker_iam_disabled: true })
  for (const [, bucket] of ofType('google_storage_bucket')) {
    expect(bucket).toMatchObject({
      public_access_prevention: 'enforced',
      uniform_bucket_level_access: true,
    })
  }
})

test('old sources are deleted: by their age as noncurrent versions, and by age where setup uploads them', () => {
  const rules = only('google_storage_bucket')['lifecycle_rule'] as Body[]
  expect(rules.map((rule) => block(rule, 'condition'))).toEqual([
    { days_since_noncurrent_time: 30 },
    { age: 30, matches_prefix: ['container/'] },
  ])
  for (const rule of rules) expect(block(rule, 'action')).toEqual({ type: 'Delete' })
})

test('every secret is pinned to a version, and no Terraform file contains its value', () => {
  const required = local('required_settings')
  const secretNames = Object.entries(required).filter(([name]) => name.endsWith('_SECRET_NAME'))
  expect(secretNames).toHaveLength(2)
  for (const [, value] of secretNames) {
    expect(value).toMatch(
      /^\$\{google_secret_manager_secret\.secret\["(\w+)"\]\.name\}\/versions\/\$\{var\.\1_version\}$/,
    )
  }
  expect(
    allValues(terraform)
      .flatMap(([, value]) => stringsOf(value))
      .join('\n'),
  ).not.toMatch(/versions\/latest|random_|tls_private_key/)
  expect([...terraform.resources.keys()].filter((key) => key.includes('secret_version'))).toEqual(
    [],
  )
  for (const [, secret] of ofType('google_secret_manager_secret')) {
    expect(Object.keys(block(secret, 'replication'))).toEqual(['auto'])
  }
})

const settingsOfKind = (kind: string): string[] =>
  Object.entries(settings)
    .filter(([, settingKind]) => settingKind === kind)
    .map(([name]) => name)
    .toSorted()

test('Terraform sets exactly the settings of functions/config/settings.ts', async () => {
  const bySetup = [...settingsOfKind('required'), ...settingsOfKind('deployment')]
  expect(Object.keys(local('required_settings')).toSorted()).toEqual(bySetup.toSorted())
  expect((local('optional_settings') as unknown as string[]).toSorted()).toEqual(
    settingsOfKind('optional'),
  )
  const fn = only('google_cloudfunctions2_function')
  expect(block(fn, 'service_config')['environment_variables']).toBe('${local.environment}')
  expect(terraform.locals.get('environment')).toBe(
    '${merge(var.settings, local.required_settings, local.runtime)}',
  )
})

test('the functions and the container have the same Node settings', async () => {
  const dockerfile = await readText('infra/container/Dockerfile')
  for (const [name, value] of Object.entries(local('runtime'))) {
    expect(dockerfile).toContain(`${name}=${String(value)}`)
  }
})

test('exactly the collections with a TTL field have a TTL policy', () => {
  const expiring = Object.entries(collections).filter(([, field]) => field !== null)
  expect(local('ttl_fields')).toEqual(Object.fromEntries(expiring))
  const field = only('google_firestore_field')
  expect(field).toMatchObject({ for_each: '${local.ttl_fields}', collection: '${each.key}' })
  expect(field).toMatchObject({ field: '${each.value}', ttl_config: [{}], index_config: [{}] })
})

test('the Firestore rules deny all access from browsers', async () => {
  const rules = await readFile(join(folder, 'firestore.rules'), 'utf8')
  const allowed = rules.split('\n').filter((line) => /^\s*allow/.test(line))
  expect(allowed.map((line) => line.trim())).toEqual(['allow read, write: if false;'])
  expect(rules).toContain('match /{document=**}')
  const release = terraform.resources.get('google_firebaserules_release.firestore')
  expect(release).toMatchObject({
    name: 'cloud.firestore/${google_firestore_database.driveway.name}',
  })
})

test('no query needs a composite index', async () => {
  // Two filters in one query, or a filter and another order, need a composite index in firestore.tf.
  const all = await readdir(join(root, 'functions'), { recursive: true })
  const files = all.filter((name) => name.endsWith('.ts')).map((name) => join('functions', name))
  expect(files.length).toBeGreaterThan(50)
  for (const file of files) {
    const text = await readText(file)
    for (const [query] of text.matchAll(/\.where\([^;]*;/g)) {
      expect([file, query.match(/\.(?:where|orderBy)\(/g)?.length]).toEqual([file, 1])
    }
  }
})

test('the sizes respect the limits of Cloud Run, and the timeouts those of Firebase Hosting', () => {
  const sizes = local('default_sizes') as unknown as Record<
    string,
    { memory: string; cpu: number; concurrency: number; timeout: number }
  >
  // With less than one CPU, an instance handles one request at a time; one CPU allows up to 4 GiB.
  for (const { memory, cpu, concurrency, timeout } of Object.values(sizes)) {
    expect(cpu).toBe(1)
    expect(['256Mi', '512Mi', '1Gi', '2Gi', '4Gi']).toContain(memory)
    expect(concurrency).toBeGreaterThan(1)
    expect(concurrency).toBeLessThanOrEqual(1000)
    expect(timeout).toBeLessThanOrEqual(3600)
  }
  expect(sizes['callback']?.timeout).toBeLessThanOrEqual(60) // the timeout of Firebase Hosting
  // Each upload needs two chunks of 256 KiB of the 72 MiB that 512 MiB leave (functions/config/config.ts).
  expect((sizes['upload']?.concurrency ?? 0) * 512 * 1024).toBeLessThan(72 * 1024 * 1024)
})

test('the log exclusion matches only URLs with an authorization code or a state', () => {
  const { filter } = only('google_logging_project_exclusion')
  const [, pattern = ''] = /requestUrl=~"(.*?)"$/.exec(String(filter).replaceAll('\\"', '"')) ?? []
  const excluded = new RegExp(pattern)
  for (const path of ['/callback?state=a&code=4/0b', '/callback?code=x', '/?state=a&code=b']) {
    expect(excluded.test(`https://callback-1.a.run.app${path}`)).toBe(true)
  }
  for (const path of [
    '/callback',
    '/files?folder=a',
    '/auth/device/BCDF-GHJK',
    '/auth?barcode=1',
  ]) {
    expect(excluded.test(`https://auth-1.a.run.app${path}`)).toBe(false)
  }
})

test('metrics, alerts and the dashboard use metrics, fields and codes that exist', () => {
  const defined = new Set(ofType('google_logging_metric').map(([, { name }]) => String(name)))
  const text = allValues(terraform)
    .flatMap(([, value]) => stringsOf(value))
    .join('\n')
  const used = [...text.matchAll(/logging\.googleapis\.com\/user\/([^\s"\\]+)/g)]
  expect(new Set(used.map(([, name]) => name))).toEqual(defined)
  expect(auditEvents.upload).toContain('bytes') // the metric uploaded_bytes
  expect(text.replaceAll('\\"', '"')).toContain(
    'jsonPayload.audit=true AND jsonPayload.message="upload"',
  )
  const outage = terraform.resources.get('google_monitoring_alert_policy.outage') ?? {}
  const { content } = block(outage, 'documentation')
  const codes = [...String(content).matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '')
  expect(codes.filter((code) => !(code in problems))).toEqual([])
  expect(codes.length).toBeGreaterThan(2)
})

test('Firebase Hosting routes the four paths to the four services in their region', async () => {
  const { hosting } = JSON.parse(await readText('firebase.json')) as {
    hosting: { rewrites: { source: string; run?: { serviceId: string; region: string } }[] }
  }
  const services = hosting.rewrites.flatMap(({ source, run }) =>
    run ? [[source, run] as const] : [],
  )
  const region = terraform.variables.get('region')?.['default']
  expect(services).toEqual([
    ['/auth{,/**}', { serviceId: 'auth', region }],
    ['/callback', { serviceId: 'callback', region }],
    ['/files{,/**}', { serviceId: 'files', region }],
    ['/upload{,/**}', { serviceId: 'upload', region }],
  ])
})
