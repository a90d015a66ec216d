/** The device authorization grant (RFC 8628) over HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  requestDeviceCode,
  decideDeviceRequest,
  oauthErrorOf,
  showDeviceRequest,
  pollToken,
  postForm,
} from '../kit/device-flow.ts'
import { fileNames, getFiles, parseJson, putFile } from '../kit/requests.ts'
import { storedDocuments } from '../kit/sign-in.ts'

let driveway: Driveway
let otherInstance: Driveway
let clock = 0
const now = (): number => Date.now() + clock
const env = { TRUSTED_PROXIES: 'loopback' }
let addressCount = 0

beforeAll(async () => {
  driveway = await startDriveway({ env, gateway: { now } })
  otherInstance = await startDriveway({ sharing: driveway, env, gateway: { now } })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})
beforeEach(() => {
  clock += 20 * 60_000 // ends the rate limit windows of the test before
})

const advanceClock = (seconds: number): void => void (clock += seconds * 1000)
/** Headers of a client in a network without other clients. */
const fromNewNetwork = (): Record<string, string> => ({
  'x-forwarded-for': `10.0.0.${++addressCount}`,
})
const getFilesWith = (token: unknown): ReturnType<typeof send> =>
  getFiles(driveway, { authorization: `Bearer ${String(token)}` })

