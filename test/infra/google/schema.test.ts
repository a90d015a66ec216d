/** The Terraform files match the provider's schema, and the checks detect mistakes. */
import { beforeAll, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { check, folder, readSchema, readSources, readTerraform } from './hcl.ts'

let sources: Record<string, string>
let problems: (all: Record<string, string>) => Promise<string[]>

beforeAll(async () => {
  sources = await readSources()
  const schema = await readSchema()
  problems = async (all) => check(await readTerraform(all), schema)
})

/** Returns the files with one change. */
function withChange(file: string, from: string, to: string): Record<string, string> {
  const text = sources[file] ?? ''
  expect(text.split(from).length).toBeGreaterThan(1)
  return { ...sources, [file]: text.replace(from, to) }
}

const { status: terraformStatus } = spawnSync('terraform', ['version'])
const withTerraform = terraformStatus === 0 ? test : test.skip

withTerraform(
  `the Terraform files are formatted${terraformStatus === 0 ? '' : ' (terraform is not available)'}`,
  () => {
    const { stdout, stderr } = spawnSync(
      'terraform',
      ['fmt', '-check', '-diff', '-recursive', folder],
      {
        encoding: 'utf8',
        env: { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null' },
      },
    )
    expect(stdout + stderr).toBe('')
  },
)

test('every resource matches the provider schema, and every reference is declared', async () => {
  expect(await problems(sources)).toEqual([])
})

test.each([
  [
    'a misspelt attribute',
    'functions.tf',
    'repository_id =',
    'repositoryid =',
    /no attribute repositoryid/,
  ],
  [
    'a misspelt attribute of a nested block',
    'functions.tf',
    'available_memory ',
    'avail_memory ',
    /service_config: no attribute avail_memory/,
  ],
  [
    'a misspelt block',
    'secrets.tf',
    'replication {',
    'replications {',
    /no attribute replications/,
  ],
  [
    'a misspelt attribute of a dynamic block',
    'container.tf',
    'name  = env.key',
    'nam = env.key',
    /template\.containers\.env: no attribute nam$/m,
  ],
  [
    'an attribute of a wrong type',
    'functions.tf',
    'min_instance_count               = each.value.min_instances',
    'min_instance_count = "none"',
    /min_instance_count: "none" is not a number/,
  ],
  [
    'a boolean of a wrong type',
    'services.tf',
    'disable_on_destroy = false',
    'disable_on_destroy = "no"',
    /is not a boolean/,
  ],
  ['a missing attribute', 'firestore.tf', 'location_id = var.region', '', /location_id is missing/],
  [
    'a missing attribute of a nested block',
    'functions.tf',
    'bucket = google_storage_bucket.source.name\n  source',
    'source',
    /google_storage_bucket_object\.source: bucket is missing/,
  ],
  [
    'a reference to an undeclared resource',
    'accounts.tf',
    'google_service_account.build.member',
    'google_service_account.builder.member',
    /google_service_account\.builder\S* is not declared/,
  ],
  [
    'an undeclared variable',
    'firestore.tf',
    'var.region',
    'var.place',
    /var\.place is not declared/,
  ],
  [
    'an undeclared local',
    'accounts.tf',
    'for_each = local.secret_access_pairs',
    'for_each = local.reader',
    /local\.reader is not declared/,
  ],
  [
    'an unknown attribute of a resource',
    'accounts.tf',
    '[each.key].member',
    '[each.key].principal',
    /has no principal/,
  ],
  [
    'an invalid enum value',
    'functions.tf',
    '"ALLOW_ALL"',
    '"ALLOW_EVERYBODY"',
    /ALLOW_EVERYBODY is not one of/,
  ],
  [
    'an invalid enum value in a conditional',
    'firestore.tf',
    '"DELETE_PROTECTION_ENABLED"',
    '"PROTECTED"',
    /PROTECTED is not one of/,
  ],
  [
    'a block written as an attribute',
    'secrets.tf',
    'auto {}',
    'auto = true',
    /replication\.auto: must be a block/,
  ],
  [
    'a duplicate block',
    'firestore.tf',
    'ttl_config {}',
    'ttl_config {}\n  ttl_config {}',
    /more than once/,
  ],
  [
    'an unknown resource type',
    'services.tf',
    '"google_project_service"',
    '"google_project_services"',
    /no type google_project_services/,
  ],
] as const)('check() reports %s', async (_, file, from, to, message) => {
  expect((await problems(withChange(file, from, to))).join('\n')).toMatch(message)
})

test('readTerraform() rejects invalid HCL', async () => {
  await expect(problems(withChange('secrets.tf', 'auto {}', 'auto {'))).rejects.toThrow()
})
