/** Sign-in from a terminal (RFC 8628), over HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  requestDeviceCode,
  decideDeviceRequest,
  oauthErrorOf,
  showDeviceRequest,
  pollToken,
  postForm,
} from '../kit/device-flow.ts'
import { storedDocuments } from '../kit/sign-in.ts'

let driveway: Driveway
let other: Driveway
let clock = 0
const now = (): number => Date.now() + clock
const env = { FORWARDED_HOPS: '1' }
let addresses = 0

beforeAll(async () => {
  driveway = await startDriveway({ env, gateway: { now } })
  other = await startDriveway({ beside: driveway, env, gateway: { now } })
})
afterAll(async () => {
  await other.close()
  await driveway.close()
})
beforeEach(() => {
  clock += 20 * 60_000 // whatever was counted before is over
})

const later = (seconds: number): void => void (clock += seconds * 1000)
/** Nobody's neighbours. */
const elsewhere = (): Record<string, string> => ({ 'x-forwarded-for': `10.0.0.${++addresses}` })
const json = (answer: { body: string }): Record<string, unknown> =>
  JSON.parse(answer.body) as Record<string, unknown>
const list = (token: unknown): ReturnType<typeof send> =>
  send(driveway.origin, '/files', { headers: { authorization: `Bearer ${String(token)}` } })

