/** What is wrong with a callback is seen before Google is asked anything: group A, first half. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
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
let begun: StartedSignIn
let query: URLSearchParams

beforeAll(async () => {
  driveway = await startDriveway({
    signedIn: false,
    gateway: { now: () => Date.now() + clock },
  })
})
afterAll(() => driveway.close())

beforeEach(async () => {
  clock = 0
  driveway.google.firestore.clear()
  await driveway.google.oauth.control({ action: 'revoke', sub: driveway.sub })
  begun = await startSignIn(driveway)
  query = await approveConsent(begun)
  driveway.google.calls.length = 0
})

/** No token call, nobody signed in. */
function expectNothing(): void {
  expect(tokenRequests(driveway.google)).toBe(0)
  expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
  expect(storedDocuments(driveway.google, 'grants')).toEqual([])
}

/** The sign-in that was begun is still good. */
async function expectUsable(): Promise<void> {
  const { status, headers } = await completeSignIn(driveway, query, begun.cookie)
  expect([status, headers.location]).toEqual([303, `${driveway.origin}/`])
}

function changed(changes: Record<string, string | null>): URLSearchParams {
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name)
    else next.set(name, value)
  }
  return next
}

test('a code without state and cookie is refused (case 1)', async () => {
  const answer = await completeSignIn(driveway, changed({ state: null }))
  expect([answer.status, codeOf(answer)]).toEqual([400, 'state_missing'])
  expect(answer.headers['set-cookie']).toBeUndefined()
  expectNothing()
})

test('another browser cannot finish a sign-in, and does not use it up (case 2)', async () => {
  const stranger = await startSignIn(driveway)
  for (const cookie of [undefined, stranger.cookie]) {
    const answer = await completeSignIn(driveway, query, cookie)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'state_mismatch'])
  }
  expectNothing()
  await expectUsable()
})

test('a state with any one character changed is refused (case 3)', async () => {
  const { state } = begun
  for (let index = 0; index < state.length; index++) {
    // The neighbour in the alphabet differs in its lowest bit, which base64url may not even use.
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const letter = letters.indexOf(state.charAt(index))
    const other = letter < 0 ? 'A' : letters.charAt(letter ^ 1)
    const spoilt = state.slice(0, index) + other + state.slice(index + 1)
    const answer = await completeSignIn(driveway, changed({ state: spoilt }), begun.cookie)
    expect([index, answer.status, codeOf(answer)]).toEqual([index, 400, 'state_invalid'])
  }
  expectNothing()
  await expectUsable()
})

describe('a state of another shape is refused (case 3)', () => {
  test.each<[string, (state: string) => string, string]>([
    ['empty', () => 'state=', 'state_missing'],
    ['given twice', (state) => `state=${state}&state=${state}`, 'bad_request'],
    ['given twice, one of them empty', (state) => `state=${state}&state=`, 'bad_request'],
    ['as an object', (state) => `state[a]=${state}`, 'state_missing'],
    ['as an object, encoded', (state) => `state%5Ba%5D=${state}`, 'state_missing'],
    ['of 10 KB', () => `state=${'A'.repeat(10_240)}`, 'state_invalid'],
    ['with a part more', (state) => `state=${state}.A`, 'state_invalid'],
    ['with spaces around', (state) => `state=%20${state}%20`, 'state_invalid'],
    ['with padding', (state) => `state=${state}=`, 'state_invalid'],
    ['in the fragment', (state) => `#state=${state}`, 'state_missing'],
    ['in upper case', (state) => `STATE=${state}`, 'state_missing'],
  ])('%s', async (_, write, code) => {
    const answer = await completeSignIn(
      driveway,
      `code=${encodeURIComponent(query.get('code') ?? '')}&${write(begun.state)}`,
      begun.cookie,
    )
    expect([answer.status, codeOf(answer)]).toEqual([400, code])
    expectNothing()
    await expectUsable()
  })
})

