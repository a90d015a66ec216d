/** docs/drive-errors.md matches the code. `UPDATE_DOCS=1 npm test -- docs/drive-errors` regenerates it. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonDecisions } from '../../functions/drive/client/reason-decisions.ts'
import { problems } from '../../functions/errors.ts'
import { reasonsTable, statusesTable } from '../../infra/docs/drive-errors-tables.ts'
import { root } from '../kit/process.ts'
import { expectGeneratedSection } from './generated-sections.ts'

test('the table of statuses matches the code', () =>
  expectGeneratedSection('docs/drive-errors.md', 'statuses', statusesTable()))

test('the table of reasons matches the code', () =>
  expectGeneratedSection('docs/drive-errors.md', 'reasons', reasonsTable()))

test('every reason has 401, 403, 409, 413, 429, 503 or 507, and never 502', () => {
  const statuses = Object.values(reasonDecisions).map(({ code }) => problems[code][0])
  expect([...new Set<number>(statuses)].toSorted((a, b) => a - b)).toEqual([
    401, 403, 409, 413, 429, 503, 507,
  ])
})

test('docs/drive-errors.md names each reported condition with its source', async () => {
  const page = await readFile(join(root, 'docs/drive-errors.md'), 'utf8')
  const rows = page.split('## Reports')[1]?.match(/^\| (?!Condition|-).*$/gm) ?? []
  expect(rows.length).toBeGreaterThan(5)
  expect(rows.filter((row) => !row.includes('https://'))).toEqual([])
})
