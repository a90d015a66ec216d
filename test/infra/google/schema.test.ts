/** Terraform's files against the provider's schema, and mistakes made on purpose. */
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

/** The files with one place changed. */
function changed(file: string, from: string, to: string): Record<string, string> {
  const text = sources[file] ?? ''
  expect(text.split(from).length).toBeGreaterThan(1)
  return { ...sources, [file]: text.replace(from, to) }
}

const { status: found } = spawnSync('terraform', ['version'])
const withTerraform = found === 0 ? test : test.skip

withTerraform(`the files are formatted${found === 0 ? '' : ' (no terraform here)'}`, () => {
  const { stdout, stderr } = spawnSync(
    'terraform',
    ['fmt', '-check', '-diff', '-recursive', folder],
    {
      encoding: 'utf8',
      env: { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null' },
    },
  )
  expect(stdout + stderr).toBe('')
})

test('every resource is as the provider has it, every reference is to something', async () => {
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
    'a misspelt one inside',
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
    'a misspelt one in a dynamic block',
    'container.tf',
    'name  = env.key',
    'nam = env.key',
    /template\.containers\.env: no attribute nam$/m,
  ],
  [
    'a wrong type',
    'functions.tf',
    'min_instance_count               = 0',
    'min_instance_count = "none"',
    /min_instance_count: "none" is no number/,
  ],
  [
    'a wrong type of a flag',
    'services.tf',
    'disable_on_destroy = false',
    'disable_on_destroy = "no"',
    /is no boolean/,
  ],
  ['something missing', 'firestore.tf', 'location_id = var.region', '', /location_id is missing/],
  [
    'something missing inside',
    'functions.tf',
    'bucket = google_storage_bucket.source.name\n  source',
    'source',
    /google_storage_bucket_object\.source: bucket is missing/,
  ],
  [
    'a reference to nothing',
    'accounts.tf',
    'google_service_account.build.member',
    'google_service_account.builder.member',
    /nothing is called google_service_account\.builder/,
  ],
  [
    'a variable of nobody',
    'firestore.tf',
    'var.region',
    'var.place',
    /nothing is called var\.place/,
  ],
  [
    'a local of nobody',
    'accounts.tf',
    'for_each = local.reading',
    'for_each = local.reader',
    /nothing is called local\.reader/,
  ],
  [
    'what a resource does not say',
    'accounts.tf',
    '[each.key].member',
    '[each.key].principal',
    /has no principal/,
  ],
  [
    'a word that is no choice',
    'functions.tf',
    '"ALLOW_ALL"',
    '"ALLOW_EVERYBODY"',
    /ALLOW_EVERYBODY is none of/,
  ],
  [
    'one of two words that is no choice',
    'firestore.tf',
    '"DELETE_PROTECTION_ENABLED"',
    '"PROTECTED"',
    /PROTECTED is none of/,
  ],
  [
    'a block as an attribute',
    'secrets.tf',
    'auto {}',
    'auto = true',
    /replication\.auto: is a block/,
  ],
  [
    'a block twice',
    'firestore.tf',
    'ttl_config {}',
    'ttl_config {}\n  ttl_config {}',
    /more than once/,
  ],
  [
    'a type of resource that is none',
    'services.tf',
    '"google_project_service"',
    '"google_project_services"',
    /no type google_project_services/,
  ],
] as const)('%s is found', async (_, file, from, to, says) => {
  expect((await problems(changed(file, from, to))).join('\n')).toMatch(says)
})

test('what is no HCL is found', async () => {
  await expect(problems(changed('secrets.tf', 'auto {}', 'auto {'))).rejects.toThrow()
})
