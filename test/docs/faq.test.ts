/** docs/faq.md has every problem, in the order of functions/errors.ts, with its own words. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problems } from '../../functions/errors.ts'
import { root } from '../kit/process.ts'

const text = await readFile(join(root, 'docs/faq.md'), 'utf8')
const entries = text.split(/^### /m).slice(1)

test('every code is there once, in the order of the table', () => {
  const codes = entries.map((entry) => entry.split('\n')[0])
  expect(codes).toEqual(Object.keys(problems))
})

test.each(Object.entries(problems))('%s has its words', (code, [status, title, retryable]) => {
  const [, said = '', advice = ''] =
    entries.find((entry) => entry.startsWith(`${code}\n`))?.split('\n\n') ?? []
  const again = `the same request ${retryable ? 'may succeed later' : 'will fail again'}`
  expect(said).toBe(`${status} · ${title} · ${again}`)
  expect(advice.length).toBeGreaterThan(40)
})
