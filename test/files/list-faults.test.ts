import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { refusal, startFaulty, waits } from '../faults/fixture.ts'
import { codeOf, listen, send } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'

let driveway: Driveway
let elsewhere: Server
let elsewhereOrigin: string
let heardElsewhere = 0

beforeAll(async () => {
  driveway = await startFaulty({ driveTimeouts: { answer: 1_000 } })
  elsewhere = createServer((_req, res) => {
    heardElsewhere++
    res.end('{"files":[]}')
  })
  elsewhereOrigin = await listen(elsewhere)
})

beforeEach(() => {
  driveway.google.calls.length = 0
  waits.length = 0
})

afterEach(() => driveway.google.faults.clear())

afterAll(async () => {
  elsewhere.close()
  await driveway.close()
})

function listWith(fault: Omit<Fault, 'operation'>, query = ''): Promise<RawAnswer> {
  driveway.google.faults.add({ operation: 'drive.files.list', ...fault })
  return send(driveway.origin, `/files${query}`, { headers: driveway.bearer })
}

const calls = (operation: string): number =>
  driveway.google.calls.filter((call) => call === operation).length

describe('what may pass is tried again', () => {
  test.each<Omit<Fault, 'operation'>>([
    { status: 500 },
    { status: 503, times: 5, body: '<html>' },
    { status: 429, headers: { 'retry-after': '1' } },
    refusal(403, 'rateLimitExceeded'),
    refusal(403, 'userRateLimitExceeded'),
    { reset: true },
    { loseAnswer: true },
    { hang: 'headers' },
    { hang: 'body' },
  ])('%j (cases 71, 72, 73, 75, 80)', async (fault) => {
    const answer = await listWith(fault)
    expect([answer.status, waits.length]).toEqual([200, fault.times ?? 1])
  })

  test.each<[Omit<Fault, 'operation'>, ProblemCode]>([
    [{ status: 503, times: 99 }, 'drive_unavailable'],
    [{ status: 429, times: 99 }, 'drive_rate_limited'],
    [{ status: 429, headers: { 'retry-after': '3600' } }, 'drive_rate_limited'],
    [{ reset: true, times: 99 }, 'drive_unavailable'],
  ])('%j, until it is enough: %s', async (fault, code) => {
    const answer = await listWith(fault)
    expect([answer.status, codeOf(answer)]).toEqual([problems[code][0], code])
    expect(answer.headers['retry-after']).toBe(fault.headers ? '3600' : '5')
  })
})

test('silence that stays is drive_timeout (case 80)', async () => {
  const impatient = await startFaulty({ driveTimeouts: { answer: 50 } }, { beside: driveway })
  try {
    driveway.google.faults.add({ operation: 'drive.files.list', hang: 'headers', times: 99 })
    const answer = await send(impatient.origin, '/files', { headers: driveway.bearer })
    expect(codeOf(answer)).toBe('drive_timeout')
  } finally {
    await impatient.close()
  }
})

describe('what stays is said at once', () => {
  test.each<[Omit<Fault, 'operation'>, ProblemCode]>([
    [refusal(403, 'domainPolicy'), 'drive_forbidden'],
    [refusal(403, 'insufficientPermissions'), 'reauth_required'],
    [refusal(403, 'accessNotConfigured'), 'misconfigured'],
    [refusal(403, 'neverHeardOf'), 'upstream_bad_response'],
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
  ])('%j: %s (cases 73, 84)', async (fault, code) => {
    const answer = await listWith(fault)
    expect([answer.status, codeOf(answer), waits]).toEqual([problems[code][0], code, []])
  })

  test('a 400 to a page token is the token’s, whatever it says (case 32)', async () => {
    const answer = await listWith({ status: 400, body: '<html>' }, '?pageToken=abc')
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_page_token'])
  })
})

describe('an access token that has ended (case 74)', () => {
  test('is renewed once', async () => {
    const answer = await listWith({ status: 401 })
    expect([answer.status, calls('oauth.refresh'), calls('drive.files.list')]).toEqual([200, 1, 2])
  })

  test('and its successor too: the person has to sign in again', async () => {
    const answer = await listWith({ status: 401, times: 9 })
    expect([answer.status, codeOf(answer)]).toEqual([401, 'reauth_required'])
    expect([calls('oauth.refresh'), calls('drive.files.list')]).toEqual([1, 2])
  })
})

test.each([301, 302, 303, 307, 308])(
  'a %d to another host is not followed (case 84)',
  async (status) => {
    const answer = await listWith({ status, headers: { location: `${elsewhereOrigin}/caught` } })
    expect([codeOf(answer), heardElsewhere]).toEqual(['upstream_bad_response', 0])
  },
)

test('a list without end is not read to its end (case 97)', async () => {
  const body = `{"files":[],"more":"${'x'.repeat(9 << 20)}"}`
  const answer = await listWith({ status: 200, body, times: 99 })
  expect([codeOf(answer), waits]).toEqual(['upstream_bad_response', []])
})

test('nothing that Google’s client says of a request reaches the log (case 35)', async () => {
  const secret = 'said-by-drive'
  driveway.lines.length = 0
  await listWith({ reset: true, times: 99 })
  driveway.google.faults.clear()
  await listWith({ status: 500, times: 99, body: JSON.stringify({ error: { message: secret } }) })
  driveway.google.faults.clear()
  await listWith({ status: 418, body: secret })
  expect(driveway.lines).toHaveLength(3)
  for (const line of driveway.lines) {
    expect(line).not.toMatch(/ya29|authorization|Bearer|said-by-drive|config|gaxios/i)
  }
})
