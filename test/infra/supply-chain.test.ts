/** Everything that is fetched to build, deploy or release Driveway is pinned, and runs no script of its own. */
import { expect, test } from '@jest/globals'
import { parse as parseHcl } from '@cdktf/hcl2json'
import { execFileSync } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { root } from '../kit/process.ts'

const readText = (file: string): Promise<string> => readFile(join(root, file), 'utf8')
const readJson = async <T>(file: string): Promise<T> => JSON.parse(await readText(file)) as T

interface Workflow {
  jobs: Record<string, { steps: { uses?: string; run?: string; with?: Record<string, unknown> }[] }>
}
const workflowFiles = await readdir(join(root, '.github/workflows'))
const workflows = await Promise.all(
  workflowFiles.map(async (name) => {
    return parseYaml(await readText(`.github/workflows/${name}`)) as Workflow
  }),
)
const steps = workflows.flatMap(({ jobs }) => Object.values(jobs).flatMap((job) => job.steps))

type Lockfile = { packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }> }

test('each action of a workflow is pinned to a commit, and no checkout keeps its credentials', () => {
  const actions = steps.filter(({ uses }) => uses !== undefined)
  expect(actions.length).toBeGreaterThan(0)
  for (const { uses = '', with: options } of actions) {
    expect(uses).toMatch(/^[\w./-]+@[\da-f]{40}$/)
    if (uses.startsWith('actions/checkout@')) expect(options?.['persist-credentials']).toBe(false)
  }
})

test('the base image of the container is pinned to a digest', async () => {
  const images = [...(await readText('infra/container/Dockerfile')).matchAll(/^FROM (\S+)/gm)]
  expect(images).toHaveLength(1)
  expect(images[0]?.[1]).toMatch(/^node:24\.[\d.]+-slim@sha256:[\da-f]{64}$/)
})

test('npm runs no install script, in the project, in CI and in a deployment', async () => {
  expect(await readText('.npmrc')).toMatch(/^ignore-scripts=true$/m)
  const commands = [await readText('.ci/run'), ...steps.map(({ run = '' }) => run)].join('\n')
  const installs = [...commands.matchAll(/npm (?:ci|install)\b.*/g)].map(([line]) => line)
  expect(installs.length).toBeGreaterThan(1)
  for (const line of installs) expect(line).toContain('--ignore-scripts')
  const { packages } = await readJson<Lockfile>('dist/deploy/package-lock.json')
  expect(Object.values(packages).filter(({ hasInstallScript }) => hasInstallScript)).toEqual([])
})

test('the release workflow publishes a CycloneDX SBOM of all that is deployed, and attests both', async () => {
  const release = await readText('.github/workflows/release.yml')
  const [, script = ''] = /node (\S+) > release\/driveway\.cdx\.json/.exec(release) ?? []
  const sbom = JSON.parse(execFileSync('node', [script], { cwd: root, encoding: 'utf8' })) as {
    bomFormat: string
    metadata: { component: { name: string; type: string } }
    components: { name: string; hashes?: object[] }[]
  }
  const { packages } = await readJson<Lockfile>('package-lock.json')
  const deployed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev)
  const names = deployed.map(([path]) => path.replace(/^.*node_modules\//, ''))
  expect(sbom.bomFormat).toBe('CycloneDX')
  expect(sbom.metadata.component).toMatchObject({ name: 'driveway', type: 'application' })
  expect(sbom.components.filter(({ hashes }) => !hashes?.length)).toEqual([])
  expect(new Set(sbom.components.map(({ name }) => name))).toEqual(new Set(names))
  // Bundled into the page.
  expect(names).toEqual(expect.arrayContaining(['@uppy/core', 'tus-js-client', '@noble/hashes']))
  for (const action of ['attest-build-provenance', 'attest-sbom']) {
    expect(release).toContain(`uses: actions/${action}@`)
  }
})

test('.terraform.lock.hcl locks each provider of versions.tf, with hashes for every platform', async () => {
  const versions = (await parseHcl('versions.tf', await readText('infra/google/versions.tf'))) as {
    terraform: { required_providers: Record<string, { source: string; version: string }>[] }[]
  }
  const lock = (await parseHcl('lock.hcl', await readText('infra/google/.terraform.lock.hcl'))) as {
    provider: Record<string, { version: string; constraints: string; hashes: string[] }[]>
  }
  const required = Object.values(versions.terraform[0]?.required_providers[0] ?? {})
  expect(Object.keys(lock.provider).toSorted()).toEqual(
    required.map(({ source }) => `registry.terraform.io/${source}`).toSorted(),
  )
  for (const { source, version } of required) {
    const [locked] = lock.provider[`registry.terraform.io/${source}`] ?? []
    const [, minimum = ''] = /^~> (\d+\.\d+)$/.exec(version) ?? []
    expect(locked?.constraints).toBe(version)
    expect(locked?.version.split('.', 1)).toEqual(minimum.split('.', 1))
    expect(Number(locked?.version.split('.')[1])).toBeGreaterThanOrEqual(
      Number(minimum.split('.')[1]),
    )
    // Eleven or twelve platforms, of which `h1:` hashes would name one each.
    const hashes = locked?.hashes.filter((hash) => /^zh:[\da-f]{64}$/.test(hash)) ?? []
    expect(new Set(hashes).size).toBeGreaterThan(10)
  }
  expect(await readText('infra/google/setup/steps/terraform.ts')).toContain('-lockfile=readonly')
})