describe('from the code to the token', () => {
  test('asked for here, approved there, and the token works', async () => {
    const asked = await postForm(driveway, '/auth/device', { scope: 'files:read' })
    expect(asked.status).toBe(200)
    expect(asked.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    const terminal = json(asked)
    expect(terminal).toEqual({
      device_code: expect.stringMatching(/^dwd_[A-Z]{8}[\w-]{43}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${driveway.origin}/device`,
      verification_uri_complete: `${driveway.origin}/device?user_code=${String(terminal['user_code'])}`,
      expires_in: 600,
      interval: 5,
    })
    const codes = { device_code: String(terminal['device_code']) }
    const waiting = await pollToken(driveway, codes)
    expect([waiting.status, codeOf(waiting), oauthErrorOf(waiting)]).toEqual([
      400,
      'authorization_pending',
      'authorization_pending',
    ])
    expect(
      (await decideDeviceRequest(other, String(terminal['user_code']), {}, driveway.session))
        .status,
    ).toBe(204)
    const answer = await pollToken(other, codes)
    expect(answer.status).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(json(answer)).toEqual({
      access_token: expect.stringMatching(/^dw_[\w-]{49}$/),
      token_type: 'Bearer',
      expires_in: 90 * 86_400,
      scope: 'files:read',
    })
    expect((await list(json(answer)['access_token'])).status).toBe(200)
  })

  test('a token may do what was asked for and no more', async () => {
    const terminal = await requestDeviceCode(driveway, { scope: 'upload' })
    await decideDeviceRequest(driveway, terminal.user_code, { expiresInDays: 3 })
    const token = json(await pollToken(driveway, terminal))
    expect(token).toMatchObject({ scope: 'upload', expires_in: 3 * 86_400 })
    expect(codeOf(await list(token['access_token']))).toBe('scope_insufficient')
  })

  test('with no scope said, all of them are asked for', async () => {
    expect(
      json(await showDeviceRequest(driveway, (await requestDeviceCode(driveway)).user_code))[
        'scopes'
      ],
    ).toEqual(['files:read', 'upload'])
  })

  test('a code counts in any case, with its dash or without', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    for (const typed of [
      code,
      code.toLowerCase(),
      code.replace('-', ''),
      code.replace('-', '').toLowerCase(),
    ]) {
      expect([typed, json(await showDeviceRequest(driveway, typed))['user_code']]).toEqual([
        typed,
        code,
      ])
    }
  })
})

describe('what the person is shown', () => {
  test('who asks, from where, and for which account it would count', async () => {
    const terminal = await requestDeviceCode(
      driveway,
      { client_name: 'Ada’s laptop', scope: 'upload files:read' },
      { 'user-agent': 'curl/8.5.0', 'x-forwarded-for': '6.6.6.6, 203.0.113.7' },
    )
    const answer = await showDeviceRequest(driveway, terminal.user_code)
    expect([answer.status, json(answer)]).toEqual([
      200,
      {
        user_code: terminal.user_code,
        client_name: 'Ada’s laptop',
        scopes: ['files:read', 'upload'],
        // What the platform appended; what stands before it, the caller wrote.
        from: { address: '203.0.113.7', userAgent: 'curl/8.5.0' },
        account: 'ada@example.com',
        created: expect.stringMatching(/^\d{4}-.*Z$/),
        expires: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ])
  })

  test('without a front end, nobody’s X-Forwarded-For is believed (case 30)', async () => {
    const plain = await startDriveway({ beside: driveway, gateway: { now } })
    const terminal = await requestDeviceCode(plain, {}, { 'x-forwarded-for': '6.6.6.6' })
    expect(json(await showDeviceRequest(driveway, terminal.user_code))['from']).toMatchObject({
      address: expect.stringMatching(/127\.0\.0\.1$/),
    })
    await plain.close()
  })

  test('a user agent’s control characters do not reach the screen, nor a long one', async () => {
    const agent = `evil\tagent \u00ad${'x'.repeat(3_000)}`
    const terminal = await requestDeviceCode(driveway, {}, { 'user-agent': agent })
    const { from } = json(await showDeviceRequest(driveway, terminal.user_code)) as {
      from: { userAgent: string }
    }
    expect(from.userAgent).toMatch(/^evil agent x{180,190}$/)
  })

  test.each(['', 'x'.repeat(61), 'a\nb', 'a\u202eb', 'a\u2028b', ' ', '\u200b'])(
    'a name such as %j is refused or none',
    async (name) => {
      const answer = await postForm(driveway, '/auth/device', { client_name: name }, elsewhere())
      if (name === '') return expect(answer.status).toBe(200)
      expect([answer.status, codeOf(answer), oauthErrorOf(answer)]).toEqual([
        400,
        'bad_request',
        'invalid_request',
      ])
    },
  )
})

describe('a request that is no request', () => {
  test.each([
    ['no grant_type', 'device_code=x', 'invalid_request'],
    ['another grant_type', 'grant_type=password&device_code=x', 'unsupported_grant_type'],
    ['no code', `grant_type=urn:ietf:params:oauth:grant-type:device_code`, 'invalid_request'],
    ['a field twice', 'grant_type=a&grant_type=b', 'invalid_request'],
    ['a bad escape', 'grant_type=%zz', 'invalid_request'],
    ['too much', `grant_type=${'x'.repeat(20_000)}`, 'invalid_request'],
  ])('%s', async (_, body, error) => {
    const answer = await postForm(driveway, '/auth/device/token', body)
    expect([answer.status, oauthErrorOf(answer)]).toEqual([400, error])
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })

  test('JSON is no form', async () => {
    const answer = await postForm(driveway, '/auth/device', '{}', {
      'content-type': 'application/json',
    })
    expect([answer.status, codeOf(answer), oauthErrorOf(answer)]).toEqual([
      415,
      'unsupported_media_type',
      'invalid_request',
    ])
  })

  test.each(['files:write', 'files:read admin', 'FILES:READ'])('the scope %p', async (scope) => {
    const answer = await postForm(driveway, '/auth/device', { scope }, elsewhere())
    expect([answer.status, oauthErrorOf(answer)]).toEqual([400, 'invalid_scope'])
  })

  test.each(['x', 'dwd_', `dwd_BCDFGHJK${'a'.repeat(43)}`, `dwd_AEIOUAEI${'a'.repeat(43)}`])(
    'the device code %p is nobody’s',
    async (device_code) => {
      const answer = await pollToken(driveway, { device_code })
      expect([answer.status, codeOf(answer), oauthErrorOf(answer)]).toEqual([
        400,
        'invalid_grant',
        'invalid_grant',
      ])
    },
  )

  test('a right user code with another secret is nobody’s', async () => {
    const { device_code: code } = await requestDeviceCode(driveway)
    const spoiled = code.slice(0, -1) + (code.endsWith('A') ? 'B' : 'A')
    expect(oauthErrorOf(await pollToken(driveway, { device_code: spoiled }))).toBe('invalid_grant')
  })
})

describe('how often a terminal may ask', () => {
  test('too early is slow_down; the interval grows, and holds at every instance', async () => {
    const terminal = await requestDeviceCode(driveway)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('authorization_pending')
    later(2)
    const early = await pollToken(other, terminal)
    expect([early.status, oauthErrorOf(early), early.headers['retry-after']]).toEqual([
      400,
      'slow_down',
      '10',
    ])
    later(6) // enough for the interval of before, not for the one of now
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('slow_down')
    later(15)
    expect(oauthErrorOf(await pollToken(other, terminal))).toBe('authorization_pending')
    later(15)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('authorization_pending')
  })

  test('whoever keeps to the interval is never slowed down', async () => {
    const terminal = await requestDeviceCode(driveway)
    for (let round = 0; round < 5; round++) {
      expect(oauthErrorOf(await pollToken(round % 2 ? driveway : other, terminal))).toBe(
        'authorization_pending',
      )
      later(5)
    }
  })
})

describe('a decision', () => {
  test('no', async () => {
    const terminal = await requestDeviceCode(driveway)
    expect(
      (await decideDeviceRequest(driveway, terminal.user_code, { approve: false })).status,
    ).toBe(204)
    for (const place of [driveway, other]) {
      const answer = await pollToken(place, terminal)
      expect([answer.status, codeOf(answer), oauthErrorOf(answer)]).toEqual([
        400,
        'device_denied',
        'access_denied',
      ])
    }
    expect(codeOf(await decideDeviceRequest(driveway, terminal.user_code))).toBe(
      'device_code_decided',
    )
  })

  test('counts once, and leads to one token', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    const again = await decideDeviceRequest(driveway, terminal.user_code, { approve: false })
    expect([again.status, codeOf(again)]).toEqual([409, 'device_code_decided'])
    expect((await pollToken(driveway, terminal)).status).toBe(200)
    expect(oauthErrorOf(await pollToken(other, terminal))).toBe('invalid_grant')
    expect((await showDeviceRequest(driveway, terminal.user_code)).status).toBe(404)
  })

  test('after ten minutes is too late, for both', async () => {
    const terminal = await requestDeviceCode(driveway)
    later(599)
    expect((await showDeviceRequest(driveway, terminal.user_code)).status).toBe(200)
    later(2)
    for (const answer of [
      await showDeviceRequest(driveway, terminal.user_code),
      await decideDeviceRequest(driveway, terminal.user_code),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([404, 'device_code_unknown'])
    }
    const answer = await pollToken(driveway, terminal)
    expect([answer.status, codeOf(answer), oauthErrorOf(answer)]).toEqual([
      400,
      'expired_token',
      'expired_token',
    ])
  })

  test('an approval that nobody fetches in time is worth nothing', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    later(601)
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
  ])('%p decides nothing', async (decision, code) => {
    const terminal = await requestDeviceCode(driveway, {}, elsewhere())
    expect(codeOf(await decideDeviceRequest(driveway, terminal.user_code, decision))).toBe(code)
    expect((await showDeviceRequest(driveway, terminal.user_code)).status).toBe(200)
  })
})

test('what is approved may be bound: to a folder, a number of files, a while', async () => {
  const terminal = await requestDeviceCode(driveway)
  const terms = { path: 'Inbox/terminal', folder: null, maxFiles: 1, expiresInDays: 1 }
  expect((await decideDeviceRequest(driveway, terminal.user_code, terms)).status).toBe(204)
  const token = json(await pollToken(driveway, terminal))
  expect(token['expires_in']).toBe(86_400)
  const headers = { authorization: `Bearer ${String(token['access_token'])}` }
  const put = (name: string): ReturnType<typeof send> =>
    send(driveway.origin, `/upload/${name}`, { method: 'PUT', headers, body: 'x' })
  expect((await put('1.txt')).status).toBe(201)
  expect(codeOf(await put('2.txt'))).toBe('token_quota_exceeded')
  const listed = json(await list(token['access_token']))['files'] as { name: string }[]
  expect(listed.map(({ name }) => name)).toEqual(['1.txt'])
})

describe('who may decide', () => {
  test('a session; no token, and not a page of somebody else (cases 22, 25)', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    const { cookie = '', origin = '' } = driveway.session
    const asked: [Record<string, string>, number, string][] = [
      [{}, 401, 'login_required'],
      [driveway.bearer, 403, 'scope_insufficient'],
      [{ cookie }, 403, 'csrf'],
      [{ cookie, origin: 'https://evil.example' }, 403, 'csrf'],
      [{ cookie, origin: 'null' }, 403, 'csrf'],
      [{ cookie, 'sec-fetch-site': 'cross-site' }, 403, 'csrf'],
      [{ ...driveway.bearer, cookie, origin }, 403, 'scope_insufficient'],
    ]
    for (const [headers, status, refusal] of asked) {
      const answer = await decideDeviceRequest(driveway, code, {}, headers)
      expect([headers, answer.status, codeOf(answer)]).toEqual([headers, status, refusal])
    }
    expect(codeOf(await showDeviceRequest(driveway, code, driveway.bearer))).toBe(
      'scope_insufficient',
    )
    expect(codeOf(await showDeviceRequest(driveway, code, {}))).toBe('login_required')
    expect((await decideDeviceRequest(driveway, code)).status).toBe(204)
  })

  test('a form of another site is not even JSON', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    const headers = { ...driveway.session, 'content-type': 'text/plain' }
    const body = '{"approve":true,"account":"ada@example.com"}'
    const answer = await send(driveway.origin, `/auth/device/${code}`, {
      method: 'POST',
      headers,
      body,
    })
    expect(answer.status).toBe(415)
  })

  test('somebody who has become another in another tab approves nothing', async () => {
    const terminal = await requestDeviceCode(driveway)
    const cookie = await signIn(driveway.origin, driveway.google.oauth.users[1]?.email ?? '')
    const session = { cookie, origin: driveway.origin }
    // The page still shows ada.
    const answer = await decideDeviceRequest(driveway, terminal.user_code, {}, session)
    expect([answer.status, codeOf(answer)]).toEqual([409, 'account_changed'])
    const shown = json(await showDeviceRequest(driveway, terminal.user_code, session))['account']
    expect(
      (await decideDeviceRequest(driveway, terminal.user_code, { account: shown }, session)).status,
    ).toBe(204)
    const token = json(await pollToken(driveway, terminal))['access_token']
    const tree = await send(driveway.origin, '/auth/session', {
      headers: { authorization: `Bearer ${String(token)}` },
    })
    expect(json(tree)['email']).toBe(shown)
  })
})

describe('nobody tries codes without end', () => {
  test('an account has thirty tries in ten minutes, at all instances together', async () => {
    const cookie = await signIn(driveway.origin, driveway.google.oauth.users[1]?.email ?? '')
    const session = { cookie, origin: driveway.origin }
    const statuses = new Map<number, number>()
    for (let round = 0; round < 36; round++) {
      const { status } = await showDeviceRequest(round % 2 ? driveway : other, 'BCDF-GHJK', session)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect(Object.fromEntries(statuses)).toEqual({ 404: 30, 429: 6 })
    const { user_code: code } = await requestDeviceCode(driveway)
    const refused = await showDeviceRequest(driveway, code, session)
    expect([codeOf(refused), Number(refused.headers['retry-after'])]).toEqual([
      'rate_limited',
      expect.any(Number),
    ])
    // Others are not held up by it, and it passes.
    expect((await showDeviceRequest(driveway, code)).status).toBe(200)
    later(601)
    expect((await showDeviceRequest(driveway, code, session)).status).toBe(404)
  })

  test('a network has twenty codes in ten minutes; a neighbour’s are its own', async () => {
    const started: number[] = []
    for (let round = 0; round < 24; round++) {
      // The same IPv6 network: there is one for every home, and no end of addresses in it.
      const headers = { 'x-forwarded-for': `2001:db8:1:2::${round.toString(16)}` }
      const { status } = await postForm(round % 2 ? driveway : other, '/auth/device', {}, headers)
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
    later(601)
    const again = await postForm(
      driveway,
      '/auth/device',
      {},
      { 'x-forwarded-for': '2001:db8:1:2::1' },
    )
    expect(again.status).toBe(200)
  })
})

describe('races', () => {
  test('two approvals, and an approval and a denial: one wins', async () => {
    for (let round = 0; round < 12; round++) {
      const terminal = await requestDeviceCode(driveway, {}, elsewhere())
      const second = { approve: round % 2 === 0 }
      const answers = await Promise.all([
        decideDeviceRequest(driveway, terminal.user_code),
        decideDeviceRequest(other, terminal.user_code, second, driveway.session),
      ])
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409])
      const approved = answers[0]?.status === 204 || second.approve
      expect((await pollToken(driveway, terminal)).status).toBe(approved ? 200 : 400)
      if (round % 4 === 3) later(601)
    }
  })

  test('many polls at the moment of approval: one token', async () => {
    for (let round = 0; round < 10; round++) {
      const before = storedDocuments(driveway.google, 'credentials').length
      const terminal = await requestDeviceCode(driveway, {}, elsewhere())
      const polls = Array.from({ length: 6 }, (_, index) =>
        pollToken(index % 2 ? driveway : other, terminal),
      )
      const [decision, ...answers] = await Promise.all([
        decideDeviceRequest(driveway, terminal.user_code),
        ...polls,
      ])
      expect(decision.status).toBe(204)
      // Whatever they were told, it was either the token or to come again.
      const won = answers.filter(({ status }) => status === 200)
      for (const { body, status } of answers) {
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

  test('a token that could not be stored is made at the next poll', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    // The write that uses the code up passes, the token’s own fails as often as it is tried.
    driveway.google.faults.add({ operation: 'firestore.commit', skip: 1, times: 1, status: 403 })
    const failed = await pollToken(driveway, terminal)
    driveway.google.faults.clear()
    expect(failed.status).toBe(503)
    expect((await pollToken(driveway, terminal)).status).toBe(200)
  })
})

describe('the store', () => {
  test('keeps hashes only, each with its end', async () => {
    const terminal = await requestDeviceCode(driveway, {}, { 'x-forwarded-for': '198.51.100.9' })
    const dump = JSON.stringify(driveway.google.firestore.dump())
    expect(dump).not.toContain(terminal.device_code)
    expect(dump).not.toContain(terminal.device_code.slice(12))
    expect(dump).not.toContain(terminal.user_code.replace('-', ''))
    for (const collection of ['devices', 'rates']) {
      const documents = storedDocuments(driveway.google, collection)
      expect(documents.length).toBeGreaterThan(0)
      for (const document of documents) expect(document).toHaveProperty('expiresAt')
    }
  })
})

test('what was decided is in the log: who and what, and no code', async () => {
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
  expect(driveway.logs).toContainEqual(expect.objectContaining({ message: 'token_made', sub }))
  const lines = driveway.lines.join('') + other.lines.join('')
  expect(lines).not.toContain(terminal.device_code)
  expect(lines).not.toMatch(/dwd_/)
})

test('a token from a terminal makes no other tokens', async () => {
  const terminal = await requestDeviceCode(driveway)
  await decideDeviceRequest(driveway, terminal.user_code)
  const { access_token: token } = json(await pollToken(driveway, terminal))
  await expect(mintToken(driveway.origin, '', String(token))).rejects.toThrow()
  const answer = await send(driveway.origin, '/auth/tokens', {
    method: 'POST',
    headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
    body: '{}',
  })
  expect(codeOf(answer)).toBe('scope_insufficient')
})