describe('POST /auth/device and POST /auth/device/token', () => {
  test('A code that is requested at one instance is approved at another and returns a working token', async () => {
    const authorization = await postForm(driveway, '/auth/device', { scope: 'files:read' })
    expect(authorization.status).toBe(200)
    expect(authorization.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    const terminal = parseJson(authorization)
    expect(terminal).toEqual({
      device_code: expect.stringMatching(/^dwd_[A-Z]{8}[\w-]{43}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${driveway.origin}/device`,
      verification_uri_complete: `${driveway.origin}/device?user_code=${String(terminal['user_code'])}`,
      expires_in: 600,
      interval: 5,
    })
    const codes = { device_code: String(terminal['device_code']) }
    const pending = await pollToken(driveway, codes)
    expect([pending.status, problemCode(pending), oauthErrorOf(pending)]).toEqual([
      400,
      'authorization_pending',
      'authorization_pending',
    ])
    expect(
      (
        await decideDeviceRequest(
          otherInstance,
          String(terminal['user_code']),
          {},
          driveway.session,
        )
      ).status,
    ).toBe(204)
    const response = await pollToken(otherInstance, codes)
    expect(response.status).toBe(200)
    expect(response.headers['cache-control']).toBe('no-store')
    expect(parseJson(response)).toEqual({
      access_token: expect.stringMatching(/^dw_[\w-]{49}$/),
      token_type: 'Bearer',
      expires_in: 90 * 86_400,
      scope: 'files:read',
    })
    expect((await getFilesWith(parseJson(response)['access_token'])).status).toBe(200)
  })

  test('The token has the requested scopes only', async () => {
    const terminal = await requestDeviceCode(driveway, { scope: 'upload' })
    await decideDeviceRequest(driveway, terminal.user_code, { expiresInDays: 3 })
    const token = parseJson(await pollToken(driveway, terminal))
    expect(token).toMatchObject({ scope: 'upload', expires_in: 3 * 86_400 })
    expect(problemCode(await getFilesWith(token['access_token']))).toBe('scope_insufficient')
  })

  test('A request without scope requests all scopes', async () => {
    expect(
      parseJson(await showDeviceRequest(driveway, (await requestDeviceCode(driveway)).user_code))[
        'scopes'
      ],
    ).toEqual(['files:read', 'upload'])
  })

  test('A user code is accepted in any case, with or without its dash', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    for (const typed of [
      code,
      code.toLowerCase(),
      code.replace('-', ''),
      code.replace('-', '').toLowerCase(),
    ]) {
      expect([typed, parseJson(await showDeviceRequest(driveway, typed))['user_code']]).toEqual([
        typed,
        code,
      ])
    }
  })
})

describe('GET /auth/device/{user_code}', () => {
  test('returns the client, its address and the signed-in account', async () => {
    const terminal = await requestDeviceCode(
      driveway,
      { client_name: 'Ada’s laptop', scope: 'upload files:read' },
      { 'user-agent': 'curl/8.5.0', 'x-forwarded-for': '6.6.6.6, 203.0.113.7' },
    )
    const response = await showDeviceRequest(driveway, terminal.user_code)
    expect([response.status, parseJson(response)]).toEqual([
      200,
      {
        user_code: terminal.user_code,
        client_name: 'Ada’s laptop',
        scopes: ['files:read', 'upload'],
        // The platform appends the last address; the client writes those before it.
        from: { address: '203.0.113.7', userAgent: 'curl/8.5.0' },
        account: 'ada@example.com',
        created: expect.stringMatching(/^\d{4}-.*Z$/),
        expires: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ])
  })

  test('ignores X-Forwarded-For without a front end', async () => {
    const plain = await startDriveway({ sharing: driveway, gateway: { now } })
    const terminal = await requestDeviceCode(plain, {}, { 'x-forwarded-for': '6.6.6.6' })
    expect(parseJson(await showDeviceRequest(driveway, terminal.user_code))['from']).toMatchObject({
      address: expect.stringMatching(/127\.0\.0\.1$/),
    })
    await plain.close()
  })

  test('removes control characters from the user agent and truncates it', async () => {
    const agent = `evil\tagent \u00ad${'x'.repeat(3_000)}`
    const terminal = await requestDeviceCode(driveway, {}, { 'user-agent': agent })
    const { from } = parseJson(await showDeviceRequest(driveway, terminal.user_code)) as {
      from: { userAgent: string }
    }
    expect(from.userAgent).toMatch(/^evil agent x{180,190}$/)
  })

  test.each(['', 'x'.repeat(61), 'a\nb', 'a\u202eb', 'a\u2028b', ' ', '\u200b'])(
    'POST /auth/device rejects the client_name %j or treats it as absent',
    async (name) => {
      const response = await postForm(
        driveway,
        '/auth/device',
        { client_name: name },
        fromNewNetwork(),
      )
      if (name === '') return expect(response.status).toBe(200)
      expect([response.status, problemCode(response), oauthErrorOf(response)]).toEqual([
        400,
        'bad_request',
        'invalid_request',
      ])
    },
  )
})

describe('an invalid request', () => {
  test.each([
    ['without grant_type', 'device_code=x', 'invalid_request'],
    ['with another grant_type', 'grant_type=password&device_code=x', 'unsupported_grant_type'],
    [
      'without device_code',
      `grant_type=urn:ietf:params:oauth:grant-type:device_code`,
      'invalid_request',
    ],
    ['with a repeated field', 'grant_type=a&grant_type=b', 'invalid_request'],
    ['with an invalid percent-encoding', 'grant_type=%zz', 'invalid_request'],
    ['with a body over the size limit', `grant_type=${'x'.repeat(20_000)}`, 'invalid_request'],
  ])('POST /auth/device/token %s returns an OAuth error', async (_, body, error) => {
    const response = await postForm(driveway, '/auth/device/token', body)
    expect([response.status, oauthErrorOf(response)]).toEqual([400, error])
    expect(response.headers['content-type']).toBe('application/problem+json')
  })

  test('POST /auth/device with a JSON body returns 415', async () => {
    const response = await postForm(driveway, '/auth/device', '{}', {
      'content-type': 'application/json',
    })
    expect([response.status, problemCode(response), oauthErrorOf(response)]).toEqual([
      415,
      'unsupported_media_type',
      'invalid_request',
    ])
  })

  test.each(['files:write', 'files:read admin', 'FILES:READ'])(
    'POST /auth/device with the scope %p returns invalid_scope',
    async (scope) => {
      const response = await postForm(driveway, '/auth/device', { scope }, fromNewNetwork())
      expect([response.status, oauthErrorOf(response)]).toEqual([400, 'invalid_scope'])
    },
  )

  test.each(['x', 'dwd_', `dwd_BCDFGHJK${'a'.repeat(43)}`, `dwd_AEIOUAEI${'a'.repeat(43)}`])(
    'POST /auth/device/token with the device code %p returns invalid_grant',
    async (device_code) => {
      const response = await pollToken(driveway, { device_code })
      expect([response.status, problemCode(response), oauthErrorOf(response)]).toEqual([
        400,
        'invalid_grant',
        'invalid_grant',
      ])
    },
  )

  test('POST /auth/device/token with another secret for a valid user code returns invalid_grant', async () => {
    const { device_code: code } = await requestDeviceCode(driveway)
    const tampered = code.slice(0, -1) + (code.endsWith('A') ? 'B' : 'A')
    expect(oauthErrorOf(await pollToken(driveway, { device_code: tampered }))).toBe('invalid_grant')
  })
})

describe('the polling interval', () => {
  test('A poll before the interval returns slow_down, and the longer interval applies at every instance', async () => {
    const terminal = await requestDeviceCode(driveway)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('authorization_pending')
    advanceClock(2)
    const early = await pollToken(otherInstance, terminal)
    expect([early.status, oauthErrorOf(early), early.headers['retry-after']]).toEqual([
      400,
      'slow_down',
      '10',
    ])
    advanceClock(6) // enough for the old interval, not for the new one
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('slow_down')
    advanceClock(15)
    expect(oauthErrorOf(await pollToken(otherInstance, terminal))).toBe('authorization_pending')
    advanceClock(15)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('authorization_pending')
  })

  test('Polls at the interval never return slow_down', async () => {
    const terminal = await requestDeviceCode(driveway)
    for (let round = 0; round < 5; round++) {
      expect(oauthErrorOf(await pollToken(round % 2 ? driveway : otherInstance, terminal))).toBe(
        'authorization_pending',
      )
      advanceClock(5)
    }
  })
})

describe('POST /auth/device/{user_code}', () => {
  test('denies a request, and polls return access_denied', async () => {
    const terminal = await requestDeviceCode(driveway)
    expect(
      (await decideDeviceRequest(driveway, terminal.user_code, { approve: false })).status,
    ).toBe(204)
    for (const instance of [driveway, otherInstance]) {
      const response = await pollToken(instance, terminal)
      expect([response.status, problemCode(response), oauthErrorOf(response)]).toEqual([
        400,
        'device_denied',
        'access_denied',
      ])
    }
    expect(problemCode(await decideDeviceRequest(driveway, terminal.user_code))).toBe(
      'device_code_decided',
    )
  })

  test('returns 409 for a second decision, and an approval yields one token', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    const again = await decideDeviceRequest(driveway, terminal.user_code, { approve: false })
    expect([again.status, problemCode(again)]).toEqual([409, 'device_code_decided'])
    expect((await pollToken(driveway, terminal)).status).toBe(200)
    expect(oauthErrorOf(await pollToken(otherInstance, terminal))).toBe('invalid_grant')
    expect((await showDeviceRequest(driveway, terminal.user_code)).status).toBe(404)
  })

  test('returns 404 after ten minutes, and polls return expired_token', async () => {
    const terminal = await requestDeviceCode(driveway)
    advanceClock(599)
    expect((await showDeviceRequest(driveway, terminal.user_code)).status).toBe(200)
    advanceClock(2)
    for (const response of [
      await showDeviceRequest(driveway, terminal.user_code),
      await decideDeviceRequest(driveway, terminal.user_code),
    ]) {
      expect([response.status, problemCode(response)]).toEqual([404, 'device_code_unknown'])
    }
    const response = await pollToken(driveway, terminal)
    expect([response.status, problemCode(response), oauthErrorOf(response)]).toEqual([
      400,
      'expired_token',
      'expired_token',
    ])
  })

  test('An approval expires when no poll fetches the token in time', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    advanceClock(601)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('expired_token')
  })

  test.each([
    [{ approve: 'yes' }, 'bad_request'],
    [{ approve: undefined }, 'bad_request'],
    [{ expiresInDays: 0 }, 'bad_request'],
    [{ expiresInDays: 366 }, 'bad_request'],
    [{ expiresInDays: '7' }, 'bad_request'],
    [{ folder: 7 }, 'bad_request'],
    [{ folder: 'nowhere-to-be-found' }, 'drive_not_found'],
    [{ maxFiles: 0 }, 'bad_request'],
    [{ scopes: ['upload'] }, 'bad_request'],
    [{ account: undefined }, 'account_changed'],
    [{ account: 'grace@example.com' }, 'account_changed'],
  ])('rejects %p and leaves the request pending', async (decision, code) => {
    const terminal = await requestDeviceCode(driveway, {}, fromNewNetwork())
    expect(problemCode(await decideDeviceRequest(driveway, terminal.user_code, decision))).toBe(
      code,
    )
    expect((await showDeviceRequest(driveway, terminal.user_code)).status).toBe(200)
  })
})

test('An approval can limit the token to a folder, a number of files and a lifetime', async () => {
  const terminal = await requestDeviceCode(driveway)
  const params = { path: 'Inbox/terminal', folder: null, maxFiles: 1, expiresInDays: 1 }
  expect((await decideDeviceRequest(driveway, terminal.user_code, params)).status).toBe(204)
  const token = parseJson(await pollToken(driveway, terminal))
  expect(token['expires_in']).toBe(86_400)
  const headers = { authorization: `Bearer ${String(token['access_token'])}` }
  expect((await putFile(driveway, headers, '1.txt')).status).toBe(201)
  expect(problemCode(await putFile(driveway, headers, '2.txt'))).toBe('token_quota_exceeded')
  expect(fileNames(await getFilesWith(token['access_token']))).toEqual(['1.txt'])
})

describe('authentication of a decision', () => {
  test('A decision requires a session and an allowed origin; a token is rejected', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    const { cookie = '', origin = '' } = driveway.session
    const attempts: [Record<string, string>, number, string][] = [
      [{}, 401, 'login_required'],
      [driveway.bearer, 403, 'scope_insufficient'],
      [{ cookie }, 403, 'csrf'],
      [{ cookie, origin: 'https://evil.example' }, 403, 'csrf'],
      [{ cookie, origin: 'null' }, 403, 'csrf'],
      [{ cookie, 'sec-fetch-site': 'cross-site' }, 403, 'csrf'],
      [{ ...driveway.bearer, cookie, origin }, 403, 'scope_insufficient'],
    ]
    for (const [headers, status, refusal] of attempts) {
      const response = await decideDeviceRequest(driveway, code, {}, headers)
      expect([headers, response.status, problemCode(response)]).toEqual([headers, status, refusal])
    }
    expect(problemCode(await showDeviceRequest(driveway, code, driveway.bearer))).toBe(
      'scope_insufficient',
    )
    expect(problemCode(await showDeviceRequest(driveway, code, {}))).toBe('login_required')
    expect((await decideDeviceRequest(driveway, code)).status).toBe(204)
  })

  test('A text/plain form post of another site returns 415', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    const headers = { ...driveway.session, 'content-type': 'text/plain' }
    const body = '{"approve":true,"account":"ada@example.com"}'
    const response = await send(driveway.origin, `/auth/device/${code}`, {
      method: 'POST',
      headers,
      body,
    })
    expect(response.status).toBe(415)
  })

  test('An approval returns 409 account_changed when another account has signed in meanwhile', async () => {
    const terminal = await requestDeviceCode(driveway)
    const cookie = await signIn(driveway.origin, driveway.google.oauth.users[1]?.email ?? '')
    const session = { cookie, origin: driveway.origin }
    // The page still shows ada@example.com.
    const response = await decideDeviceRequest(driveway, terminal.user_code, {}, session)
    expect([response.status, problemCode(response)]).toEqual([409, 'account_changed'])
    const shown = parseJson(await showDeviceRequest(driveway, terminal.user_code, session))[
      'account'
    ]
    expect(
      (await decideDeviceRequest(driveway, terminal.user_code, { account: shown }, session)).status,
    ).toBe(204)
    const token = parseJson(await pollToken(driveway, terminal))['access_token']
    const tokenSession = await send(driveway.origin, '/auth/session', {
      headers: { authorization: `Bearer ${String(token)}` },
    })
    expect(parseJson(tokenSession)['email']).toBe(shown)
  })
})

describe('rate limits', () => {
  test('An account may try 30 user codes in ten minutes at all instances together', async () => {
    const cookie = await signIn(driveway.origin, driveway.google.oauth.users[1]?.email ?? '')
    const session = { cookie, origin: driveway.origin }
    const statuses = new Map<number, number>()
    for (let round = 0; round < 36; round++) {
      const { status } = await showDeviceRequest(
        round % 2 ? driveway : otherInstance,
        'BCDF-GHJK',
        session,
      )
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect(Object.fromEntries(statuses)).toEqual({ 404: 30, 429: 6 })
    const { user_code: code } = await requestDeviceCode(driveway)
    const rejected = await showDeviceRequest(driveway, code, session)
    expect([problemCode(rejected), Number(rejected.headers['retry-after'])]).toEqual([
      'rate_limited',
      expect.any(Number),
    ])
    // Other accounts are not affected, and the limit resets.
    expect((await showDeviceRequest(driveway, code)).status).toBe(200)
    advanceClock(601)
    expect((await showDeviceRequest(driveway, code, session)).status).toBe(404)
  })

  test('A network may request 20 codes in ten minutes; another network has its own limit', async () => {
    const started: number[] = []
    for (let round = 0; round < 24; round++) {
      // All addresses of an IPv6 /64 network share one limit.
      const headers = { 'x-forwarded-for': `2001:db8:1:2::${round.toString(16)}` }
      const { status } = await postForm(
        round % 2 ? driveway : otherInstance,
        '/auth/device',
        {},
        headers,
      )
      started.push(status)
    }
    expect(started).toEqual([...Array<number>(20).fill(200), ...Array<number>(4).fill(429)])
    const next = await postForm(
      driveway,
      '/auth/device',
      {},
      { 'x-forwarded-for': '2001:db8:1:3::1' },
    )
    expect(next.status).toBe(200)
    advanceClock(601)
    const again = await postForm(
      driveway,
      '/auth/device',
      {},
      { 'x-forwarded-for': '2001:db8:1:2::1' },
    )
    expect(again.status).toBe(200)
  })
})

describe('concurrency', () => {
  test('Of two concurrent decisions exactly one succeeds', async () => {
    for (let round = 0; round < 12; round++) {
      const terminal = await requestDeviceCode(driveway, {}, fromNewNetwork())
      const second = { approve: round % 2 === 0 }
      const responses = await Promise.all([
        decideDeviceRequest(driveway, terminal.user_code),
        decideDeviceRequest(otherInstance, terminal.user_code, second, driveway.session),
      ])
      expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409])
      const approved = responses[0]?.status === 204 || second.approve
      expect((await pollToken(driveway, terminal)).status).toBe(approved ? 200 : 400)
      if (round % 4 === 3) advanceClock(601)
    }
  })

  test('Concurrent polls during the approval yield one token', async () => {
    for (let round = 0; round < 10; round++) {
      const before = storedDocuments(driveway.google, 'credentials').length
      const terminal = await requestDeviceCode(driveway, {}, fromNewNetwork())
      const polls = Array.from({ length: 6 }, (_, index) =>
        pollToken(index % 2 ? driveway : otherInstance, terminal),
      )
      const [decision, ...responses] = await Promise.all([
        decideDeviceRequest(driveway, terminal.user_code),
        ...polls,
      ])
      expect(decision.status).toBe(204)
      // Every other poll gets a retryable or final OAuth error.
      const won = responses.filter(({ status }) => status === 200)
      for (const { body, status } of responses) {
        if (status === 200) continue
        expect(['authorization_pending', 'slow_down', 'invalid_grant']).toContain(
          oauthErrorOf({ body, status, headers: {} }),
        )
      }
      if (won.length === 0) won.push(await pollToken(driveway, terminal))
      expect([won.length, won[0]?.status]).toEqual([1, 200])
      expect(storedDocuments(driveway.google, 'credentials').length).toBe(before + 1)
      expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('invalid_grant')
    }
  })

  test('The next poll returns the token when storing it has failed', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    // The write that consumes the code succeeds, and the write of the token fails.
    driveway.google.faults.add({ operation: 'firestore.commit', skip: 1, times: 1, status: 403 })
    const failed = await pollToken(driveway, terminal)
    driveway.google.faults.clear()
    expect(failed.status).toBe(503)
    expect((await pollToken(driveway, terminal)).status).toBe(200)
  })
})

describe('Firestore', () => {
  test('contains only hashes of the codes, each with an expiry', async () => {
    const terminal = await requestDeviceCode(driveway, {}, { 'x-forwarded-for': '198.51.100.9' })
    const dump = JSON.stringify(driveway.google.firestore.dump())
    expect(dump).not.toContain(terminal.device_code)
    expect(dump).not.toContain(terminal.device_code.slice(12))
    expect(dump).not.toContain(terminal.user_code.replace('-', ''))
    for (const collection of ['devices', 'rateLimits']) {
      const documents = storedDocuments(driveway.google, collection)
      expect(documents.length).toBeGreaterThan(0)
      for (const document of documents) expect(document).toHaveProperty('expiresAt')
    }
  })
})

test('The audit log has each decision with its account, and no code', async () => {
  const terminal = await requestDeviceCode(driveway)
  await decideDeviceRequest(driveway, terminal.user_code)
  await pollToken(driveway, terminal)
  const denied = await requestDeviceCode(driveway)
  await decideDeviceRequest(driveway, denied.user_code, { approve: false })
  const { sub } = driveway
  expect(driveway.logs).toContainEqual(
    expect.objectContaining({
      message: 'device_approved',
      audit: true,
      sub,
      scopes: 'files:read upload',
    }),
  )
  expect(driveway.logs).toContainEqual(expect.objectContaining({ message: 'device_denied', sub }))
  expect(driveway.logs).toContainEqual(expect.objectContaining({ message: 'token_created', sub }))
  const lines = driveway.lines.join('') + otherInstance.lines.join('')
  expect(lines).not.toContain(terminal.device_code)
  expect(lines).not.toMatch(/dwd_/)
})

test('A token of the device flow cannot create tokens', async () => {
  const terminal = await requestDeviceCode(driveway)
  await decideDeviceRequest(driveway, terminal.user_code)
  const { access_token: token } = parseJson(await pollToken(driveway, terminal))
  await expect(mintToken(driveway.origin, '', String(token))).rejects.toThrow()
  const response = await send(driveway.origin, '/auth/tokens', {
    method: 'POST',
    headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
    body: '{}',
  })
  expect(problemCode(response)).toBe('scope_insufficient')
})
