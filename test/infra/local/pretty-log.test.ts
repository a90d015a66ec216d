import { expect, test } from '@jest/globals'
import { GatewayError } from '../../../functions/errors.ts'
import { createLog } from '../../../functions/http/log.ts'
import { needsAttention, formatLogLine } from '../../../infra/local/pretty-log.ts'

const at = new Date(2026, 10, 22, 9, 8, 7)

/** What the gateway would write, as a person reads it. */
function lineOf(write: (log: ReturnType<typeof createLog>) => void): [string, boolean] {
  const lines: string[] = []
  write(createLog('p', (line) => lines.push(line), { requestId: 'r1' }))
  const line = lines.join('').trimEnd()
  return [formatLogLine(line, at), needsAttention(line)]
}

test('what goes well is a word and its numbers', () => {
  expect(lineOf((log) => log('INFO', 'uploaded', { files: 2, bytes: 7 }))).toEqual([
    '09:08:07  uploaded  files=2  bytes=7',
    false,
  ])
})

test('an event of the audit trail is as short as any', () => {
  const fields = { audit: true, sub: '1', credential: 'c', method: 'form', fileId: 'f', bytes: 7 }
  expect(lineOf((log) => log('INFO', 'upload', fields))).toEqual([
    '09:08:07  upload  method=form  fileId=f  bytes=7',
    false,
  ])
})

test('a refusal says why, and for which request', () => {
  const error = new GatewayError('no_file', 'The form had no file')
  expect(lineOf((log) => log.failure('request_failed', error))).toEqual([
    '09:08:07  request_failed  no_file (The form had no file)  request r1',
    false,
  ])
})

test('what somebody else did wrong is a warning', () => {
  const error = new GatewayError('drive_unavailable', 'Drive answered 503')
  const [line, bad] = lineOf((log) => log.failure('request_failed', error))
  expect(line).toContain('  WARNING request_failed  drive_unavailable (Drive answered 503)')
  expect(bad).toBe(true)
})

test('what we did wrong is an error with its stack', () => {
  const [line, bad] = lineOf((log) => log.failure('request_failed', new TypeError('oh')))
  expect(line).toMatch(
    / {2}ERROR request_failed {2}internal \(TypeError\) .*\nTypeError: oh\n {4}at /,
  )
  expect(bad).toBe(true)
})

test('what is no event of ours is shown as it is', () => {
  for (const line of ['plain words', '42', '"text"', 'null', '{"cut": ']) {
    expect([formatLogLine(line), needsAttention(line)]).toEqual([line, true])
  }
})
