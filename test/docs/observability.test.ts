/** docs/observability.md says what is measured; `UPDATE_DOCS=1 npm test -- docs/observability` writes it anew. */
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { quotaUnits } from '../../functions/drive/client/drive-telemetry.ts'
import { metricsTable } from '../../infra/docs/metrics-table.ts'
import { root } from '../kit/process.ts'
import { expectMade } from './generated-sections.ts'

test('the table of metrics is current', () =>
  expectMade('docs/observability.md', 'metrics', metricsTable()))

test('Drive’s methods and their prices are those of the code', async () => {
  const page = await readFile(join(root, 'docs/observability.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) +\| (.*?) +\|$/gm)].flatMap(([, units, methods = '']) =>
    [...methods.matchAll(/`([\w.]+)`/g)].map(([, method]) => [method, Number(units)]),
  )
  expect(Object.fromEntries(rows)).toEqual(quotaUnits)
})
