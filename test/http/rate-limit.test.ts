/** Rate limits per credential and network. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { signInAs } from '../kit/sign-in.ts'

let driveway: Driveway
/** The clock stands still within a test, so that no bucket is refilled. */
let clock = Date.now()
const gateways: Driveway[] = []

beforeAll(async () => {
  driveway = await startDriveway()
})
afterEach(async () => {
  clock += 120_000
  for (const instance of gateways.splice(0)) await instance.close()
})
afterAll(() => driveway.close())

/** Starts an instance with its own limits. */
async function startLimited(env: Record<string, string>): Promise<Driveway> {
  const gateway = { now: (): number => clock }
  const instance = await startDriveway({ sharing: driveway, env, gateway })
  gateways.push(instance)
  return instance
}

/** Sends the same request repeatedly, one after the other. */
async function sendTimes(
  times: number,
  gateway: Driveway,
  path: string,
  headers: Record<string, string> = {},
): Promise<RawResponse[]> {
  const responses: RawResponse[] = []
  for (let count = 0; count < times; count++)
    responses.push(await send(gateway.origin, path, { headers }))
  return responses
}

const countRateLimited = (responses: RawResponse[]): number =>
  responses.filter((response) => problemCode(response) === 'rate_limited').length

test('a credential above RATE_LIMIT gets 429 with Retry-After until the next minute', async () => {
  const instance = await startLimited({ RATE_LIMIT: '20' })
  const responses = await sendTimes(40, instance, '/files?pageSize=1', driveway.bearer)
  expect(countRateLimited(responses)).toBe(20)
  const last = responses.at(-1)
  expect([last?.status, Number(last?.headers['retry-after']) >= 1]).toEqual([429, true])
  // A session of the same user is another credential.
  const [own] = await sendTimes(1, instance, '/files?pageSize=1', driveway.session)
  expect(own?.status).toBe(200)
  clock += 60_000
  const [later] = await sendTimes(1, instance, '/files?pageSize=1', driveway.bearer)
  expect(later?.status).toBe(200)
})

test('a page of an allowed origin can read 429 and Retry-After', async () => {
  const instance = await startLimited({ RATE_LIMIT: '1', ALLOWED_ORIGINS: 'https://app.example' })
  const headers = { ...driveway.bearer, origin: 'https://app.example' }
  const response = (await sendTimes(5, instance, '/files?pageSize=1', headers)).at(-1)
  expect(response?.status).toBe(429)
  expect(response?.headers['access-control-allow-origin']).toBe('https://app.example')
  expect(response?.headers['access-control-expose-headers']).toContain('Retry-After')
})

describe('a network', () => {
  test('above RATE_LIMIT_ANONYMOUS gets 429 for requests without a credential', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '20' })
    expect(countRateLimited(await sendTimes(40, instance, '/files'))).toBe(20)
  })

  test('is charged ten requests for an invalid bearer, while valid bearers continue', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '60' })
    expect((await sendTimes(1, instance, '/files?pageSize=1', driveway.bearer))[0]?.status).toBe(
      200,
    )
    const bad = await sendTimes(12, instance, '/files', {
      authorization: `Bearer dw_${'A'.repeat(49)}`,
    })
    expect(bad.map(({ status }) => status).filter((status) => status === 401)).toHaveLength(6)
    expect(countRateLimited(bad)).toBe(6)
    const good = await sendTimes(20, instance, '/files?pageSize=1', driveway.bearer)
    expect(new Set(good.map(({ status }) => status))).toEqual(new Set([200]))
  })

  test('is charged ten requests for an invalid callback', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '60' })
    expect(countRateLimited(await sendTimes(6, instance, '/callback?code=4/0x&state=x'))).toBe(0)
    expect(countRateLimited(await sendTimes(1, instance, '/files'))).toBe(1)
  })

  test('above its limit can still sign in, up to the limit of sign-ins', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '10' })
    await sendTimes(9, instance, '/files', { authorization: `Bearer dw_${'A'.repeat(49)}` })
    expect(countRateLimited(await sendTimes(1, instance, '/files'))).toBe(1)
    const { response, cookie } = await signInAs(instance)
    expect(response.status).toBe(303)
    expect((await sendTimes(1, instance, '/files?pageSize=1', { cookie }))[0]?.status).toBe(200)
    expect(countRateLimited(await sendTimes(120, instance, '/auth'))).toBeGreaterThan(0)
  })

  test('logs the number of entries in X-Forwarded-For, and not the addresses', async () => {
    const instance = await startLimited({})
    await sendTimes(1, instance, '/files', { 'x-forwarded-for': '203.0.113.7, 198.51.100.9' })
    expect(instance.logs.at(-1)).toMatchObject({ forwardedFor: 2 })
    expect(instance.lines.join('')).not.toContain('203.0.113.7')
  })

  test('is not charged for authenticated requests', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '5' })
    const good = await sendTimes(30, instance, '/files?pageSize=1', driveway.bearer)
    expect(countRateLimited(good)).toBe(0)
  })

  test('is the address that the proxy appended, not one that the client forged', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '10', FORWARDED_HOPS: '1' })
    const sendFrom = (chain: string): Promise<RawResponse[]> =>
      sendTimes(10, instance, '/files', { 'x-forwarded-for': chain })
    expect(countRateLimited(await sendFrom('203.0.113.7'))).toBe(0)
    // The client may forge the entry in front.
    expect(countRateLimited(await sendFrom('198.51.100.9, 203.0.113.7'))).toBe(10)
    expect(countRateLimited(await sendFrom('203.0.113.7, 198.51.100.9'))).toBe(0)
    // An IPv6 /64 is one network.
    expect(countRateLimited(await sendFrom('2001:db8:1:2::1'))).toBe(0)
    expect(countRateLimited(await sendFrom('2001:db8:1:2:ffff::9'))).toBe(10)
  })
})

test('preflights are not charged, and the value none disables the limits', async () => {
  const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '1' })
  for (let count = 0; count < 20; count++) {
    const response = await send(instance.origin, '/files', { method: 'OPTIONS' })
    expect(response.status).toBe(204)
  }
  const free = await startLimited({ RATE_LIMIT: 'none', RATE_LIMIT_ANONYMOUS: 'none' })
  expect(countRateLimited(await sendTimes(50, free, '/auth'))).toBe(0)
})

test('two instances share the limit of a credential approximately, with few writes', async () => {
  const env = { RATE_LIMIT: '80' }
  const [one, two] = [await startLimited(env), await startLimited(env)]
  driveway.google.calls.length = 0
  let passed = 0
  for (let round = 0; round < 80; round++) {
    for (const instance of [one, two]) {
      const [response] = await sendTimes(1, instance, '/files?pageSize=1', driveway.bearer)
      if (response?.status === 200) passed++
    }
  }
  // Each instance may exceed the limit by at most a quarter.
  expect(passed).toBeGreaterThanOrEqual(80)
  expect(passed).toBeLessThanOrEqual(120)
  const writes = driveway.google.calls.filter((call) => call === 'firestore.commit')
  expect(writes.length).toBeLessThan(20)
})
