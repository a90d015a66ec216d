/** `GET /callback`: validation of the authorization response, before any request to Google. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  approveConsent,
  startSignIn,
  cookieFrom,
  completeSignIn,
  storedDocuments,
  tokenRequests,
} from '../kit/sign-in.ts'
import type { StartedSignIn } from '../kit/sign-in.ts'
import { createRandom, seed } from '../kit/random.ts'

let driveway: Driveway
let clock = 0
let started: StartedSignIn
let query: URLSearchParams

beforeAll(async () => {
  driveway = await startDriveway({
    isSignedIn: false,
    gateway: { now: () => Date.now() + clock },
  })
})
afterAll(() => driveway.close())

beforeEach(async () => {
  clock = 0
  driveway.google.firestore.clear()
  await driveway.google.oauth.control({ action: 'revoke', sub: driveway.sub })
  started = await startSignIn(driveway)
  query = await approveConsent(started)
  driveway.google.calls.length = 0
})

/** Expects no code exchange, no session and no grant. */
function expectNoSignIn(): void {
  expect(tokenRequests(driveway.google)).toBe(0)
  expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
  expect(storedDocuments(driveway.google, 'grants')).toEqual([])
}

/** Expects that the started sign-in can still be completed. */
async function expectUsable(): Promise<void> {
  const { status, headers } = await completeSignIn(driveway, query, started.cookie)
  expect([status, headers.location]).toEqual([303, `${driveway.origin}/`])
}

function queryWith(changes: Record<string, string | null>): URLSearchParams {
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name)
    else next.set(name, value)
  }
  return next
}

test('GET /callback returns state_missing for a code without state and cookie', async () => {
  const response = await completeSignIn(driveway, queryWith({ state: null }))
  expect([response.status, problemCode(response)]).toEqual([400, 'state_missing'])
  expect(response.headers['set-cookie']).toBeUndefined()
  expectNoSignIn()
})

test('GET /callback in another browser returns state_mismatch and does not consume the sign-in', async () => {
  const otherSignIn = await startSignIn(driveway)
  for (const cookie of [undefined, otherSignIn.cookie]) {
    const response = await completeSignIn(driveway, query, cookie)
    expect([response.status, problemCode(response)]).toEqual([400, 'state_mismatch'])
  }
  expectNoSignIn()
  await expectUsable()
})

test('GET /callback returns state_invalid for a state with any one character changed', async () => {
  const { state } = started
  for (let index = 0; index < state.length; index++) {
    // The next letter of the alphabet differs in the lowest bit, which base64url may not use.
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const letter = letters.indexOf(state.charAt(index))
    const other = letter < 0 ? 'A' : letters.charAt(letter ^ 1)
    const tampered = state.slice(0, index) + other + state.slice(index + 1)
    const response = await completeSignIn(driveway, queryWith({ state: tampered }), started.cookie)
    expect([index, response.status, problemCode(response)]).toEqual([index, 400, 'state_invalid'])
  }
  expectNoSignIn()
  await expectUsable()
})

describe('GET /callback rejects a malformed state', () => {
  test.each<[string, (state: string) => string, string]>([
    ['empty', () => 'state=', 'state_missing'],
    ['repeated', (state) => `state=${state}&state=${state}`, 'bad_request'],
    ['repeated, one of them empty', (state) => `state=${state}&state=`, 'bad_request'],
    ['as an object', (state) => `state[a]=${state}`, 'state_missing'],
    ['as an object, encoded', (state) => `state%5Ba%5D=${state}`, 'state_missing'],
    ['of 10 KB', () => `state=${'A'.repeat(10_240)}`, 'state_invalid'],
    ['with an additional part', (state) => `state=${state}.A`, 'state_invalid'],
    ['surrounded by spaces', (state) => `state=%20${state}%20`, 'state_invalid'],
    ['with padding', (state) => `state=${state}=`, 'state_invalid'],
    ['in the fragment', (state) => `#state=${state}`, 'state_missing'],
    ['in upper case', (state) => `STATE=${state}`, 'state_missing'],
  ])('%s', async (_, write, code) => {
    const response = await completeSignIn(
      driveway,
      `code=${encodeURIComponent(query.get('code') ?? '')}&${write(started.state)}`,
      started.cookie,
    )
    expect([response.status, problemCode(response)]).toEqual([400, code])
    expectNoSignIn()
    await expectUsable()
  })
})

test('GET /callback returns state_used for a replay, without a second code exchange', async () => {
  const first = await completeSignIn(driveway, query, started.cookie)
  const again = await completeSignIn(driveway, query, started.cookie)
  const signedIn = await completeSignIn(driveway, query, cookieFrom(first))
  expect(first.status).toBe(303)
  expect([again.status, problemCode(again)]).toEqual([400, 'state_used'])
  expect([signedIn.status, problemCode(signedIn)]).toEqual([400, 'state_used'])
  expect(tokenRequests(driveway.google)).toBe(1)
  const files = await send(driveway.origin, '/files', { headers: { cookie: cookieFrom(first) } })
  expect(files.status).toBe(200)
})

