/** Which suites `npm test` leaves out, because their inputs are those with which they have passed. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root as projectRoot } from './process.ts'

interface InputStamp {
  isCurrent(): boolean
  record(): void
}
const { createInputStamp, programSuites } = (await import(
  new URL('input-stamp.mjs', import.meta.url).href
)) as {
  createInputStamp(root: string, tier: string, env: NodeJS.ProcessEnv): InputStamp
  programSuites: string
}

let root: string
const stamp = (tier = 'unit', env = {}): InputStamp => createInputStamp(root, tier, env)

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'driveway-stamp-'))
  await write('infra/google/main.tf', 'resource')
  await write('docs/deploy.md', 'Run gcloud.')
  await write('docs/upload.md', 'Send bytes.')
})
afterEach(() => rm(root, { recursive: true }))

describe('The stamp of the Terraform and gcloud suites', () => {
  test('is current after a pass, for its tier only', () => {
    expect(stamp().isCurrent()).toBe(false)
    stamp().record()
    expect([stamp().isCurrent(), stamp('integration').isCurrent()]).toEqual([true, false])
  })

  test('is never current in CI', () => {
    stamp().record()
    expect(stamp('unit', { CI: 'true' }).isCurrent()).toBe(false)
  })

  test.each([
    ['a file of infra/google changes', 'infra/google/main.tf', 'changed'],
    ['a file of infra/google is added', 'infra/google/setup/step.ts', 'new'],
    ['a page that names gcloud changes', 'docs/deploy.md', 'Run gcloud twice.'],
    ['a page begins to name Terraform', 'docs/upload.md', 'Run terraform apply.'],
    ['a command of the doctor changes', 'functions/auth/doctor/remedies.ts', 'new'],
    ['a fake of the suites changes', 'test/infra/google/fake-cloud.ts', 'new'],
  ])('is no longer current when %s', async (_, path, text) => {
    stamp().record()
    await write(path, text)
    expect(stamp().isCurrent()).toBe(false)
  })

  test('is no longer current when a program is installed', async () => {
    stamp().record()
    await write('bin/terraform', '')
    expect(stamp('unit', { PATH: join(root, 'bin') }).isCurrent()).toBe(false)
  })

  test.each([
    ['another page changes', 'docs/upload.md'],
    ['the gateway changes', 'functions/upload/raw.ts'],
    ["an operator's own deployment changes", 'infra/google/driveway.auto.tfvars.json'],
  ])('stays current when %s', async (_, path) => {
    stamp().record()
    await write(path, 'changed')
    expect(stamp().isCurrent()).toBe(true)
  })

  test('names suites that exist', async () => {
    const names = await readdir(join(projectRoot, 'test/infra/google'))
    const paths = names.map((name) => `test/infra/google/${name}`)
    expect(paths.filter((path) => new RegExp(programSuites).test(path)).toSorted()).toEqual(
      ['commands', 'evaluate', 'schema', 'setup-answers', 'setup-project', 'setup', 'teardown'].map(
        (name) => `test/infra/google/${name}.test.ts`,
      ),
    )
  })
})