test('a replayed callback is refused and makes no second token call (case 4)', async () => {
  const first = await completeSignIn(driveway, query, begun.cookie)
  const again = await completeSignIn(driveway, query, begun.cookie)
  const signedIn = await completeSignIn(driveway, query, cookieFrom(first))
  expect(first.status).toBe(303)
  expect([again.status, codeOf(again)]).toEqual([400, 'state_used'])
  expect([signedIn.status, codeOf(signedIn)]).toEqual([400, 'state_used'])
  expect(tokenRequests(driveway.google)).toBe(1)
  const files = await send(driveway.origin, '/files', { headers: { cookie: cookieFrom(first) } })
  expect(files.status).toBe(200)
})

describe('a sign-in has ten minutes (case 6)', () => {
  test.each([
    ['at once', 0, 303],
    ['five minutes later', 5 * 60_000, 303],
    ['at a clock that is five minutes slow', -5 * 60_000, 303],
    ['just inside', 10 * 60_000 - 5_000, 303],
    ['just beyond', 10 * 60_000 + 1, 400],
    ['a day later', 24 * 60 * 60_000, 400],
  ])('%s', async (_, later, status) => {
    clock = later
    const answer = await completeSignIn(driveway, query, begun.cookie)
    expect(answer.status).toBe(status)
    if (status === 303) return
    expect(codeOf(answer)).toBe('state_expired')
    expectNothing()
  })
})

describe('the issuer (case 11)', () => {
  const issuer = 'https://accounts.google.com'
  test.each<[string, string | null]>([
    ['may be absent', null],
    ['may be Google', issuer],
  ])('%s', async (_, iss) => {
    const answer = await completeSignIn(
      driveway,
      changed({ iss, hd: 'x.org', any: 'thing' }),
      begun.cookie,
    )
    expect(answer.status).toBe(303)
  })

  test.each([
    ['a slash more', `${issuer}/`],
    ['empty', ''],
    ['without scheme', 'accounts.google.com'],
    ['another host', 'https://accounts.google.com.evil.example'],
    ['another scheme', 'http://accounts.google.com'],
    ['upper case', issuer.toUpperCase()],
  ])('is refused: %s', async (_, iss) => {
    const answer = await completeSignIn(driveway, changed({ iss }), begun.cookie)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'issuer_mismatch'])
    expectNothing()
    await expectUsable()
  })

  test('is refused when it is there twice', async () => {
    const answer = await completeSignIn(driveway, `${query}&iss=https://evil.example`, begun.cookie)
    expect(answer.status).toBe(400)
    expectNothing()
    await expectUsable()
  })

  test.each(['response', 'id_token', 'token', 'access_token', 'scope', 'session_state'])(
    'with a parameter %s that nobody asked for, passes',
    async (name) => {
      const answer = await completeSignIn(driveway, changed({ [name]: 'eyJ.eyJ.x' }), begun.cookie)
      expect(answer.status).toBe(303)
    },
  )
})

