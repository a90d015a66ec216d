/** Clock jumps, and many instances that start at the same time. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { approveConsent, startSignIn, completeSignIn } from '../kit/sign-in.ts'

const minute = 60_000
const day = 24 * 60 * minute
let driveway: Driveway
let gateway: Driveway
let clock = 0

beforeAll(async () => {
  driveway = await startDriveway()
  gateway = await startInstance()
})
afterEach(() => {
  clock = 0
  driveway.google.faults.clear()
})
afterAll(async () => {
  await gateway.close()
  await driveway.close()
})

function startInstance(): Promise<Driveway> {
  return startDriveway({ sharing: driveway, gateway: { now: () => Date.now() + clock } })
}

const listFiles = (at: Driveway, headers = driveway.session): Promise<RawResponse> =>
  send(at.origin, '/files?pageSize=1', { headers })
const calls = (operation: string): number =>
  driveway.google.calls.filter((call) => call.startsWith(operation)).length

describe('a clock jump', () => {
  test.each([
    ['of ten minutes forward', 10 * minute],
    ['of ten minutes back', -10 * minute],
    ['of eight days forward', 8 * day],
  ])('%s, and back again, ends no session or token', async (_, jump) => {
    expect((await listFiles(gateway)).status).toBe(200)
    for (const now of [jump, 0, jump, 0]) {
      clock = now
      driveway.google.calls.length = 0
      for (const headers of [driveway.session, driveway.bearer]) {
        expect((await listFiles(gateway, headers)).status).toBe(200)
      }
      expect(calls('oauth.refresh')).toBeLessThanOrEqual(1)
    }
  })

  test('an access token that Google expires early is refreshed once', async () => {
    await listFiles(gateway)
    clock = -10 * minute
    await driveway.google.oauth.control({ action: 'expireAccessTokens' })
    driveway.google.calls.length = 0
    const responses = await Promise.all(Array.from({ length: 20 }, () => listFiles(gateway)))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    expect(calls('oauth.refresh')).toBe(1)
  })

  test('a pending sign-in survives a jump of five minutes in either direction, and expires after a day', async () => {
    for (const [jump, status] of [
      [5 * minute, 303],
      [-5 * minute, 303],
      [day, 400],
    ] as const) {
      clock = 0
      const started = await startSignIn(gateway)
      clock = jump
      const response = await completeSignIn(gateway, await approveConsent(started), started.cookie)
      expect([jump, response.status]).toEqual([jump, status])
      if (status === 400) expect(problemCode(response)).toBe('state_expired')
    }
  })
})

test('twenty instances that start at the same time fetch each secret and refresh each token once', async () => {
  const instances = await Promise.all(Array.from({ length: 20 }, () => startInstance()))
  driveway.google.calls.length = 0
  const responses = await Promise.all(
    instances.flatMap((instance) => Array.from({ length: 10 }, () => listFiles(instance))),
  )
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(calls('oauth.refresh')).toBeLessThanOrEqual(20)
  expect(calls('secrets.')).toBeLessThanOrEqual(40)
  for (const instance of instances) await instance.close()
}, 60_000)
