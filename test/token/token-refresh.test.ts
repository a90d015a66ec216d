/** Refreshing, and how a grant ends: what the owner is told and what Google is asked. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { approve, begin, land, signInAs, stored } from '../kit/sign-in.ts'

let clock = 0
const driveway = await startDriveway({ gateway: { now: () => Date.now() + clock } })
const { google, sub } = driveway
const houses: Driveway[] = []

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close()
})
afterAll(() => driveway.close())
beforeEach(async () => {
  clock = 0
  google.faults.clear()
  await google.oauth.control({ action: 'revoke', sub })
  google.firestore.clear()
  driveway.session = { cookie: (await signInAs(driveway)).cookie, origin: driveway.origin }
  google.calls.length = 0
})

/** A gateway of the same Google that holds nothing in memory yet. */
async function cold(env: Record<string, string> = {}): Promise<Driveway> {
  const house = await startDriveway({
    beside: driveway,
    env,
    gateway: { now: () => Date.now() + clock },
  })
  houses.push(house)
  return house
}

const get = (path: string, at = driveway): Promise<RawAnswer> =>
  send(at.origin, path, { headers: driveway.session })

const called = (operation: string): number =>
  google.calls.filter((call) => call === operation).length

/** Another refresh token of the same person, as Google would give it out. */
async function newRefreshToken(): Promise<string> {
  const begun = await begin(driveway, { query: 'missing=drive.file,drive.metadata.readonly' })
  const { fetch } = globalThis
  let token = ''
  globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init)
    const text = await response.clone().text()
    token ||= /"refresh_token":"([^"]+)"/.exec(text)?.[1] ?? ''
    return response
  }
  try {
    await land(driveway, await approve(begun), begun.cookie)
  } finally {
    globalThis.fetch = fetch
  }
  return token
}

const day = 24 * 60 * 60_000

