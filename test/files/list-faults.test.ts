import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { refusal, startFaultyDriveway, sleeps } from '../faults/fixture.ts'
import { listen, problemCode, send } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem } from '../kit/requests.ts'

let driveway: Driveway
let otherServer: Server
let otherOrigin: string
let redirectedRequests = 0
/** A gateway with a short timeout of Drive, for the responses that never come. */
let impatient: Driveway

beforeAll(async () => {
  driveway = await startFaultyDriveway({ driveTimeouts: { response: 1_000 } })
  impatient = await startFaultyDriveway({ driveTimeouts: { response: 250 } }, { sharing: driveway })
  otherServer = createServer((_req, res) => {
    redirectedRequests++
    res.end('{"files":[]}')
  })
  otherOrigin = await listen(otherServer)
})

beforeEach(() => {
  driveway.google.calls.length = 0
  sleeps.length = 0
})

afterEach(() => driveway.google.faults.clear())

afterAll(async () => {
  otherServer.close()
  await impatient.close()
  await driveway.close()
})

function listWith(fault: Omit<Fault, 'operation'>, query = ''): Promise<RawResponse> {
  driveway.google.faults.add({ operation: 'drive.files.list', ...fault })
  const { origin } = fault.hang ? impatient : driveway
  return send(origin, `/files${query}`, { headers: driveway.bearer })
}

const calls = (operation: string): number =>
  driveway.google.calls.filter((call) => call === operation).length

describe('GET /files retries', () => {
  test.each<Omit<Fault, 'operation'>>([
    { status: 500 },
    { status: 503, times: 5, body: '<html>' },
    { status: 429, headers: { 'retry-after': '1' } },
    refusal(403, 'rateLimitExceeded'),
    refusal(403, 'userRateLimitExceeded'),
    { reset: true },
    { dropResponse: true },
    { hang: 'headers' },
    { hang: 'body' },
  ])('after %j', async (fault) => {
    const response = await listWith(fault)
    expect([response.status, sleeps.length]).toEqual([200, fault.times ?? 1])
  })

  test.each<[Omit<Fault, 'operation'>, ProblemCode]>([
    [{ status: 503, times: 99 }, 'drive_unavailable'],
    [{ status: 429, times: 99 }, 'drive_rate_limited'],
    [{ status: 429, headers: { 'retry-after': '3600' } }, 'drive_rate_limited'],
    [{ reset: true, times: 99 }, 'drive_unavailable'],
  ])('%j for a limited time, then returns %s', async (fault, code) => {
    const response = await listWith(fault)
    expect([response.status, problemCode(response)]).toEqual([problems[code][0], code])
    expect(response.headers['retry-after']).toBe(fault.headers ? '3600' : '5')
  })
})

test('GET /files returns drive_timeout when Drive does not respond', async () => {
  const hasty = await startFaultyDriveway(
    { driveTimeouts: { response: 50 } },
    { sharing: driveway },
  )
  try {
    driveway.google.faults.add({ operation: 'drive.files.list', hang: 'headers', times: 99 })
    const response = await send(hasty.origin, '/files', { headers: driveway.bearer })
    expect(problemCode(response)).toBe('drive_timeout')
  } finally {
    await hasty.close()
  }
})

describe('GET /files does not retry', () => {
  test.each<[Omit<Fault, 'operation'>, ProblemCode]>([
    [refusal(403, 'domainPolicy'), 'drive_forbidden'],
    [refusal(403, 'insufficientPermissions'), 'reauth_required'],
    [refusal(403, 'accessNotConfigured'), 'misconfigured'],
    [refusal(403, 'unknownReason'), 'upstream_bad_response'],
    [{ status: 403, body: '<html>' }, 'upstream_bad_response'],
    [refusal(404, 'notFound'), 'drive_not_found'],
    [refusal(400, 'invalid'), 'upstream_bad_response'],
    [{ status: 200, body: '<html>' }, 'upstream_bad_response'],
    [{ status: 200, body: '{"files":[{"id":' }, 'upstream_bad_response'],
    [
      { status: 200, body: '{}', headers: { 'content-type': 'application/json' } },
      'upstream_bad_response',
    ],
    [
      { status: 200, body: 'null', headers: { 'content-type': 'application/json' } },
      'upstream_bad_response',
    ],
    [{ status: 204 }, 'upstream_bad_response'],
  ])('%j and returns %s', async (fault, code) => {
    const response = await listWith(fault)
    expect([response.status, problemCode(response), sleeps]).toEqual([problems[code][0], code, []])
  })

  test('a 400 for a page token and returns invalid_page_token', async () => {
    const response = await listWith({ status: 400, body: '<html>' }, '?pageToken=abc')
    expectProblem(response, 400, 'invalid_page_token')
  })
})

describe('GET /files with an expired access token', () => {
  test('refreshes it once', async () => {
    const response = await listWith({ status: 401 })
    expect([response.status, calls('oauth.refresh'), calls('drive.files.list')]).toEqual([
      200, 1, 2,
    ])
  })

  test('returns reauth_required when the refreshed token is rejected', async () => {
    const response = await listWith({ status: 401, times: 9 })
    expectProblem(response, 401, 'reauth_required')
    expect([calls('oauth.refresh'), calls('drive.files.list')]).toEqual([1, 2])
  })
})

test.each([301, 302, 303, 307, 308])(
  'GET /files does not follow a %d to another host',
  async (status) => {
    const response = await listWith({ status, headers: { location: `${otherOrigin}/caught` } })
    expect([problemCode(response), redirectedRequests]).toEqual(['upstream_bad_response', 0])
  },
)

test('GET /files returns upstream_bad_response for a response over the size limit', async () => {
  const body = `{"files":[],"more":"${'x'.repeat(9 << 20)}"}`
  const response = await listWith({ status: 200, body, times: 99 })
  expect([problemCode(response), sleeps]).toEqual(['upstream_bad_response', []])
})

test('the log contains no request and no response of the Google API client', async () => {
  const secret = 'text-of-drive'
  driveway.lines.length = 0
  await listWith({ reset: true, times: 99 })
  driveway.google.faults.clear()
  await listWith({ status: 500, times: 99, body: JSON.stringify({ error: { message: secret } }) })
  driveway.google.faults.clear()
  await listWith({ status: 418, body: secret })
  expect(driveway.lines).toHaveLength(3)
  for (const line of driveway.lines) {
    expect(line).not.toMatch(/ya29|authorization|Bearer|text-of-drive|config|gaxios/i)
  }
})
