/** Sign-ins beside each other, at several gateways and in several tabs, and the one cookie. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
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
let neighbour: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ signedIn: false })
  neighbour = await startDriveway({ beside: driveway })
})
afterAll(async () => {
  await neighbour.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.google.calls.length = 0
})

const rounds = Number(process.env['REPLAY_ROUNDS'] ?? 30)

test('of 2 to 8 identical callbacks at two gateways exactly one gets through (case 5)', async () => {
  const random = createRandom(seed)
  for (let round = 0; round < rounds; round++) {
    const begun = await startSignIn(driveway)
    const query = await approveConsent(begun)
    driveway.google.calls.length = 0
    const racers = 2 + Math.floor(random() * 7)
    const answers = await Promise.all(
      Array.from({ length: racers }, (_, index) =>
        completeSignIn(index % 2 ? driveway : neighbour, query, begun.cookie),
      ),
    )
    const losers = answers.filter(({ status }) => status !== 303)
    expect({ round, racers, losers: losers.map(codeOf) }).toEqual({
      round,
      racers,
      losers: Array.from({ length: racers - 1 }, () => 'state_used'),
    })
    expect(tokenRequests(driveway.google)).toBe(1)
  }
  process.stdout.write(`Replays: ${rounds} rounds, one token call each\n`)
}, 600_000)

test('two tabs of one browser both sign in (case 7)', async () => {
  const first = await startSignIn(driveway)
  const second = await startSignIn(driveway, { cookie: first.cookie })
  const one = await completeSignIn(driveway, await approveConsent(first), second.cookie)
  const two = await completeSignIn(neighbour, await approveConsent(second), cookieFrom(one))
  expect([one.status, two.status]).toEqual([303, 303])
  for (const answer of [one, two]) {
    const headers = { cookie: cookieFrom(answer) }
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(200)
  }
})

test('fifty sign-ins that nobody finished leave a small cookie and no document (case 7)', async () => {
  const before = driveway.google.firestore.dump().length
  let { cookie } = await startSignIn(driveway)
  const first = cookie
  for (let round = 0; round < 50; round++) ({ cookie } = await startSignIn(driveway, { cookie }))
  expect(cookie).toBe(first)
  expect(cookie.length).toBeLessThan(100)
  expect(driveway.google.firestore.dump()).toHaveLength(before)
  const { answer } = await signInAs(driveway, {}, cookie)
  expect(answer.status).toBe(303)
})

test('whatever comes with /auth, Google is asked what is configured (case 10)', async () => {
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
  // A challenge is a parameter of ours, for pages elsewhere: one that is none leads nowhere.
  for (const method of ['plain', 'S256']) {
    const challenge = `code_challenge=x&code_challenge_method=${method}`
    const refused = await send(driveway.origin, `/auth?${hostile}&${challenge}`)
    expect([refused.status, refused.headers.location]).toEqual([400, undefined])
  }
  const answer = await send(driveway.origin, `/auth?${hostile}`)
  const asked = new URL(answer.headers.location ?? '')
  const usual = new URL(plain.location)
  const drive = 'https://www.googleapis.com/auth/drive'
  expect(asked.origin + asked.pathname).toBe(usual.origin + usual.pathname)
  expect([...asked.searchParams.keys()]).toEqual([...usual.searchParams.keys()])
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    client_id: driveway.google.clientId,
    redirect_uri: `${driveway.origin}/callback`,
    response_type: 'code',
    scope: `openid email ${drive}.metadata.readonly ${drive}.file`,
    code_challenge_method: 'S256',
    access_type: 'offline',
  })
  for (const name of ['state', 'nonce', 'code_challenge']) {
    expect(asked.searchParams.get(name)?.length).toBeGreaterThanOrEqual(43)
    expect(asked.searchParams.get(name)).not.toBe(usual.searchParams.get(name))
  }
})

test('a cookie that was planted before a sign-in is worth nothing after it (case 19)', async () => {
  const planted = 'A'.repeat(43)
  const { cookie } = await signInAs(driveway, {}, `__session=${planted}.${'B'.repeat(22)}`)
  expect(sessionSecret(cookie)).toMatch(/^[\w-]{43}$/)
  expect(sessionSecret(cookie)).not.toBe(planted)
  const headers = { cookie: `__session=${planted}.` }
  const answer = await send(driveway.origin, '/files', { headers })
  expect([answer.status, codeOf(answer)]).toEqual([401, 'session_expired'])
})

test('every sign-in gets a secret of its own, of 256 bits (case 19)', async () => {
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

describe('the cookie (case 20)', () => {
  const publicUrl = 'https://drive.example'
  let secure: Driveway

  beforeAll(async () => {
    secure = await startDriveway({ signedIn: false, google: { publicUrl } })
  })
  afterAll(() => secure.close())

  test.each(['', 'Secure'])('is one and as closed as can be (%s)', async (attribute) => {
    const house = attribute ? secure : driveway
    const begun = await startSignIn(house)
    const query = await approveConsent(begun)
    const signedIn = await completeSignIn(house, query, begun.cookie)
    const cookie = cookieFrom(signedIn)
    const again = await startSignIn(house, { cookie })
    const denied = await completeSignIn(
      house,
      `error=access_denied&state=${again.state}`,
      again.cookie,
    )
    const origin = attribute ? publicUrl : house.origin
    const answers = [
      await send(house.origin, '/auth'),
      await send(house.origin, '/auth', { headers: { cookie } }),
      signedIn,
      denied,
      await send(house.origin, '/auth/session', { method: 'DELETE', headers: { cookie, origin } }),
    ]
    for (const { status, headers } of answers) {
      const [text = '', ...others] = headers['set-cookie'] ?? []
      const [pair, ...attributes] = text.split('; ')
      expect([status < 400 || status === 403, others]).toEqual([true, []])
      expect(pair).toMatch(/^__session=([\w-]{43})?\.([\w-]{22})?$/)
      const rest = attributes.filter((entry) => !/^Max-Age=\d+$/.test(entry))
      expect(rest).toEqual(['Path=/', 'HttpOnly', 'SameSite=Lax', ...(attribute ? ['Secure'] : [])])
      expect(text.length).toBeLessThan(4096)
    }
  })

  test('is set by nothing else', async () => {
    const { cookie } = await signInAs(driveway)
    for (const path of ['/auth/session', '/files', '/nothing', '/callback', '/callback?state=x']) {
      const { headers } = await send(driveway.origin, path, { headers: { cookie } })
      expect([path, headers['set-cookie']]).toEqual([path, undefined])
    }
  })
})

test('the documents of a sign-in that was used say nothing but until when, and one random value', async () => {
  await signInAs(driveway)
  for (const fields of storedDocuments(driveway.google, 'logins')) {
    expect(Object.keys(fields).toSorted()).toEqual(['by', 'expiresAt'])
  }
})
