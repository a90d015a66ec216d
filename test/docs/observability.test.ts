/** docs/observability.md matches the code. `UPDATE_DOCS=1 npm test -- docs/observability` regenerates it. */
import { expect, test } from '@jest/globals'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { quotaUnits } from '../../functions/drive/client/drive-telemetry.ts'
import { problems } from '../../functions/errors.ts'
import { auditEvents } from '../../functions/http/audit.ts'
import { metrics } from '../../functions/telemetry/metrics.ts'
import { metricsTable } from '../../infra/docs/metrics-table.ts'
import { root } from '../kit/process.ts'
import { expectGeneratedSection } from './generated-sections.ts'

test('the table of metrics matches the code', () =>
  expectGeneratedSection('docs/observability.md', 'metrics', metricsTable()))

test('the quota units of the Drive methods match the code', async () => {
  const page = await readFile(join(root, 'docs/observability.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) +\| (.*?) +\|$/gm)].flatMap(([, units, methods = '']) =>
    [...methods.matchAll(/`([\w.]+)`/g)].map(([, method]) => [method, Number(units)]),
  )
  expect(Object.fromEntries(rows)).toEqual(quotaUnits)
})

/** Reads all files below a folder that have this extension. */
async function readAll(folder: string, extension: string): Promise<string> {
  const names = await readdir(join(root, folder), { recursive: true })
  const files = names.filter((name) => name.endsWith(extension) && !name.includes('node_modules'))
  return (await Promise.all(files.map((name) => readFile(join(root, folder, name), 'utf8')))).join()
}

/** The values that queries of Cloud Logging compare a field with. */
function queriedValues(text: string, field: string): string[] {
  const queries = text
    .replaceAll('\\"', '"')
    .matchAll(new RegExp(`jsonPayload\\.${field}=(\\([^)]*\\)|"[^"]*")`, 'g'))
  return [...queries].flatMap(([, values = '']) =>
    [...values.matchAll(/"([^"]+)"/g)].map(([, value = '']) => value),
  )
}

test('every event and problem code that Terraform and the docs query exists in the code', async () => {
  const code = await readAll('functions', '.ts')
  const calls = code.matchAll(/\b\w*[lL]og(?:\.failure)?\(\s*(?:'[A-Z]+',\s*)?(['`][^'`]+['`])/g)
  const logged = [...calls].map(([, event = '']) => event.slice(1, -1))
  expect(logged.length).toBeGreaterThan(10)
  expect(logged.filter((event) => !/^[a-z]+(_[a-z]+)*$/.test(event))).toEqual([])
  const events = new Set([...logged, ...Object.keys(auditEvents)])
  const [terraform, docs] = [await readAll('infra/google', '.tf'), await readAll('docs', '.md')]
  for (const text of [terraform, docs]) {
    const queried = queriedValues(text, 'message')
    expect(queried.length).toBeGreaterThan(0)
    expect(queried.filter((event) => !events.has(event))).toEqual([])
  }
  expect(queriedValues(docs, 'code').filter((name) => !(name in problems))).toEqual([])
})

test('every metric that docs/observability.md and Terraform name exists in the code', async () => {
  const attributes = Object.values(metrics).flatMap((metric) => [...metric.attributes] as string[])
  const names = new Set([...Object.keys(metrics), ...attributes])
  const page = await readFile(join(root, 'docs/observability.md'), 'utf8')
  const text = page + (await readAll('infra/google', '.tf'))
  const named = [...text.matchAll(/`((?:driveway|http)\.[a-z_.]+)`/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((name) => !names.has(name))).toEqual([])
  // Prometheus replaces dots and appends the unit and the type.
  const prefixes = [...names].map((name) => name.replaceAll('.', '_'))
  const inQueries = text.matchAll(/\b((?:driveway|http)_[a-z_]+)(?=[[{,)])/g)
  for (const [, name = ''] of inQueries) {
    expect([name, prefixes.some((prefix) => name.startsWith(prefix))]).toEqual([name, true])
  }
})
