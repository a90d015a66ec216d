/** Rate limits per credential and network. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { signInAs } from '../kit/sign-in.ts'
import { openConnection, requestHead, waitFor } from '../kit/upload.ts'
import type { RawConnection } from '../kit/upload.ts'

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
  options: { method?: string; body?: string } = {},
): Promise<RawResponse[]> {
  const responses: RawResponse[] = []
  for (let count = 0; count < times; count++)
    responses.push(await send(gateway.origin, path, { headers, ...options }))
  return responses
}

/** A cookie of the right form, which no session has. */
const unknownSession = `__session=${'A'.repeat(43)}.${'B'.repeat(22)}`

/** A poll of an unknown device code. */
const poll = {
  method: 'POST',
  body: 'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=dwd_x',
}
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }

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

  test('is charged for a route that authenticates nobody, whatever credential is sent', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '20' })
    for (const credential of [driveway.bearer, driveway.session]) {
      const [accepted] = await sendTimes(1, instance, '/files?pageSize=1', credential)
      expect(accepted?.status).toBe(200)
    }
    const headers = { ...driveway.bearer, ...urlencoded }
    expect(
      countRateLimited(await sendTimes(30, instance, '/auth/device/token', headers, poll)),
    ).toBe(10)
    clock += 60_000
    const started = await sendTimes(30, instance, '/auth/device', headers, { method: 'POST' })
    expect(countRateLimited(started)).toBe(10)
    clock += 60_000
    const code = await sendTimes(30, instance, '/auth/token', headers, { method: 'POST' })
    expect(countRateLimited(code)).toBe(10)
  })

  test.each([
    ['an unknown function', '/nothing', 'GET'],
    ['an unknown path', '/files/a/b/c', 'GET'],
    ['another method', '/files', 'PUT'],
    ['a preflight of an unknown path', '/nothing', 'OPTIONS'],
    ['a malformed query', '/files?x=%zz', 'GET'],
    ['a target that is no path', 'http://elsewhere.example/files', 'GET'],
  ])('is charged for %s', async (_, path, method) => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '10' })
    expect(countRateLimited(await sendTimes(15, instance, path, {}, { method }))).toBe(5)
  })

  test.each(['/auth/session', '/auth?reconnect=1'])(
    'is charged ten requests for a guess at %s, which responds without a session',
    async (path) => {
      const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '60' })
      const guesses = await sendTimes(6, instance, path, { cookie: unknownSession })
      expect(countRateLimited(guesses)).toBe(0)
      expect(countRateLimited(await sendTimes(1, instance, '/files'))).toBe(1)
    },
  )

  test('is charged once for a guess that is found out twice', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '20' })
    const headers = { authorization: `Bearer dw_${'A'.repeat(49)}` }
    expect(countRateLimited(await sendTimes(2, instance, '/files', headers))).toBe(0)
  })

  test('above its limit has the limit of sign-ins for these only, and with no made-up cookie', async () => {
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '10' })
    await sendTimes(10, instance, '/files')
    for (const cookie of ['__session=x', unknownSession]) {
      expect(countRateLimited(await sendTimes(1, instance, '/files', { cookie }))).toBe(1)
      const device = { cookie, ...urlencoded }
      const [started] = await sendTimes(1, instance, '/auth/device', device, { method: 'POST' })
      expect(started?.status).toBe(429)
    }
    for (const cookie of ['__session=x', `${unknownSession}; ${unknownSession}`]) {
      expect(countRateLimited(await sendTimes(1, instance, '/auth', { cookie }))).toBe(1)
    }
    expect(
      countRateLimited(await sendTimes(1, instance, '/auth', { cookie: unknownSession })),
    ).toBe(0)
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
    const instance = await startLimited({ RATE_LIMIT_ANONYMOUS: '10', TRUSTED_PROXIES: 'loopback' })
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

const sendVia = (gateway: Driveway, chain: string, times = 1): Promise<RawResponse[]> =>
  sendTimes(times, gateway, '/files', { 'x-forwarded-for': chain })

describe('behind a proxy', () => {
  const env = { RATE_LIMIT_ANONYMOUS: '10', TRUSTED_PROXIES: 'loopback google' }
  test('each client has its own limit, and a larger one limits all of them', async () => {
    const instance = await startLimited(env)
    expect(countRateLimited(await sendVia(instance, '203.0.113.1, 35.191.0.9', 15))).toBe(5)
    expect(countRateLimited(await sendVia(instance, '203.0.113.2, 35.191.0.9', 10))).toBe(0)
    // A client inside the network of a proxy forges another address each time.
    let passed = 0
    for (let host = 3; host < 250; host++) {
      const responses = await sendVia(instance, `203.0.113.${host}, 35.191.0.9`)
      passed += 1 - countRateLimited(responses)
    }
    expect(passed).toBe(180)
    expect(countRateLimited(await sendVia(instance, '203.0.113.250, 35.191.0.10'))).toBe(0)
  })

  test('a client of the function’s own address cannot forge its address', async () => {
    const instance = await startLimited(env)
    for (let host = 1; host <= 10; host++) {
      await sendVia(instance, `203.0.113.${host}, 35.191.0.9, 198.51.100.7`)
    }
    expect(countRateLimited(await sendVia(instance, '203.0.113.99, 198.51.100.7'))).toBe(1)
  })
})

/** Sends the head of a request for a device code, and no body. */
async function startDeviceRequest(gateway: Driveway, client: string): Promise<RawConnection> {
  const connection = await openConnection(gateway.origin)
  const headers = {
    ...urlencoded,
    'Content-Length': 100,
    'X-Forwarded-For': client,
    Cookie: unknownSession,
  }
  connection.socket.write(requestHead({ bearer: {} }, 'POST', '/auth/device', headers))
  return connection
}

const refusedOf = (connections: RawConnection[]): RawConnection[] =>
  connections.filter((each) => each.received().includes('rate_limited'))

describe('requests in progress on routes that authenticate nobody', () => {
  test('are limited per network and per instance, and leave room for other requests', async () => {
    const env = { RATE_LIMIT_ANONYMOUS: '600', TRUSTED_PROXIES: 'loopback' }
    const instance = await startLimited(env)
    const start = (client: string, count: number): Promise<RawConnection[]> =>
      Promise.all(Array.from({ length: count }, () => startDeviceRequest(instance, client)))

    const first = await start('203.0.113.1', 20)
    await waitFor(() => refusedOf(first).length === 4)
    const second = await start('203.0.113.2', 20)
    await waitFor(() => refusedOf(second).length === 4)
    const third = await start('203.0.113.3', 2)
    await waitFor(() => refusedOf(third).length === 2)

    const headers = { 'x-forwarded-for': '203.0.113.1' }
    const [files] = await sendTimes(1, instance, '/files', { ...driveway.bearer, ...headers })
    const [login] = await sendTimes(1, instance, '/auth', headers)
    expect([files?.status, login?.status]).toEqual([200, 302])

    for (const { socket } of [...first, ...second]) socket.destroy()
    await waitFor(async () => {
      const more = { ...headers, ...urlencoded }
      const [response] = await sendTimes(1, instance, '/auth/device', more, { method: 'POST' })
      return response?.status === 200
    })
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