describe('a sign-in expires after ten minutes', () => {
  test.each([
    ['immediately', 0, 303],
    ['five minutes later', 5 * 60_000, 303],
    ['with a clock that is five minutes slow', -5 * 60_000, 303],
    ['just before the expiry', 10 * 60_000 - 5_000, 303],
    ['just after the expiry', 10 * 60_000 + 1, 400],
    ['a day later', 24 * 60 * 60_000, 400],
  ])('%s', async (_, later, status) => {
    clock = later
    const response = await completeSignIn(driveway, query, started.cookie)
    expect(response.status).toBe(status)
    if (status === 303) return
    expect(problemCode(response)).toBe('state_expired')
    expectNoSignIn()
  })
})

describe('the iss parameter (RFC 9207)', () => {
  const issuer = 'https://accounts.google.com'
  test.each<[string, string | null]>([
    ['may be absent', null],
    ['may be Google', issuer],
  ])('%s', async (_, iss) => {
    const response = await completeSignIn(
      driveway,
      queryWith({ iss, hd: 'x.org', any: 'thing' }),
      started.cookie,
    )
    expect(response.status).toBe(303)
  })

  test.each([
    ['a trailing slash', `${issuer}/`],
    ['empty', ''],
    ['no scheme', 'accounts.google.com'],
    ['another host', 'https://accounts.google.com.evil.example'],
    ['another scheme', 'http://accounts.google.com'],
    ['upper case', issuer.toUpperCase()],
  ])('is rejected with %s', async (_, iss) => {
    const response = await completeSignIn(driveway, queryWith({ iss }), started.cookie)
    expect([response.status, problemCode(response)]).toEqual([400, 'issuer_mismatch'])
    expectNoSignIn()
    await expectUsable()
  })

  test('is rejected when it is repeated', async () => {
    const response = await completeSignIn(
      driveway,
      `${query}&iss=https://evil.example`,
      started.cookie,
    )
    expect(response.status).toBe(400)
    expectNoSignIn()
    await expectUsable()
  })

  test.each(['response', 'id_token', 'token', 'access_token', 'scope', 'session_state'])(
    'is accepted with an unexpected parameter %s',
    async (name) => {
      const response = await completeSignIn(
        driveway,
        queryWith({ [name]: 'eyJ.eyJ.x' }),
        started.cookie,
      )
      expect(response.status).toBe(303)
    },
  )
})

