/** The log-based metrics and the alert, held against lines that the gateway really writes. */
import { expect, test } from '@jest/globals'
import { send, startDriveway } from '../../kit/environment.ts'
import { readSources, readTerraform } from './hcl.ts'

type Line = Record<string, unknown>

const severities = ['INFO', 'NOTICE', 'WARNING', 'ERROR']

/** Whether a line is one that a filter lets through; knows no more of the language than is used. */
function matches(filter: string, line: Line): boolean {
  const terms = filter
    .replaceAll('\\"', '"')
    .split(' AND ')
    .filter((term) => term !== '${local.ours}')
  expect(terms.length).toBeGreaterThan(0)
  return terms.every((term) => {
    const [, path = '', operator, quoted, bare] =
      /^([\w.]+)(=~|!=|>=|=)(?:"(.*)"|(\w+))$/.exec(term) ?? []
    if (operator === undefined) throw new Error(`Cannot read ${term}`)
    if (path === 'severity' && operator === '>=') {
      return severities.indexOf(String(line['severity'])) >= severities.indexOf(bare ?? '')
    }
    const value = line[path.replace(/^jsonPayload\./, '')]
    if (value === undefined) return false // a field that is not there never compares
    const is = typeof value === 'string' ? value : JSON.stringify(value)
    const said = quoted ?? bare ?? ''
    if (operator === '=~') return new RegExp(said).test(is)
    return (is === said) === (operator === '=')
  })
}

test('each filter counts the lines that it is meant for, and no other', async () => {
  const { resources } = await readTerraform(await readSources())
  const driveway = await startDriveway()
  const { origin, bearer } = driveway
  await send(origin, '/upload/a.txt', { method: 'PUT', headers: bearer, body: 'abc' })
  await send(origin, '/files', {}) // 401
  await send(origin, '/callback?state=x&code=y', {}) // an event of the trail has a code as well
  driveway.google.faults.add({ operation: 'drive.files.list', status: 403, times: 9 })
  await send(origin, '/files', { headers: bearer })
  await driveway.close()

  const lines = driveway.logs
  const through = (address: string): Line[] =>
    lines.filter((line) => matches(String(resources.get(address)?.['filter']), line))
  const failures = lines.filter(({ message }) => message === 'request_failed')
  expect(through('google_logging_metric.failed_requests')).toEqual(failures)
  expect(failures.length).toBeGreaterThanOrEqual(3)
  for (const { code } of failures) expect(typeof code).toBe('string')
  expect(lines.some(({ message }) => message === 'sign_in_refused')).toBe(true)
  expect(through('google_logging_metric.uploaded').map(({ bytes }) => bytes)).toEqual([3])

  const alert = resources.get('google_monitoring_alert_policy.errors') ?? {}
  const [, filter = ''] = /"filter":"((?:[^"\\]|\\.)*)"/.exec(JSON.stringify(alert)) ?? []
  expect(lines.filter((line) => matches(filter, line))).toEqual([])
  expect(matches(filter, { severity: 'ERROR' })).toBe(true)
})
