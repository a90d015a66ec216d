import { describe, expect, test } from '@jest/globals'
import { isTransient, toGatewayError } from '../../../functions/drive/client/errors.ts'
import { GatewayError } from '../../../functions/errors.ts'
import { googleError } from '../../../infra/sandbox/drive/index.ts'

function failure(status: number, body: object | string, retryAfter?: string): GatewayError {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return toGatewayError({ status, headers: { 'retry-after': retryAfter }, body: text })
}

describe('toGatewayError() of a 403', () => {
  test.each([
    ['rateLimitExceeded', 'drive_rate_limited', true],
    ['userRateLimitExceeded', 'drive_rate_limited', true],
    ['storageQuotaExceeded', 'drive_full', false],
    ['insufficientPermissions', 'reauth_required', false],
    ['accessNotConfigured', 'misconfigured', false],
    ['SERVICE_DISABLED', 'misconfigured', false],
    ['insufficientFilePermissions', 'drive_forbidden', false],
    ['forbidden', 'drive_forbidden', false],
    ['appNotAuthorizedToFile', 'drive_forbidden', false],
    ['domainPolicy', 'drive_forbidden', false],
    ['dailyLimitExceeded', 'drive_quota_exceeded', false],
    ['quotaExceeded', 'drive_forbidden', false],
    ['numChildrenInNonRootLimitExceeded', 'drive_forbidden', false],
    ['teamDriveFileLimitExceeded', 'drive_forbidden', false],
    ['neverHeardOf', 'upstream_bad_response', false],
    ['constructor', 'upstream_bad_response', false],
    ['__proto__', 'upstream_bad_response', false],
  ])('maps reason %s to %s (transient: %s)', (reason, code, transient) => {
    const error = failure(403, googleError(403, reason, 'Message of Drive'))
    expect([error.code, isTransient(error)]).toEqual([code, transient])
    expect(error.message).not.toContain('Message of Drive')
  })

  test('reads the details when the first list has no reason', () => {
    const details = [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }]
    expect(failure(403, { error: { code: 403, details } }).code).toBe('reauth_required')
  })

  test.each([
    '',
    '<html>Forbidden</html>',
    'null',
    '[]',
    '{"error":"x"}',
    '{"error":{"errors":5}}',
  ])('maps a body without a reason to a permanent error: %p', (body) => {
    expect(failure(403, body).code).toBe('upstream_bad_response')
  })
})

describe('toGatewayError() of other responses', () => {
  test.each([
    [400, 'upstream_bad_response'],
    [401, 'reauth_required'],
    [404, 'drive_not_found'],
    [429, 'drive_rate_limited'],
    [500, 'drive_unavailable'],
    [502, 'drive_unavailable'],
    [503, 'drive_unavailable'],
    [504, 'drive_unavailable'],
    [408, 'drive_timeout'],
    [413, 'too_large'],
    [423, 'drive_unavailable'],
    [425, 'drive_unavailable'],
    [499, 'drive_unavailable'],
    [521, 'drive_unavailable'],
    [302, 'upstream_bad_response'],
  ])('maps status %d to %s, regardless of the body', (status, code) => {
    for (const body of [
      '',
      '<html>',
      '{"error":',
      '{"error":null}',
      '{"error":{"errors":[null]}}',
    ]) {
      expect(failure(status, body).code).toBe(code)
    }
  })

  test('replaces a reason that is not a single word in the log message', () => {
    const { message } = failure(500, googleError(500, 'a\nb ya29.secret', 'x'))
    expect(message).toBe('Drive returned 500 (unreadable)')
  })
})

describe('toGatewayError() of a Retry-After header', () => {
  test.each([
    ['1', 1],
    ['3600', 3600],
    ['0', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['999999999999', undefined],
    ['2099', 2099],
    ['Mon, 01 Jan 1990 00:00:00 GMT', 0],
    ['Someday, 01 Jan', undefined],
    ['2026-01-01T00:00:00Z', undefined],
  ])('reads %p as %p seconds', (value, seconds) => {
    expect(failure(429, '', value).retryAfterSeconds).toBe(seconds)
    expect(failure(503, '', value).retryAfterSeconds).toBe(seconds)
    const limited = googleError(403, 'rateLimitExceeded', 'x')
    expect(failure(403, limited, value).retryAfterSeconds).toBe(seconds)
  })

  test('reads a date relative to now', () => {
    const { retryAfterSeconds = 0 } = failure(503, '', new Date(Date.now() + 90_000).toUTCString())
    expect(retryAfterSeconds).toBeGreaterThan(80)
    expect(retryAfterSeconds).toBeLessThanOrEqual(90)
  })
})
