/** Callers that ask too much are told to wait; those beside them are not concerned. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { signInAs } from '../kit/sign-in.ts'

let driveway: Driveway
/** It stands still within a test: nothing is refilled while that runs. */
let clock = Date.now()
const gateways: Driveway[] = []

beforeAll(async () => {
  driveway = await startDriveway()
})
afterEach(async () => {
  clock += 120_000
  for (const house of gateways.splice(0)) await house.close()
})
afterAll(() => driveway.close())

/** An instance with limits of its own. */
async function startLimited(env: Record<string, string>): Promise<Driveway> {
  const gateway = { now: (): number => clock }
  const house = await startDriveway({ sharing: driveway, env, gateway })
  gateways.push(house)
  return house
}

/** The same request so many times, one after the other. */
async function sendTimes(
  times: number,
  at: Driveway,
  path: string,
  headers: Record<string, string> = {},
): Promise<RawResponse[]> {
  const answers: RawResponse[] = []
  for (let count = 0; count < times; count++) answers.push(await send(at.origin, path, { headers }))
  return answers
}

const countRateLimited = (answers: RawResponse[]): number =>
  answers.filter((answer) => problemCode(answer) === 'rate_limited').length

test('a credential has a share of each minute, and is told when to come again', async () => {
  const house = await startLimited({ RATE_LIMIT: '20' })
  const answers = await sendTimes(40, house, '/files?pageSize=1', driveway.bearer)
  expect(countRateLimited(answers)).toBe(20)
  const last = answers.at(-1)
  expect([last?.status, Number(last?.headers['retry-after']) >= 1]).toEqual([429, true])
  // A session of the same person is another caller.
  const [own] = await sendTimes(1, house, '/files?pageSize=1', driveway.session)
  expect(own?.status).toBe(200)
  clock += 60_000
  const [later] = await sendTimes(1, house, '/files?pageSize=1', driveway.bearer)
  expect(later?.status).toBe(200)
})

test('a page may read that it has to wait (case 28)', async () => {
  const house = await startLimited({ RATE_LIMIT: '1', ALLOWED_ORIGINS: 'https://app.example' })
  const headers = { ...driveway.bearer, origin: 'https://app.example' }
  const answer = (await sendTimes(5, house, '/files?pageSize=1', headers)).at(-1)
  expect(answer?.status).toBe(429)
  expect(answer?.headers['access-control-allow-origin']).toBe('https://app.example')
  expect(answer?.headers['access-control-expose-headers']).toContain('Retry-After')
})

describe('a network', () => {
  test('has a share for all that show nothing', async () => {
    const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '20' })
    expect(countRateLimited(await sendTimes(40, house, '/files'))).toBe(20)
  })

  test('is charged for bad bearers ten times, and good ones there go on', async () => {
    const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '60' })
    expect((await sendTimes(1, house, '/files?pageSize=1', driveway.bearer))[0]?.status).toBe(200)
    const bad = await sendTimes(12, house, '/files', {
      authorization: `Bearer dw_${'A'.repeat(49)}`,
    })
    expect(bad.map(({ status }) => status).filter((status) => status === 401)).toHaveLength(6)
    expect(countRateLimited(bad)).toBe(6)
    const good = await sendTimes(20, house, '/files?pageSize=1', driveway.bearer)
    expect(new Set(good.map(({ status }) => status))).toEqual(new Set([200]))
  })

  test('is charged for callbacks that lead to nothing', async () => {
    const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '60' })
    expect(countRateLimited(await sendTimes(6, house, '/callback?code=4/0x&state=x'))).toBe(0)
    expect(countRateLimited(await sendTimes(1, house, '/files'))).toBe(1)
  })

  test('that somebody has used up by guessing still signs in, up to a limit of its own', async () => {
    const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '10' })
    await sendTimes(9, house, '/files', { authorization: `Bearer dw_${'A'.repeat(49)}` })
    expect(countRateLimited(await sendTimes(1, house, '/files'))).toBe(1)
    const { response: answer, cookie } = await signInAs(house)
    expect(answer.status).toBe(303)
    expect((await sendTimes(1, house, '/files?pageSize=1', { cookie }))[0]?.status).toBe(200)
    expect(countRateLimited(await sendTimes(120, house, '/auth'))).toBeGreaterThan(0)
  })

  test('is found by the length of the chain, which is in the log without its addresses', async () => {
    const house = await startLimited({})
    await sendTimes(1, house, '/files', { 'x-forwarded-for': '203.0.113.7, 198.51.100.9' })
    expect(house.logs.at(-1)).toMatchObject({ forwardedFor: 2 })
    expect(house.lines.join('')).not.toContain('203.0.113.7')
  })

  test('is not charged for those who have shown who they are', async () => {
    const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '5' })
    const good = await sendTimes(30, house, '/files?pageSize=1', driveway.bearer)
    expect(countRateLimited(good)).toBe(0)
  })

  test('is the one that the platform saw, whatever the caller claims (case 30)', async () => {
    const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '10', FORWARDED_HOPS: '1' })
    const from = (chain: string): Promise<RawResponse[]> =>
      sendTimes(10, house, '/files', { 'x-forwarded-for': chain })
    expect(countRateLimited(await from('203.0.113.7'))).toBe(0)
    // Another entry in front is the caller's own invention.
    expect(countRateLimited(await from('198.51.100.9, 203.0.113.7'))).toBe(10)
    expect(countRateLimited(await from('203.0.113.7, 198.51.100.9'))).toBe(0)
    // An IPv6 household has more addresses than anybody can count, in one network.
    expect(countRateLimited(await from('2001:db8:1:2::1'))).toBe(0)
    expect(countRateLimited(await from('2001:db8:1:2:ffff::9'))).toBe(10)
  })
})

test('preflights are free, and without a limit nothing is counted', async () => {
  const house = await startLimited({ RATE_LIMIT_ANONYMOUS: '1' })
  for (let count = 0; count < 20; count++) {
    const answer = await send(house.origin, '/files', { method: 'OPTIONS' })
    expect(answer.status).toBe(204)
  }
  const free = await startLimited({ RATE_LIMIT: 'none', RATE_LIMIT_ANONYMOUS: 'none' })
  expect(countRateLimited(await sendTimes(50, free, '/auth'))).toBe(0)
})

test('two instances share a caller’s minute, near enough, with few writes', async () => {
  const env = { RATE_LIMIT: '80' }
  const [one, two] = [await startLimited(env), await startLimited(env)]
  driveway.google.calls.length = 0
  let passed = 0
  for (let round = 0; round < 80; round++) {
    for (const house of [one, two]) {
      const [answer] = await sendTimes(1, house, '/files?pageSize=1', driveway.bearer)
      if (answer?.status === 200) passed++
    }
  }
  // A quarter more from each at most.
  expect(passed).toBeGreaterThanOrEqual(80)
  expect(passed).toBeLessThanOrEqual(120)
  const writes = driveway.google.calls.filter((call) => call === 'firestore.commit')
  expect(writes.length).toBeLessThan(20)
})
