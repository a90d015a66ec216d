/** The filters of the log-based metrics and the alert, applied to log entries of a real gateway. */
import { expect, test } from '@jest/globals'
import { send, startDriveway } from '../../kit/environment.ts'
import { readSources, readTerraform } from './hcl.ts'

type LogEntry = Record<string, unknown>

const severities = ['INFO', 'NOTICE', 'WARNING', 'ERROR']

/** Whether a filter matches a log entry. Supports only the operators in use. */
function matches(filter: string, entry: LogEntry): boolean {
  const terms = filter
    .replaceAll('\\"', '"')
    .split(' AND ')
    .filter((term) => term !== '${local.log_filter}')
  expect(terms.length).toBeGreaterThan(0)
  return terms.every((term) => {
    const [, path = '', operator, quoted, bare] =
      /^([\w.]+)(=~|!=|>=|=)(?:"(.*)"|(\w+))$/.exec(term) ?? []
    if (operator === undefined) throw new Error(`Cannot read ${term}`)
    if (path === 'severity' && operator === '>=') {
      return severities.indexOf(String(entry['severity'])) >= severities.indexOf(bare ?? '')
    }
    const value = entry[path.replace(/^jsonPayload\./, '')]
    if (value === undefined) return false // a missing field never matches
    const actual = typeof value === 'string' ? value : JSON.stringify(value)
    const expected = quoted ?? bare ?? ''
    if (operator === '=~') return new RegExp(expected).test(actual)
    return (actual === expected) === (operator === '=')
  })
}

test('each filter matches exactly its log entries', async () => {
  const { resources } = await readTerraform(await readSources())
  const driveway = await startDriveway({ gateway: { sleep: () => Promise.resolve() } })
  const { origin, bearer } = driveway
  await send(origin, '/upload/a.txt', { method: 'PUT', headers: bearer, body: 'abc' })
  await send(origin, '/files', {}) // 401
  await send(origin, '/callback?state=x&code=y', {}) // an audit event has a code too
  driveway.google.faults.add({ operation: 'drive.files.list', status: 403, times: 9 })
  await send(origin, '/files', { headers: bearer })
  await driveway.close()

  const entries = driveway.logs
  const matching = (address: string): LogEntry[] =>
    entries.filter((entry) => matches(String(resources.get(address)?.['filter']), entry))
  const failures = entries.filter(({ message }) => message === 'request_failed')
  expect(matching('google_logging_metric.failed_requests')).toEqual(failures)
  expect(failures.length).toBeGreaterThanOrEqual(3)
  for (const { code } of failures) expect(typeof code).toBe('string')
  expect(entries.some(({ message }) => message === 'sign_in_refused')).toBe(true)
  expect(matching('google_logging_metric.uploaded').map(({ bytes }) => bytes)).toEqual([3])

  const alert = resources.get('google_monitoring_alert_policy.errors') ?? {}
  const [, filter = ''] = /"filter":"((?:[^"\\]|\\.)*)"/.exec(JSON.stringify(alert)) ?? []
  expect(entries.filter((entry) => matches(filter, entry))).toEqual([])
  expect(matches(filter, { severity: 'ERROR' })).toBe(true)
})
