/** Token refreshes and revoked grants: responses to the owner and requests to Google. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import { recordRequests } from '../kit/received-requests.ts'
import {
  approveConsent,
  startSignIn,
  completeSignIn,
  signInAs,
  storedDocuments,
} from '../kit/sign-in.ts'
import { waitFor } from '../kit/wait-for.ts'

let clock = 0
const driveway = await startDriveway({ gateway: { now: () => Date.now() + clock } })
const { google, sub } = driveway
const instances: Driveway[] = []

afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.close()
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

/** Starts another instance at the same sandbox, with empty caches. */
async function freshInstance(env: Record<string, string> = {}): Promise<Driveway> {
  const instance = await startDriveway({
    sharing: driveway,
    env,
    gateway: { now: () => Date.now() + clock },
  })
  instances.push(instance)
  return instance
}

const get = (path: string, at = driveway): Promise<RawResponse> =>
  send(at.origin, path, { headers: driveway.session })

const countCalls = (operation: string): number =>
  google.calls.filter((call) => call === operation).length

/** Gets another refresh token of the same account from the sandbox. */
async function newRefreshToken(): Promise<string> {
  const started = await startSignIn(driveway, {
    query: 'missing=drive.file,drive.metadata.readonly',
  })
  const { fetch } = globalThis
  let token = ''
  globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init)
    const text = await response.clone().text()
    token ||= /"refresh_token":"([^"]+)"/.exec(text)?.[1] ?? ''
    return response
  }
  try {
    await completeSignIn(driveway, await approveConsent(started), started.cookie)
  } finally {
    globalThis.fetch = fetch
  }
  return token
}

const day = 24 * 60 * 60_000