describe('a refusal by Google (case 12)', () => {
  test.each([
    ['access_denied', {}],
    ['<script>alert(1)</script>', { error_description: '<img src=x onerror=alert(1)>' }],
    ['admin_policy_enforced', { error_description: 'd'.repeat(12_000) }],
    ['', {}],
  ])('error=%s uses the sign-in up and reflects nothing', async (error, more) => {
    const denied = changed({ code: null, error, ...more })
    const page = await completeSignIn(driveway, denied, begun.cookie, { accept: 'text/html' })
    expect(page.status).toBe(403)
    expect(page.body).not.toMatch(/script>|<img|dddd|admin_policy/)
    expect(page.headers['set-cookie']).toEqual([
      '__session=.; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    ])
    expect(codeOf(await completeSignIn(driveway, query, begun.cookie))).toBe('state_used')
    expectNothing()
  })

  test('leaves a session that is there alone', async () => {
    const cookie = cookieFrom(await completeSignIn(driveway, query, begun.cookie))
    const again = await startSignIn(driveway, { cookie })
    const refused = await approveConsent(again, { answer: 'cancel' }).catch(() => undefined)
    const denied = refused?.has('error') ? refused : `error=access_denied&state=${again.state}`
    const answer = await completeSignIn(driveway, denied, again.cookie)
    expect([answer.status, codeOf(answer)]).toEqual([403, 'access_denied'])
    const files = await send(driveway.origin, '/files', {
      headers: { cookie: cookieFrom(answer) },
    })
    expect(files.status).toBe(200)
  })
})

describe('a code of another shape is refused (case 13)', () => {
  test.each<[string, string | null]>([
    ['none', null],
    ['empty', ''],
    ['CR LF', '4/0abc\r\nx: y'],
    ['NUL', '4/0abc\0'],
    ['a space', '4/0 abc'],
    ['10 KB', 'a'.repeat(10_240)],
    ['no ASCII', '4/0äöü'],
  ])('%s', async (_, code) => {
    const answer = await completeSignIn(driveway, changed({ code }), begun.cookie)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    expectNothing()
    await expectUsable()
  })

  test('beside an error, the error wins', async () => {
    const answer = await completeSignIn(driveway, changed({ error: 'access_denied' }), begun.cookie)
    expect([answer.status, codeOf(answer)]).toEqual([403, 'access_denied'])
    expectNothing()
  })
})

describe('what only looks at the callback uses nothing up (case 13)', () => {
  test.each(['POST', 'HEAD', 'PUT', 'DELETE'])('%s', async (method) => {
    const answer = await send(driveway.origin, `/callback?${query}`, {
      method,
      headers: { cookie: begun.cookie },
    })
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET'])
    expectNothing()
    await expectUsable()
  })

  test.each([
    ['sec-purpose', 'prefetch'],
    ['sec-purpose', 'prefetch;prerender'],
    ['purpose', 'prefetch'],
  ])('%s: %s', async (name, value) => {
    const answer = await completeSignIn(driveway, query, begun.cookie, { [name]: value })
    expect(answer.status).toBe(400)
    expectNothing()
    await expectUsable()
  })
})

/** Each makes a good callback bad; any two of them make it no better. */
type Spoil = (callback: { query: URLSearchParams; cookie: string }) => void
const spoils: Spoil[] = [
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

test('no mixture of 20 mutations signs anybody in (cases 1 to 13)', async () => {
  const random = createRandom(seed)
  const pairs = spoils.flatMap((one, i) => spoils.slice(i + 1).map((other) => [one, other]))
  const mixtures = Array.from({ length: 150 }, () => spoils.filter(() => random() < 0.2))
  const runs = [...spoils.map((one) => [one]), ...pairs, ...mixtures].filter(
    (mixture) => mixture.length > 0,
  )
  expect(runs.length).toBeGreaterThan(300)
  for (const [index, mixture] of runs.entries()) {
    const callback = { query: new URLSearchParams(query), cookie: begun.cookie }
    for (const spoil of mixture) spoil(callback)
    const { status } = await completeSignIn(driveway, callback.query, callback.cookie)
    const refused = status >= 400 && status < 500
    expect({ seed, index, status, refused }).toEqual({ seed, index, status, refused: true })
  }
  expectNothing()
  process.stdout.write(
    `Callbacks refused: ${runs.length} of 20 mutations, alone, in pairs, mixed\n`,
  )
})

/** One mutation of each kind, so that all of their combinations can be tried. */
const kinds = [0, 2, 3, 4, 5, 7, 9, 10, 11, 13, 15, 18].map((index) => spoils[index] as Spoil)

const everyMixture = 2 ** kinds.length - 1
const mixtures = Math.min(Number(process.env['CALLBACK_MIXTURES'] ?? 150), everyMixture)

test('no combination of 12 mutations signs anybody in (cases 1 to 13)', async () => {
  const tried = new Set<number>()
  for (let run = 0; run < mixtures; run++) {
    const mixture = 1 + ((run * 1_009) % everyMixture) // a stride that meets all of them in the end
    const callback = { query: new URLSearchParams(query), cookie: begun.cookie }
    for (const [index, spoil] of kinds.entries()) if (mixture & (1 << index)) spoil(callback)
    const { status } = await completeSignIn(driveway, callback.query, callback.cookie)
    expect({ mixture, refused: status >= 400 && status < 500 }).toEqual({ mixture, refused: true })
    tried.add(mixture)
  }
  expectNothing()
  process.stdout.write(
    `Callbacks refused: ${tried.size} of the ${everyMixture} combinations of ${kinds.length} mutations\n`,
  )
}, 600_000)
