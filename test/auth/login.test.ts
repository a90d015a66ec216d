/** `GET /auth`: parallel sign-ins in several tabs and at several gateways, and the session cookie. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  approveConsent,
  startSignIn,
  cookieFrom,
  completeSignIn,
  sessionSecret,
  signInAs,
} from '../kit/sign-in.ts'
import { storedDocuments, tokenRequests } from '../kit/sign-in.ts'
import { createRandom, seed } from '../kit/random.ts'

let driveway: Driveway
let otherInstance: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ isSignedIn: false })
  otherInstance = await startDriveway({ sharing: driveway })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.google.calls.length = 0
})

const rounds = Number(process.env['REPLAY_ROUNDS'] ?? 30)

test('Of 2 to 8 identical callbacks at two gateways exactly one signs in', async () => {
  const random = createRandom(seed)
  for (let round = 0; round < rounds; round++) {
    const started = await startSignIn(driveway)
    const query = await approveConsent(started)
    driveway.google.calls.length = 0
    const racers = 2 + Math.floor(random() * 7)
    const responses = await Promise.all(
      Array.from({ length: racers }, (_, index) =>
        completeSignIn(index % 2 ? driveway : otherInstance, query, started.cookie),
      ),
    )
    const losers = responses.filter(({ status }) => status !== 303)
    expect({ round, racers, losers: losers.map(problemCode) }).toEqual({
      round,
      racers,
      losers: Array.from({ length: racers - 1 }, () => 'state_used'),
    })
    expect(tokenRequests(driveway.google)).toBe(1)
  }
  process.stdout.write(`Replays: ${rounds} rounds, one code exchange each\n`)
}, 600_000)

test('Two tabs of one browser both sign in', async () => {
  const first = await startSignIn(driveway)
  const second = await startSignIn(driveway, { cookie: first.cookie })
  const firstResponse = await completeSignIn(driveway, await approveConsent(first), second.cookie)
  const secondResponse = await completeSignIn(
    otherInstance,
    await approveConsent(second),
    cookieFrom(firstResponse),
  )
  expect([firstResponse.status, secondResponse.status]).toEqual([303, 303])
  // The second sign-in has replaced the session of the first one in the browser.
  for (const [response, status] of [
    [firstResponse, 401],
    [secondResponse, 200],
  ] as const) {
    const headers = { cookie: cookieFrom(response) }
    expect((await send(otherInstance.origin, '/files', { headers })).status).toBe(status)
  }
})

test('Fifty unfinished sign-ins leave a small cookie and no document', async () => {
  const before = driveway.google.firestore.dump().length
  let { cookie } = await startSignIn(driveway)
  const first = cookie
  for (let round = 0; round < 50; round++) ({ cookie } = await startSignIn(driveway, { cookie }))
  expect(cookie).toBe(first)
  expect(cookie.length).toBeLessThan(100)
  expect(driveway.google.firestore.dump()).toHaveLength(before)
  const { response } = await signInAs(driveway, {}, cookie)
  expect(response.status).toBe(303)
})

test('GET /auth ignores parameters that would change the authorization request', async () => {
  const hostile = new URLSearchParams({
    redirect_uri: 'https://evil.example/callback',
    client_id: 'evil',
    scope: 'https://www.googleapis.com/auth/drive',
    prompt: 'none',
    response_mode: 'fragment',
    response_type: 'token',
    access_type: 'online',
    nonce: 'n',
    state: 's',
    login_hint: 'ben@example.com',
    hd: 'evil.example',
    request: 'eyJ',
    request_uri: 'https://evil.example/',
    __proto__: 'x',
  })
  const plain = await startSignIn(driveway)
  // code_challenge is our own parameter, for pages of other origins: an invalid one gets 400.
  for (const method of ['plain', 'S256']) {
    const challenge = `code_challenge=x&code_challenge_method=${method}`
    const rejected = await send(driveway.origin, `/auth?${hostile}&${challenge}`)
    expect([rejected.status, rejected.headers.location]).toEqual([400, undefined])
  }
  const response = await send(driveway.origin, `/auth?${hostile}`)
  const requested = new URL(response.headers.location ?? '')
  const defaultRequest = new URL(plain.location)
  const drive = 'https://www.googleapis.com/auth/drive'
  expect(requested.origin + requested.pathname).toBe(
    defaultRequest.origin + defaultRequest.pathname,
  )
  expect([...requested.searchParams.keys()]).toEqual([...defaultRequest.searchParams.keys()])
  expect(Object.fromEntries(requested.searchParams)).toMatchObject({
    client_id: driveway.google.clientId,
    redirect_uri: `${driveway.origin}/callback`,
    response_type: 'code',
    scope: `openid email ${drive}.metadata.readonly ${drive}.file`,
    code_challenge_method: 'S256',
    access_type: 'offline',
  })
  for (const name of ['state', 'nonce', 'code_challenge']) {
    expect(requested.searchParams.get(name)?.length).toBeGreaterThanOrEqual(43)
    expect(requested.searchParams.get(name)).not.toBe(defaultRequest.searchParams.get(name))
  }
})

test('A session cookie that is planted before a sign-in is invalid after it (session fixation)', async () => {
  const planted = 'A'.repeat(43)
  const { cookie } = await signInAs(driveway, {}, `__session=${planted}.${'B'.repeat(22)}`)
  expect(sessionSecret(cookie)).toMatch(/^[\w-]{43}$/)
  expect(sessionSecret(cookie)).not.toBe(planted)
  const headers = { cookie: `__session=${planted}.` }
  const response = await send(driveway.origin, '/files', { headers })
  expect([response.status, problemCode(response)]).toEqual([401, 'session_expired'])
})

test('Every sign-in creates a new session secret of 256 bits', async () => {
  const secrets = new Set<string>()
  let cookie = ''
  for (let round = 0; round < 5; round++) {
    ;({ cookie } = await signInAs(driveway, {}, cookie || undefined))
    secrets.add(sessionSecret(cookie))
  }
  expect(secrets.size).toBe(5)
  const ids = JSON.stringify(driveway.google.firestore.dump())
  for (const secret of secrets) expect(ids).not.toContain(secret)
})

describe('the session cookie', () => {
  const publicUrl = 'https://drive.example'
  let secure: Driveway

  beforeAll(async () => {
    secure = await startDriveway({ isSignedIn: false, google: { publicUrl } })
  })
  afterAll(() => secure.close())

  test.each(['', 'Secure'])(
    'is the only cookie, and is HttpOnly and SameSite=Lax (%s)',
    async (attribute) => {
      const gateway = attribute ? secure : driveway
      const started = await startSignIn(gateway)
      const query = await approveConsent(started)
      const signedIn = await completeSignIn(gateway, query, started.cookie)
      const cookie = cookieFrom(signedIn)
      const again = await startSignIn(gateway, { cookie })
      const denied = await completeSignIn(
        gateway,
        `error=access_denied&state=${again.state}`,
        again.cookie,
      )
      const origin = attribute ? publicUrl : gateway.origin
      const responses = [
        await send(gateway.origin, '/auth'),
        await send(gateway.origin, '/auth', { headers: { cookie } }),
        signedIn,
        denied,
        await send(gateway.origin, '/auth/session', {
          method: 'DELETE',
          headers: { cookie, origin },
        }),
      ]
      for (const { status, headers } of responses) {
        const [text = '', ...others] = headers['set-cookie'] ?? []
        const [pair, ...attributes] = text.split('; ')
        expect([status < 400 || status === 403, others]).toEqual([true, []])
        expect(pair).toMatch(/^__session=([\w-]{43})?\.([\w-]{22})?$/)
        const rest = attributes.filter((entry) => !/^Max-Age=\d+$/.test(entry))
        expect(rest).toEqual([
          'Path=/',
          'HttpOnly',
          'SameSite=Lax',
          ...(attribute ? ['Secure'] : []),
        ])
        expect(text.length).toBeLessThan(4096)
      }
    },
  )

  test('is not set by other endpoints', async () => {
    const { cookie } = await signInAs(driveway)
    for (const path of ['/auth/session', '/files', '/nothing', '/callback', '/callback?state=x']) {
      const { headers } = await send(driveway.origin, path, { headers: { cookie } })
      expect([path, headers['set-cookie']]).toEqual([path, undefined])
    }
  })
})

test('The stored document of a used sign-in has only its expiry and a random value', async () => {
  await signInAs(driveway)
  for (const fields of storedDocuments(driveway.google, 'singleUse')) {
    expect(Object.keys(fields).toSorted()).toEqual(['expiresAt', 'writeId'])
  }
})
