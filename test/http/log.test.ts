/** Log lines: their trace fields, and the Error Reporting format of internal errors. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { GatewayError, problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { createLog } from '../../functions/http/log.ts'
import type { Log } from '../../functions/http/log.ts'
import { send, startDriveway } from '../kit/environment.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const other = 'f'.repeat(32)
const span = '00f067aa0ba902b7'
/** `span` in decimal, for X-Cloud-Trace-Context. */
const decimal = '67667974448284343'

const requestWith = (headers: Record<string, string>, url = '/upload/a?b=c'): IncomingMessage =>
  ({ method: 'PUT', url, headers }) as unknown as IncomingMessage

/** Returns the only line that `write` logs. */
function lineOf(write: (log: Log) => void): Record<string, unknown> {
  const lines: string[] = []
  write(createLog('p', (line) => lines.push(line), {}, { service: 'upload', version: 'upload-7' }))
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>
}

const traceOf = (headers: Record<string, string>): unknown[] => {
  const line = lineOf((log) => log.forRequest(requestWith(headers), 'r')('INFO', 'event'))
  return ['trace', 'spanId', 'trace_sampled'].map((name) => line[`logging.googleapis.com/${name}`])
}

describe('the trace fields of a log line', () => {
  test.each([
    ['traceparent', { traceparent: `00-${trace}-${span}-01` }, [span, true]],
    ['an unsampled traceparent', { traceparent: `00-${trace}-${span}-00` }, [span, false]],
    ['a traceparent with another flag', { traceparent: `00-${trace}-${span}-03` }, [span, true]],
    [
      'a later version of traceparent',
      { traceparent: `cc-${trace}-${span}-01-more` },
      [span, true],
    ],
    ['X-Cloud-Trace-Context', { 'x-cloud-trace-context': `${trace}/${decimal};o=1` }, [span, true]],
    ['a small span ID', { 'x-cloud-trace-context': `${trace}/1;o=0` }, ['0000000000000001', false]],
    [
      'the largest span ID',
      { 'x-cloud-trace-context': `${trace}/18446744073709551615` },
      ['f'.repeat(16), undefined],
    ],
    ['a trace without a span', { 'x-cloud-trace-context': trace }, [undefined, undefined]],
    ['span ID 0', { 'x-cloud-trace-context': `${trace}/0;o=1` }, [undefined, true]],
    [
      'a span ID out of range',
      { 'x-cloud-trace-context': `${trace}/18446744073709551616` },
      [undefined, undefined],
    ],
    [
      'both headers, where traceparent takes precedence',
      {
        traceparent: `00-${trace}-${span}-00`,
        'x-cloud-trace-context': `${other}/1;o=1`,
      },
      [span, false],
    ],
    [
      'both headers, where traceparent is malformed',
      { traceparent: `00-${other}-${span}`, 'x-cloud-trace-context': `${trace}/${decimal};o=1` },
      [span, true],
    ],
  ])('come from %s', (_name, headers, rest) => {
    expect(traceOf(headers)).toEqual([`projects/p/traces/${trace}`, ...rest])
  })

  test.each([
    {},
    { traceparent: `00-${'0'.repeat(32)}-${span}-01` },
    { traceparent: `00-${trace}-${'0'.repeat(16)}-01` },
    { traceparent: `ff-${trace}-${span}-01` },
    { traceparent: `00-${trace}-${span}-01-more` },
    { traceparent: `00-${trace.toUpperCase()}-${span}-01` },
    { 'x-cloud-trace-context': `${'0'.repeat(32)}/1;o=1` },
    { 'x-cloud-trace-context': `${trace}/1;o=1\u2028` },
    { 'x-cloud-trace-context': 'anything' },
  ])('are absent with %j', (headers) => {
    expect(traceOf(headers)).toEqual([undefined, undefined, undefined])
  })
})

describe('Error Reporting', () => {
  const headers = { 'user-agent': 'curl/8' }

  test('gets an unexpected error with its stack trace, service and request', () => {
    const bug = new TypeError('cannot read')
    const line = lineOf((log) =>
      log.forRequest(requestWith(headers), 'r').failure('request_failed', bug),
    )
    expect(line).toEqual({
      severity: 'ERROR',
      message: 'request_failed',
      code: 'internal',
      reason: 'TypeError',
      stack_trace: bug.stack,
      requestId: 'r',
      '@type': 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent',
      serviceContext: { service: 'upload', version: 'upload-7' },
      context: { httpRequest: { method: 'PUT', url: '/upload', userAgent: 'curl/8' } },
    })
  })

  test('gets an error without a stack trace with its event as the location', () => {
    expect(lineOf((log) => log('ERROR', 'grant_unreadable', { sub: '1' }))).toMatchObject({
      '@type': expect.stringContaining('ReportedErrorEvent'),
      context: { reportLocation: { functionName: 'grant_unreadable' } },
    })
    expect(lineOf((log) => log.failure('uncaught_error', 'a string'))).toMatchObject({
      context: { reportLocation: { functionName: 'uncaught_error' } },
    })
  })

  test.each([
    ['/callback?code=4/0Asecret&state=s', '/callback'],
    ['/upload/private%20letter.pdf', '/upload'],
    ['/upload/tus/eyJhbGci?x', '/upload'],
    ['/', '/'],
    ['/A%2fb', '/'],
    ['http://evil.example/?q', '/'],
  ])('gets only the function of the URL %s', (url, reported) => {
    const line = lineOf((log) =>
      log.forRequest(requestWith({}, url), 'r').failure('request_failed', new Error()),
    )
    expect(line['context']).toMatchObject({ httpRequest: { url: reported } })
  })

  test('gets no error that a client or Google caused', () => {
    const codes = Object.keys(problems) as ProblemCode[]
    for (const code of codes.filter((candidate) => candidate !== 'internal')) {
      const line = lineOf((log) => log.failure('request_failed', new GatewayError(code, 'why')))
      expect(line['severity']).not.toBe('ERROR')
      for (const field of ['@type', 'stack_trace', 'serviceContext', 'context']) {
        expect(line).not.toHaveProperty([field])
      }
    }
  })

  test('a request with an invalid credential logs one NOTICE line with its trace', async () => {
    const driveway = await startDriveway({ isSignedIn: false })
    const response = await send(driveway.origin, '/files', {
      headers: { traceparent: `00-${trace}-${span}-01` },
    })
    expect(response.status).toBe(401)
    expect(driveway.logs).toEqual([
      expect.objectContaining({
        severity: 'NOTICE',
        message: 'request_failed',
        function: 'files',
        requestId: response.headers['x-request-id'],
        'logging.googleapis.com/trace': `projects/sandbox/traces/${trace}`,
        'logging.googleapis.com/spanId': span,
        'logging.googleapis.com/trace_sampled': true,
      }),
    ])
    await driveway.close()
  })
})
