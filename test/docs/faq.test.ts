/** docs/faq.md has every problem of functions/errors.ts, in the same order. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problems } from '../../functions/errors.ts'
import { root } from '../kit/process.ts'

const text = await readFile(join(root, 'docs/faq.md'), 'utf8')
const entries = text.split(/^### /m).slice(1)

test('docs/faq.md has every code once, in the order of functions/errors.ts', () => {
  const codes = entries.map((entry) => entry.split('\n')[0])
  expect(codes).toEqual(Object.keys(problems))
})

test.each(Object.entries(problems))(
  'docs/faq.md describes %s with its status, title and retryability',
  (code, [status, title, retryable]) => {
    const [, summary = '', advice = ''] =
      entries.find((entry) => entry.startsWith(`${code}\n`))?.split('\n\n') ?? []
    const retry = `the same request ${retryable ? 'may succeed later' : 'will fail again'}`
    expect(summary).toBe(`${status} · ${title} · ${retry}`)
    expect(advice.length).toBeGreaterThan(40)
  },
)
