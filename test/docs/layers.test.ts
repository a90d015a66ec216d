/** The linter holds the direction of imports: it fails on a planted violation. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from '../kit/process.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driveway-lint-'))
  await copyFile(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Writes the files into an empty tree and lints it. @returns what the linter prints */
async function lint(files: Record<string, string>): Promise<string> {
  const tree = await mkdtemp(join(folder, 'tree-'))
  await copyFile(join(root, '.oxlintrc.json'), join(tree, '.oxlintrc.json'))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), text)
  }
  return new Promise((resolve) => {
    execFile(
      join(root, 'node_modules/.bin/oxlint'),
      ['--deny-warnings'],
      { cwd: tree },
      (_, stdout) => resolve(stdout),
    )
  })
}

const importing = (path: string): string => `import type { X } from '${path}'\nexport type Y = X\n`

describe('npm run lint refuses', () => {
  test.each([
    ['functions/drive/upload/a.ts', '../../http/log.ts'],
    ['functions/drive/upload/a.ts', '../../identity/quota.ts'],
    ['functions/token/a.ts', '../drive/client/account.ts'],
    ['functions/identity/a.ts', '../token/grant-store.ts'],
    ['functions/http/a.ts', '../upload/form.ts'],
    ['functions/files/a.ts', '../upload/file-name.ts'],
    ['functions/upload/tus/a.ts', '../../files/routes.ts'],
    ['functions/auth/doctor/a.ts', '../../app/gateway.ts'],
    ['functions/auth/a.ts', '../callback/routes.ts'],
    ['functions/store/a.ts', '../identity/quota.ts'],
    ['functions/lib/a.ts', '../store/collections.ts'],
    ['infra/sandbox/drive/a.ts', '../../../functions/errors.ts'],
    ['web/a.ts', '../functions/errors.ts'],
  ])('an import from %s to %s', async (file, target) => {
    expect(await lint({ [file]: importing(target) })).toContain('no-restricted-imports')
  })

  test('a cycle of two files, also of types', async () => {
    const output = await lint({
      'functions/lib/a.ts': `${importing('./b.ts')}export type X = string\n`,
      'functions/lib/b.ts': `${importing('./a.ts')}export type X = string\n`,
    })
    expect(output).toContain('no-cycle')
  })
})

test('npm run lint accepts imports that point down', async () => {
  const output = await lint({
    'functions/callback/a.ts': importing('../auth/login.ts'),
    'functions/upload/a.ts': importing('../http/log.ts'),
    'functions/http/a.ts': importing('../identity/quota.ts'),
    'functions/drive/upload/a.ts': `${importing('../files/listing.ts')}export { z } from '../../errors.ts'\n`,
    'functions/identity/a.ts': importing('../lib/log.ts'),
  })
  expect(output).not.toContain('no-restricted-imports')
})