/** Backdates the grant: granted and last used `age` milliseconds ago. */
async function backdateGrant(age: number): Promise<void> {
  const grant = google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${sub}`))
  const date = { timestampValue: new Date(Date.now() - age).toISOString() }
  const fields = { ...grant?.fields, grantedAt: date, usedAt: date }
  await replaceDocument(google, grant?.name ?? '', fields)
}

const detailOf = ({ body }: RawResponse): string =>
  String((JSON.parse(body) as { detail?: unknown }).detail)

describe('concurrent GET /files requests', () => {
  test('cause one refresh for 200 requests with an expired access token', async () => {
    clock = 3_600_000
    const responses = await Promise.all(Array.from({ length: 200 }, () => get('/files?pageSize=1')))
    expect(responses.filter(({ status }) => status !== 200)).toEqual([])
    expect(countCalls('oauth.refresh')).toBe(1)
  })

  test('cause at most two refreshes for 100 requests at each of two instances with a revoked access token', async () => {
    const other = await freshInstance()
    await get('/files', other)
    await google.oauth.control({ action: 'expireAccessTokens' })
    google.calls.length = 0
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        get('/files?pageSize=1', index % 2 ? other : driveway),
      ),
    )
    expect(responses.filter(({ status }) => status !== 200)).toEqual([])
    expect(countCalls('oauth.refresh')).toBeLessThanOrEqual(2)
  })

  test('save a refresh token that Google replaces meanwhile', async () => {
    const other = await freshInstance()
    await get('/files', other)
    const newer = await newRefreshToken()
    clock = 3_600_000
    google.faults.add({ operation: 'oauth.refresh', tokenResponse: { refresh_token: newer } })
    google.calls.length = 0
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, index) => get('/files', index % 2 ? other : driveway)),
    )
    expect(responses.filter(({ status }) => status !== 200)).toEqual([])
    expect(countCalls('oauth.refresh')).toBe(2)
    await google.oauth.control({ action: 'expireAccessTokens' })
    expect((await get('/files', await freshInstance())).status).toBe(200)
  })

  test('all fail with one failed refresh, and the next request succeeds', async () => {
    expect((await get('/files')).status).toBe(200) // caches the session
    clock = 3_600_000
    google.calls.length = 0
    google.faults.add({ operation: 'oauth.refresh', status: 503, hold: 'request' })
    const { sockets, stop } = recordRequests()
    const responding = Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        send(driveway.origin, '/files', {
          headers: { ...driveway.session, 'x-test-id': String(index) },
        }),
      ),
    )
    await waitFor(() => sockets.size === 50 && google.calls.includes('oauth.refresh'))
    stop()
    google.faults.release()
    const responses = await responding
    expect(new Set(responses.map(problemCode))).toEqual(new Set(['auth_unavailable']))
    expect(countCalls('oauth.refresh')).toBe(1)
    expect((await get('/files')).status).toBe(200)
  })
})

describe('GET /files after a temporary refresh error', () => {
  test.each([
    [{ status: 500 }, 503, 'auth_unavailable'],
    [{ status: 429 }, 503, 'auth_unavailable'],
    [{ status: 408, htmlPage: true }, 503, 'auth_unavailable'],
    [{ reset: true }, 503, 'auth_unavailable'],
    [{ status: 200, body: '<html>' }, 502, 'auth_bad_response'],
    [{ tokenResponse: { expires_in: 'abc' } }, 502, 'auth_bad_response'],
    [{ status: 307, headers: { location: 'http://127.0.0.1:9/' } }, 502, 'auth_bad_response'],
  ])('returns the error for %p, and 200 on the next request', async (fault, status, code) => {
    clock = 3_600_000
    google.faults.add({ operation: 'oauth.refresh', ...fault })
    const response = await get('/files')
    expect([response.status, problemCode(response)]).toEqual([status, code])
    expect((await get('/files')).status).toBe(200)
  })

  test('saves a new refresh token, and keeps the old one when there is none', async () => {
    const before = storedDocuments(google, 'grants')[0]?.['sealed']
    clock = 3_600_000
    await get('/files')
    expect(storedDocuments(google, 'grants')[0]?.['sealed']).toEqual(before)
    google.faults.add({ operation: 'oauth.refresh', tokenResponse: { refresh_token: '1//0new' } })
    clock = 7_200_000
    expect((await get('/files')).status).toBe(200)
    expect(storedDocuments(google, 'grants')[0]?.['sealed']).not.toEqual(before)
  })
})

describe('a grant that Google has revoked', () => {
  test.each([
    ['testing_expired', 'testing_expired', 8 * day, 60, /seven days/],
    ['unused', 'unused', 183 * day, 60, /six months/],
    ['revoked', 'revoked', 5 * day, 60, /revoked in your Google Account/],
    // An access token that is due for a refresh is still accepted: its grant is valid.
    ['too_many_tokens', 'too_many_tokens', 0, 56, /a hundred sign-ins/],
    ['reauth_policy', 'reauth_policy', 8 * day, 60, /organisation/],
    ['account_deleted', 'account_changed', 0, 60, /Google account.*has changed/],
    ['admin_policy', 'account_changed', 0, 60, /administrator/],
  ] as const)(
    '%s: every later request returns 401 with the cause, without a request to Google',
    async (...row) => {
      const [reason, code, age, minutes, cause] = row
      await backdateGrant(age)
      await google.oauth.control({ action: 'endGrants', sub, reason })
      clock = minutes * 60_000
      const other = await freshInstance()
      // The instance that used the grant last knows more than the stored record.
      const first = age > 0 ? other : driveway
      for (const instance of [first, driveway, other]) {
        const response = await get('/files', instance)
        expect([response.status, problemCode(response)]).toEqual([401, 'reauth_required'])
        expect(detailOf(response)).toMatch(cause)
      }
      expect(countCalls('oauth.refresh')).toBe(1)
      const session = JSON.parse((await get('/auth/session')).body) as Record<string, unknown>
      expect(session).toMatchObject({
        signedIn: true,
        email: 'ada@example.com',
        grant: {
          state: 'revoked',
          code,
          cause: expect.stringMatching(cause),
          reconnect: '/auth?reconnect=1',
        },
      })
      const events = first.logs.filter(({ message }) => message === 'grant_revoked')
      expect(events.at(-1)).toMatchObject({ severity: 'NOTICE', audit: true, sub, code })
    },
  )

  test('GET /files returns 401 on the next request after the owner has revoked the grant', async () => {
    await get('/files')
    await google.oauth.control({ action: 'revoke', sub })
    const response = await get('/files')
    expect([response.status, problemCode(response)]).toEqual([401, 'reauth_required'])
    expect(JSON.parse(response.body)).toMatchObject({
      detail: expect.stringMatching(/revoked in your Google Account/),
      link: '/auth?reconnect=1',
    })
  })

  test('GET /auth/session returns the code unknown when Google returns only "Bad Request"', async () => {
    google.faults.add({
      operation: 'oauth.refresh',
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_grant","error_description":"Bad Request"}',
    })
    clock = 3_600_000
    expect(problemCode(await get('/files'))).toBe('reauth_required')
    const session = JSON.parse((await get('/auth/session')).body) as Record<string, unknown>
    expect(session['grant']).toMatchObject({ state: 'revoked', code: 'unknown' })
  })

  test('a sign-in requests consent when the refresh token was revoked meanwhile', async () => {
    await backdateGrant(200 * day)
    await google.oauth.control({ action: 'endGrants', sub, reason: 'unused' })
    clock = 3_600_000
    const { response } = await signInAs(await freshInstance())
    expect(new URL(response.headers.location ?? '').searchParams.get('prompt')).toBe('consent')
  })

  test('a grant in use is written once a day, for any number of refreshes', async () => {
    await backdateGrant(0)
    const uses: unknown[] = []
    for (let hours = 1; hours <= 50; hours += 1) {
      clock = hours * 3_600_000
      expect((await get('/files?pageSize=1')).status).toBe(200)
      uses.push(JSON.stringify(storedDocuments(google, 'grants')[0]?.['usedAt']))
    }
    expect(countCalls('oauth.refresh')).toBe(50)
    expect(new Set(uses).size).toBe(3)
  })

  test('a new sign-in restores the grant, for the old session too', async () => {
    await google.oauth.control({ action: 'expireRefreshTokens', sub })
    await google.oauth.control({ action: 'expireAccessTokens' })
    expect((await get('/files')).status).toBe(401)
    const { response, cookie } = await signInAs(driveway)
    // After an earlier consent, Google returns a refresh token only when consent is requested again.
    const location = response.headers.location ?? ''
    expect(new URL(location).searchParams.get('prompt')).toBe('consent')
    const callback = await completeSignIn(
      driveway,
      await approveConsent({ location, state: '', cookie }),
      cookie,
    )
    expect(callback.headers.location).toBe(`${driveway.origin}/`)
    expect((await get('/files', await freshInstance())).status).toBe(200)
    const session = JSON.parse((await get('/auth/session')).body) as Record<string, unknown>
    expect(session['grant']).toEqual({ state: 'active' })
  })
})

describe('after a rotation of the client secret', () => {
  const latest = { CLIENT_SECRET_NAME: 'projects/sandbox/secrets/driveway-client/versions/latest' }

  test('an instance with the old secret reads it again, once', async () => {
    const instance = await freshInstance(latest)
    expect((await get('/files', instance)).status).toBe(200)
    const { clientId, clientSecret } = google
    await google.oauth.control({ action: 'rotateSecret', client_id: clientId, add: 'GOCSPX-2' })
    const remove = { action: 'rotateSecret', client_id: clientId, remove: clientSecret } as const
    await google.oauth.control(remove)
    const file = { web: { client_id: clientId, client_secret: 'GOCSPX-2' } }
    google.secrets.set('driveway-client', JSON.stringify(file))
    clock = 3_600_000
    google.calls.length = 0
    const responses = await Promise.all(Array.from({ length: 20 }, () => get('/files', instance)))
    expect(responses.filter(({ status }) => status !== 200)).toEqual([])
    expect(countCalls('oauth.refresh')).toBeLessThanOrEqual(2)
    // Without a newer secret the gateway is misconfigured; the grant stays active.
    const stale = await freshInstance()
    const response = await get('/files', stale)
    expect([response.status, problemCode(response)]).toEqual([502, 'auth_misconfigured'])
    expect((await get('/files', instance)).status).toBe(200)
    await google.oauth.control({ action: 'rotateSecret', client_id: clientId, add: clientSecret })
    google.secrets.set(
      'driveway-client',
      JSON.stringify({ web: { client_id: clientId, client_secret: clientSecret } }),
    )
  })

  test.each([
    ['disabled', (name: string, version: number) => google.secrets.disable(name, version)],
    ['destroyed', (name: string, version: number) => google.secrets.destroy(name, version)],
  ])('a %s version stops a new instance, but not one that has cached it', async (state, end) => {
    const name = `client-${state}`
    const { clientId: id, clientSecret } = google
    const version = google.secrets.set(
      name,
      JSON.stringify({ web: { client_id: id, client_secret: clientSecret } }),
    )
    const warm = await freshInstance({ CLIENT_SECRET_NAME: version })
    await startSignIn(warm)
    end(name, 1)
    expect((await startSignIn(warm)).location).toContain(id)
    const response = await get('/auth', await freshInstance({ CLIENT_SECRET_NAME: version }))
    expect([response.status, problemCode(response)]).toEqual([503, 'misconfigured'])
    expect(response.body).not.toContain(name)
  })
})