describe('an error response of Google', () => {
  test.each([
    ['access_denied', {}],
    ['<script>alert(1)</script>', { error_description: '<img src=x onerror=alert(1)>' }],
    ['admin_policy_enforced', { error_description: 'd'.repeat(12_000) }],
    ['', {}],
  ])('error=%s consumes the sign-in, and the page does not reflect it', async (error, more) => {
    const denied = queryWith({ code: null, error, ...more })
    const page = await completeSignIn(driveway, denied, started.cookie, { accept: 'text/html' })
    expect(page.status).toBe(403)
    expect(page.body).not.toMatch(/script>|<img|dddd|admin_policy/)
    expect(page.headers['set-cookie']).toEqual([
      '__session=.; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    ])
    expect(problemCode(await completeSignIn(driveway, query, started.cookie))).toBe('state_used')
    expectNoSignIn()
  })

  test('keeps an existing session', async () => {
    const cookie = cookieFrom(await completeSignIn(driveway, query, started.cookie))
    const again = await startSignIn(driveway, { cookie })
    const refused = await approveConsent(again, { decision: 'cancel' }).catch(() => undefined)
    const denied = refused?.has('error') ? refused : `error=access_denied&state=${again.state}`
    const response = await completeSignIn(driveway, denied, again.cookie)
    expect([response.status, problemCode(response)]).toEqual([403, 'access_denied'])
    const files = await send(driveway.origin, '/files', {
      headers: { cookie: cookieFrom(response) },
    })
    expect(files.status).toBe(200)
  })
})

describe('GET /callback rejects a malformed code', () => {
  test.each<[string, string | null]>([
    ['missing', null],
    ['empty', ''],
    ['CR LF', '4/0abc\r\nx: y'],
    ['NUL', '4/0abc\0'],
    ['a space', '4/0 abc'],
    ['10 KB', 'a'.repeat(10_240)],
    ['not ASCII', '4/0äöü'],
  ])('%s', async (_, code) => {
    const response = await completeSignIn(driveway, queryWith({ code }), started.cookie)
    expect([response.status, problemCode(response)]).toEqual([400, 'bad_request'])
    expectNoSignIn()
    await expectUsable()
  })

  test('An error takes precedence over a code', async () => {
    const response = await completeSignIn(
      driveway,
      queryWith({ error: 'access_denied' }),
      started.cookie,
    )
    expect([response.status, problemCode(response)]).toEqual([403, 'access_denied'])
    expectNoSignIn()
  })
})

describe('methods and prefetches that do not consume the sign-in', () => {
  test.each(['POST', 'HEAD', 'PUT', 'DELETE'])('%s', async (method) => {
    const response = await send(driveway.origin, `/callback?${query}`, {
      method,
      headers: { cookie: started.cookie },
    })
    expect([response.status, response.headers['allow']]).toEqual([405, 'GET'])
    expectNoSignIn()
    await expectUsable()
  })

  test.each([
    ['sec-purpose', 'prefetch'],
    ['sec-purpose', 'prefetch;prerender'],
    ['purpose', 'prefetch'],
  ])('%s: %s', async (name, value) => {
    const response = await completeSignIn(driveway, query, started.cookie, { [name]: value })
    expect(response.status).toBe(400)
    expectNoSignIn()
    await expectUsable()
  })
})

/** Each mutation makes a valid callback invalid, and no combination makes it valid again. */
type Mutation = (callback: { query: URLSearchParams; cookie: string }) => void
const mutations: Mutation[] = [
  ({ query: q }) => q.delete('state'),
  ({ query: q }) => q.set('state', ''),
  ({ query: q }) => q.set('state', `${q.get('state')?.slice(0, -2)}AA`),
  ({ query: q }) => q.set('state', q.get('state')?.split('').toReversed().join('') ?? ''),
  ({ query: q }) => q.append('state', q.get('state') ?? ''),
  ({ query: q }) => q.append('code', q.get('code') ?? ''),
  ({ query: q }) => q.append('iss', 'https://accounts.google.com'),
  ({ query: q }) => q.set('iss', 'https://evil.example'),
  ({ query: q }) => q.set('iss', ''),
  ({ query: q }) => q.set('code', ''),
  ({ query: q }) => q.delete('code'),
  ({ query: q }) => q.set('code', 'x'.repeat(3_000)),
  ({ query: q }) => q.set('code', '4/0\r\n'),
  ({ query: q }) => q.set('error', 'access_denied'),
  ({ query: q }) => q.set('error', ''),
  (callback) => (callback.cookie = ''),
  (callback) => (callback.cookie = `__session=.${'A'.repeat(22)}`),
  (callback) => (callback.cookie = callback.cookie.slice(0, -1)),
  (callback) => (callback.cookie += `; ${callback.cookie}`),
  (callback) => (callback.cookie = callback.cookie.replace('__session', '__Session')),
]

test('No combination of 20 mutations completes a sign-in', async () => {
  const random = createRandom(seed)
  const pairs = mutations.flatMap((first, i) =>
    mutations.slice(i + 1).map((second) => [first, second]),
  )
  const mixtures = Array.from({ length: 150 }, () => mutations.filter(() => random() < 0.2))
  const runs = [...mutations.map((mutation) => [mutation]), ...pairs, ...mixtures].filter(
    (mixture) => mixture.length > 0,
  )
  expect(runs.length).toBeGreaterThan(300)
  for (const [index, mixture] of runs.entries()) {
    const callback = { query: new URLSearchParams(query), cookie: started.cookie }
    for (const mutate of mixture) mutate(callback)
    const { status } = await completeSignIn(driveway, callback.query, callback.cookie)
    const refused = status >= 400 && status < 500
    expect({ seed, index, status, refused }).toEqual({ seed, index, status, refused: true })
  }
  expectNoSignIn()
  process.stdout.write(
    `Callbacks refused: ${runs.length} of 20 mutations, alone, in pairs, mixed\n`,
  )
})

/** One mutation of each kind, so that all of their combinations can be tested. */
const mutationKinds = [0, 2, 3, 4, 5, 7, 9, 10, 11, 13, 15, 18].map(
  (index) => mutations[index] as Mutation,
)

const combinationCount = 2 ** mutationKinds.length - 1
const testedCombinations = Math.min(
  Number(process.env['CALLBACK_MIXTURES'] ?? 150),
  combinationCount,
)

test('No combination of 12 mutations completes a sign-in', async () => {
  const tried = new Set<number>()
  for (let run = 0; run < testedCombinations; run++) {
    const mixture = 1 + ((run * 1_009) % combinationCount) // a stride that is coprime to the number of combinations
    const callback = { query: new URLSearchParams(query), cookie: started.cookie }
    for (const [index, mutate] of mutationKinds.entries())
      if (mixture & (1 << index)) mutate(callback)
    const { status } = await completeSignIn(driveway, callback.query, callback.cookie)
    expect({ mixture, refused: status >= 400 && status < 500 }).toEqual({ mixture, refused: true })
    tried.add(mixture)
  }
  expectNoSignIn()
  process.stdout.write(
    `Callbacks refused: ${tried.size} of the ${combinationCount} combinations of ${mutationKinds.length} mutations\n`,
  )
}, 600_000)
