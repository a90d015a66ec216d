/** docs/asvs.md has every requirement of its chapters of ASVS 5.0, with a verdict that is accounted for. */
import { expect, test } from '@jest/globals'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../kit/process.ts'

/** The number of requirements of each section of OWASP ASVS 5.0.0. */
const sections = {
  '3.1': 1,
  '3.2': 3,
  '3.3': 5,
  '3.4': 8,
  '3.5': 8,
  '3.6': 1,
  '3.7': 5,
  '5.1': 1,
  '5.2': 6,
  '5.3': 3,
  '5.4': 3,
  '7.1': 3,
  '7.2': 4,
  '7.3': 2,
  '7.4': 5,
  '7.5': 3,
  '7.6': 2,
  '8.1': 4,
  '8.2': 4,
  '8.3': 3,
  '8.4': 2,
  '10.1': 2,
  '10.2': 3,
  '10.3': 5,
  '10.4': 16,
  '10.5': 5,
  '10.6': 2,
  '10.7': 3,
  '14.1': 2,
  '14.2': 8,
  '14.3': 3,
}
const requirements = Object.entries(sections).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, index) => `${section}.${index + 1}`),
)

const text = await readFile(join(root, 'docs/asvs.md'), 'utf8')
const rows = text
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, number = '', level = '', paraphrase = '', verdict = '', where = '', reason = '']) => ({
    number,
    level,
    paraphrase,
    verdict,
    where,
    reason,
  }))

/** The linked files, relative to the project's root. */
const filesIn = (cell: string): string[] =>
  [...cell.matchAll(/\]\(([^)#]+)/g)].map(([, target = '']) => join('docs', target))

test('each requirement is in the document once, in the order of the standard', () => {
  expect(rows.map(({ number }) => number)).toEqual(requirements)
})

test.each(rows)('$number has a level, a verdict, a place and a test or a reason', (row) => {
  expect(row.level).toMatch(/^[123]$/)
  expect(['yes', 'no', 'n/a']).toContain(row.verdict)
  expect(row.paraphrase.length).toBeGreaterThan(10)
  expect(filesIn(row.where)).not.toEqual([])
  for (const file of [...filesIn(row.where), ...filesIn(row.reason)]) {
    expect([file, existsSync(join(root, file))]).toEqual([file, true])
  }
  const words = row.reason.replaceAll(/\[[^\]]*\]\([^)]*\)/g, '').split(/\s+/)
  if (row.verdict === 'no') expect(words.length).toBeGreaterThan(8)
  const tests = filesIn(row.reason).filter((file) => file.startsWith('test/'))
  if (row.verdict === 'yes' && tests.length === 0) expect(words.length).toBeGreaterThan(4)
})
