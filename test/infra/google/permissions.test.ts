/** The permissions in Terraform are those of the table in docs/deploy.md, which says why each is needed. */
import { beforeAll, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../kit/process.ts'
import { readTerraform, readSources } from './hcl.ts'
import type { Body, Terraform } from './hcl.ts'

let terraform: Terraform
let rows: string[][]

beforeAll(async () => {
  terraform = await readTerraform(await readSources())
  const text = await readFile(join(root, 'docs/deploy.md'), 'utf8')
  const [, table = ''] = /<!-- permissions -->\n(.*?)<!-- \/permissions -->/s.exec(text) ?? []
  rows = table
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')))
})

const members: Record<string, string> = {
  '${google_service_account.function[each.key].member}': 'driveway-FUNCTION',
  '${google_service_account.function[each.value.name].member}': 'driveway-FUNCTION',
  '${google_service_account.build.member}': 'driveway-build',
}

/** What a grant applies to, in the words of the table; several for a grant of each secret. */
function targets(type: string): string[] {
  if (type === 'google_project_iam_member') return ['the project']
  if (type === 'google_storage_bucket_iam_member') return ['the bucket PROJECT-driveway-source']
  if (type === 'google_artifact_registry_repository_iam_member') return ['the repository driveway']
  if (type !== 'google_secret_manager_secret_iam_member')
    throw new Error(`Not in the table: ${type}`)
  const access = terraform.locals.get('secret_access') as Record<string, string[]>
  const [secrets = []] = Object.values(access)
  for (const other of Object.values(access)) expect(other).toEqual(secrets)
  return secrets.map((secret) => `the secret driveway-${secret}`)
}

const conditions: Record<string, string> = {
  'resource.name == "projects/${var.project}/databases/${var.name}"': 'the database driveway',
  'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")':
    'buckets whose name starts with gcf-v2-sources-',
}

function limit({ condition }: Body): string {
  if (condition === undefined) return ''
  const [{ expression = '' } = {}] = condition as { expression?: string }[]
  return conditions[expression] ?? expression
}

test('Terraform grants exactly the permissions of the table in docs/deploy.md', () => {
  const grants = [...terraform.resources].flatMap(([address, body]) => {
    const [type = ''] = address.split('.')
    if (!type.endsWith('_iam_member')) return []
    const { role, member } = body as { role: string; member: string }
    return targets(type).map((on) => [members[member] ?? member, role, on, limit(body)].join(' | '))
  })
  expect(new Set(grants)).toEqual(new Set(rows.map((cells) => cells.slice(0, 4).join(' | '))))
})

test('Terraform grants permissions only by adding a member, which leaves those of others', () => {
  const types = [...terraform.resources.keys()].map((address) => address.split('.', 1)[0] ?? '')
  const replacing = types.filter((type) => /_iam_(?:binding|policy)$/.test(type))
  expect(replacing).toEqual([])
})

test('each permission in docs/deploy.md has a reason', () => {
  expect(rows.length).toBeGreaterThan(6)
  for (const cells of rows) expect([cells[0], cells[4]?.length ?? 0]).not.toEqual([cells[0], 0])
})