/** Makes a grant older than it is: received and last used so many milliseconds ago. */
async function grow(age: number): Promise<void> {
  const found = google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${sub}`))
  const then = { timestampValue: new Date(Date.now() - age).toISOString() }
  const fields = { ...found?.fields, grantedAt: then, usedAt: then }
  await fetch(`${google.url}/v1/${found?.name}`, {
    method: 'PATCH',
    body: JSON.stringify({ fields }),
  })
}

const detailOf = ({ body }: RawAnswer): string =>
  String((JSON.parse(body) as { detail?: unknown }).detail)

describe('one refresh for everybody (case 98)', () => {
  test('200 requests at once with a token that has expired', async () => {
    clock = 3_600_000
    const answers = await Promise.all(Array.from({ length: 200 }, () => get('/files?pageSize=1')))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(called('oauth.refresh')).toBe(1)
  })

  test('100 requests at each of two instances with a token that Google has just ended', async () => {
    const other = await cold()
    await get('/files', other)
    await google.oauth.control({ action: 'expireAccessTokens' })
    google.calls.length = 0
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        get('/files?pageSize=1', index % 2 ? other : driveway),
      ),
    )
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(called('oauth.refresh')).toBeLessThanOrEqual(2)
  })

  test('a refresh token that Google replaces in the middle of it is not lost', async () => {
    const other = await cold()
    await get('/files', other)
    const newer = await newRefreshToken()
    clock = 3_600_000
    google.faults.add({ operation: 'oauth.refresh', tokenResponse: { refresh_token: newer } })
    google.calls.length = 0
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => get('/files', index % 2 ? other : driveway)),
    )
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(called('oauth.refresh')).toBe(2)
    await google.oauth.control({ action: 'expireAccessTokens' })
    expect((await get('/files', await cold())).status).toBe(200)
  })

  test('a refresh that fails, fails all who wait for it, once', async () => {
    clock = 3_600_000
    google.faults.add({ operation: 'oauth.refresh', status: 503, latency: 300 })
    const answers = await Promise.all(Array.from({ length: 50 }, () => get('/files')))
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['auth_unavailable']))
    expect(called('oauth.refresh')).toBe(1)
    expect((await get('/files')).status).toBe(200)
  })
})

describe('a refresh that fails for now ends nothing', () => {
  test.each([
    [{ status: 500 }, 503, 'auth_unavailable'],
    [{ status: 429 }, 503, 'auth_unavailable'],
    [{ reset: true }, 503, 'auth_unavailable'],
    [{ status: 200, body: '<html>' }, 502, 'auth_bad_response'],
    [{ tokenResponse: { expires_in: 'abc' } }, 502, 'auth_bad_response'],
    [{ status: 307, headers: { location: 'http://127.0.0.1:9/' } }, 502, 'auth_bad_response'],
  ])('%p', async (fault, status, code) => {
    clock = 3_600_000
    google.faults.add({ operation: 'oauth.refresh', ...fault })
    const answer = await get('/files')
    expect([answer.status, codeOf(answer)]).toEqual([status, code])
    expect((await get('/files')).status).toBe(200)
  })

  test('a new refresh token replaces the old one; no new one leaves it (case 16)', async () => {
    const before = stored(google, 'grants')[0]?.['sealed']
    clock = 3_600_000
    await get('/files')
    expect(stored(google, 'grants')[0]?.['sealed']).toEqual(before)
    google.faults.add({ operation: 'oauth.refresh', tokenResponse: { refresh_token: '1//0new' } })
    clock = 7_200_000
    expect((await get('/files')).status).toBe(200)
    expect(stored(google, 'grants')[0]?.['sealed']).not.toEqual(before)
  })
})

describe('Google ends a grant (case 38)', () => {
  test.each([
    ['testing_expired', 'testing_expired', 8 * day, 60, /seven days/],
    ['unused', 'unused', 183 * day, 60, /six months/],
    ['revoked', 'revoked', 5 * day, 60, /taken back/],
    // An access token that is about to be renewed still works: its grant lives.
    ['too_many_tokens', 'too_many_tokens', 0, 56, /a hundred sign-ins/],
    ['reauth_policy', 'reauth_policy', 8 * day, 60, /organisation/],
    ['account_deleted', 'account_changed', 0, 60, /Google account.*has changed/],
    ['admin_policy', 'account_changed', 0, 60, /administrator/],
  ] as const)('%s: every later call says so, and asks Google no more', async (...row) => {
    const [how, code, age, minutes, cause] = row
    await grow(age)
    await google.oauth.control({ action: 'end', sub, how })
    clock = minutes * 60_000
    const other = await cold()
    // Who has used it lately knows more than the record says.
    const first = age > 0 ? other : driveway
    for (const house of [first, driveway, other]) {
      const answer = await get('/files', house)
      expect([answer.status, codeOf(answer)]).toEqual([401, 'reauth_required'])
      expect(detailOf(answer)).toMatch(cause)
    }
    expect(called('oauth.refresh')).toBe(1)
    const session = JSON.parse((await get('/auth/session')).body) as Record<string, unknown>
    expect(session).toMatchObject({
      signedIn: true,
      email: 'ada@example.com',
      grant: {
        state: 'dead',
        code,
        cause: expect.stringMatching(cause),
        reconnect: '/auth?reconnect=1',
      },
    })
    const told = first.logs.filter(({ message }) => message === 'grant_ended')
    expect(told.at(-1)).toMatchObject({ severity: 'NOTICE', audit: true, sub, code })
  })

  test('its owner takes it back while it is in use: the next call says so', async () => {
    await get('/files')
    await google.oauth.control({ action: 'revoke', sub })
    const answer = await get('/files')
    expect([answer.status, codeOf(answer)]).toEqual([401, 'reauth_required'])
    expect(JSON.parse(answer.body)).toMatchObject({
      detail: expect.stringMatching(/taken back/),
      link: '/auth?reconnect=1',
    })
  })

  test('half a day later Google only says "Bad Request", and nothing is made up', async () => {
    google.faults.add({
      operation: 'oauth.refresh',
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_grant","error_description":"Bad Request"}',
    })
    clock = 3_600_000
    expect(codeOf(await get('/files'))).toBe('reauth_required')
    const session = JSON.parse((await get('/auth/session')).body) as Record<string, unknown>
    expect(session['grant']).toMatchObject({ state: 'dead', code: 'unknown' })
  })

  test('and a sign-in after a long time notices that the old token is dead', async () => {
    await grow(200 * day)
    await google.oauth.control({ action: 'end', sub, how: 'unused' })
    clock = 3_600_000
    const { answer } = await signInAs(await cold())
    expect(new URL(answer.headers.location ?? '').searchParams.get('prompt')).toBe('consent')
  })

  test('a grant in use is written to once a day, however often it is refreshed', async () => {
    await grow(0)
    const uses: unknown[] = []
    for (let hours = 1; hours <= 50; hours += 1) {
      clock = hours * 3_600_000
      expect((await get('/files?pageSize=1')).status).toBe(200)
      uses.push(JSON.stringify(stored(google, 'grants')[0]?.['usedAt']))
    }
    expect(called('oauth.refresh')).toBe(50)
    expect(new Set(uses).size).toBe(3)
  })

  test('and a new sign-in brings it back, for the old session too', async () => {
    await google.oauth.control({ action: 'expireRefreshTokens', sub })
    await google.oauth.control({ action: 'expireAccessTokens' })
    expect((await get('/files')).status).toBe(401)
    const { answer, cookie } = await signInAs(driveway)
    // Consent was given before, so Google sends no refresh token unless it is asked again.
    const location = answer.headers.location ?? ''
    expect(new URL(location).searchParams.get('prompt')).toBe('consent')
    const landed = await land(driveway, await approve({ location, state: '', cookie }), cookie)
    expect(landed.headers.location).toBe(`${driveway.origin}/`)
    expect((await get('/files', await cold())).status).toBe(200)
    const session = JSON.parse((await get('/auth/session')).body) as Record<string, unknown>
    expect(session['grant']).toEqual({ state: 'active' })
  })
})

describe('the client’s secret is rotated', () => {
  const latest = { CLIENT_SECRET_NAME: 'projects/sandbox/secrets/driveway-client/versions/latest' }

  test('a gateway that holds the old one reads it again, once', async () => {
    const house = await cold(latest)
    expect((await get('/files', house)).status).toBe(200)
    const { clientId, clientSecret } = google
    await google.oauth.control({ action: 'rotateSecret', client_id: clientId, add: 'GOCSPX-2' })
    const remove = { action: 'rotateSecret', client_id: clientId, remove: clientSecret } as const
    await google.oauth.control(remove)
    const file = { web: { client_id: clientId, client_secret: 'GOCSPX-2' } }
    google.secrets.set('driveway-client', JSON.stringify(file))
    clock = 3_600_000
    google.calls.length = 0
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/files', house)))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(called('oauth.refresh')).toBeLessThanOrEqual(2)
    // Without a newer secret to be had it is our own fault, and ends no grant.
    const stale = await cold()
    const answer = await get('/files', stale)
    expect([answer.status, codeOf(answer)]).toEqual([502, 'auth_misconfigured'])
    expect((await get('/files', house)).status).toBe(200)
    await google.oauth.control({ action: 'rotateSecret', client_id: clientId, add: clientSecret })
    google.secrets.set(
      'driveway-client',
      JSON.stringify({ web: { client_id: clientId, client_secret: clientSecret } }),
    )
  })

  test.each([
    ['disabled', (name: string, version: number) => google.secrets.disable(name, version)],
    ['destroyed', (name: string, version: number) => google.secrets.destroy(name, version)],
  ])('a version that is %s stops a new gateway, not one that holds it', async (how, end) => {
    const name = `client-${how}`
    const { clientId: id, clientSecret } = google
    const version = google.secrets.set(
      name,
      JSON.stringify({ web: { client_id: id, client_secret: clientSecret } }),
    )
    const warm = await cold({ CLIENT_SECRET_NAME: version })
    await begin(warm)
    end(name, 1)
    expect((await begin(warm)).location).toContain(id)
    const answer = await get('/auth', await cold({ CLIENT_SECRET_NAME: version }))
    expect([answer.status, codeOf(answer)]).toEqual([503, 'misconfigured'])
    expect(answer.body).not.toContain(name)
  })
})
