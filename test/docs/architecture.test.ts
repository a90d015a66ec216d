/** Every function in docs/architecture.md is exported by the file beside it. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../kit/process.ts'

const page = await readFile(join(root, 'docs/architecture.md'), 'utf8')

/** A row has one or more functions and, in the same order, their files. */
const rows = [...page.matchAll(/^\| \d+ +\| ([^|]+) \| ([^|]+) \|/gm)].flatMap(
  ([, names = '', files = '']) => {
    const paths = [...files.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path = '']) => path)
    return [...names.matchAll(/`(\w+)`/g)].map(
      ([, name = ''], index) => [name, paths[index] ?? 'none'] as const,
    )
  },
)
const inText = [...page.matchAll(/`(\w+)` in \[[^\]]+\]\(\.\.\/([^)]+)\)/g)].map(
  ([, name = '', path = '']) => [name, path] as const,
)

test('docs/architecture.md names functions in its tables and its text', () => {
  expect(rows.length).toBeGreaterThan(20)
  expect(inText.length).toBeGreaterThan(0)
})

test.each([...rows, ...inText])('%s is exported by %s', async (name, path) => {
  const code = await readFile(join(root, path), 'utf8')
  expect(code).toMatch(
    new RegExp(
      `^export (?:async )?function\\*? ${name}\\b|^export async function\\* ${name}\\b`,
      'm',
    ),
  )
})
