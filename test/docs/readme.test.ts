/** The README is short, and its npm scripts exist. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../kit/process.ts'

const text = await readFile(join(root, 'README.md'), 'utf8')

test('the README has at most 900 words', () => {
  expect(text.split(/\s+/).length).toBeLessThanOrEqual(900)
})

test('every npm script that the README names exists', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const names = [...text.matchAll(/npm (?:run )?(\w[\w:]*)/g)].map(([, name = '']) => name)
  expect(names).toContain('start')
  expect(names.filter((name) => name !== 'ci' && !(name in scripts))).toEqual([])
})
