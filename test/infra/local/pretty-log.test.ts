import { expect, test } from '@jest/globals'
import { GatewayError } from '../../../functions/errors.ts'
import { createLog } from '../../../functions/http/log.ts'
import { needsAttention, formatLogLine } from '../../../infra/local/pretty-log.ts'

const at = new Date(2026, 10, 22, 9, 8, 7)

/** Returns the formatted log line of the gateway, and whether it needs attention. */
function formattedLine(write: (log: ReturnType<typeof createLog>) => void): [string, boolean] {
  const lines: string[] = []
  write(createLog('p', (line) => lines.push(line), { requestId: 'r1' }))
  const line = lines.join('').trimEnd()
  return [formatLogLine(line, at), needsAttention(line)]
}

test('formatLogLine() prints an INFO event with its fields', () => {
  expect(formattedLine((log) => log('INFO', 'uploaded', { files: 2, bytes: 7 }))).toEqual([
    '09:08:07  uploaded  files=2  bytes=7',
    false,
  ])
})

test('formatLogLine() omits the identity from an audit event', () => {
  const fields = { audit: true, sub: '1', credential: 'c', method: 'form', fileId: 'f', bytes: 7 }
  expect(formattedLine((log) => log('INFO', 'upload', fields))).toEqual([
    '09:08:07  upload  method=form  fileId=f  bytes=7',
    false,
  ])
})

test('formatLogLine() prints the code, the reason and the request id of a refused request', () => {
  const error = new GatewayError('no_file', 'The form had no file')
  expect(formattedLine((log) => log.failure('request_failed', error))).toEqual([
    '09:08:07  request_failed  no_file (The form had no file)  request r1',
    false,
  ])
})

test('formatLogLine() marks an upstream error as WARNING', () => {
  const error = new GatewayError('drive_unavailable', 'Drive answered 503')
  const [line, isWarning] = formattedLine((log) => log.failure('request_failed', error))
  expect(line).toContain('  WARNING request_failed  drive_unavailable (Drive answered 503)')
  expect(isWarning).toBe(true)
})

test('formatLogLine() prints an internal error with its stack trace', () => {
  const [line, isWarning] = formattedLine((log) =>
    log.failure('request_failed', new TypeError('oh')),
  )
  expect(line).toMatch(
    / {2}ERROR request_failed {2}internal \(TypeError\) .*\nTypeError: oh\n {4}at /,
  )
  expect(isWarning).toBe(true)
})

test('formatLogLine() returns a line that is not a log entry unchanged', () => {
  for (const line of ['plain words', '42', '"text"', 'null', '{"cut": ']) {
    expect([formatLogLine(line), needsAttention(line)]).toEqual([line, true])
  }
})
