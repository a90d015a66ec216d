/** Partial grants, reconnecting a grant (`/auth?reconnect=1`), and `DELETE /auth/grant`. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { GatewayOptions, GatewayTimeouts } from '../../functions/app/gateway.ts'
import { mintToken } from '../../infra/local/sign-in.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  requestDeviceCode,
  decideDeviceRequest,
  oauthErrorOf,
  pollToken,
} from '../kit/device-flow.ts'
import type { DeviceAuthorization } from '../kit/device-flow.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import { putFile } from '../kit/requests.ts'
import { createToken } from '../kit/tokens.ts'
import {
  approveConsent,
  startSignIn,
  cookieFrom,
  completeSignIn,
  signInAs,
  storedDocuments,
} from '../kit/sign-in.ts'

const drive = 'https://www.googleapis.com/auth/drive'
let clock = 0
/** The timeouts of all gateways; the defaults unless a test sets them. */
const timeouts: GatewayTimeouts = {}
/** Milliseconds of each backoff, which does not sleep in reality. */
const sleeps: number[] = []
const gatewayOptions: GatewayOptions = {
  now: () => Date.now() + clock,
  timeouts,
  sleep: async (ms) => void sleeps.push(ms),
}
const driveway = await startDriveway({
  isSignedIn: false,
  env: { ACCESS_PROFILE: 'own' },
  gateway: gatewayOptions,
})
const { google, sub } = driveway
const instances: Driveway[] = []
let cookie = ''

afterEach(async () => {
  for (const gateway of instances.splice(0)) await gateway.close()
})
afterAll(() => driveway.close())
beforeEach(async () => {
  clock = 0
  sleeps.length = 0
  delete timeouts.firestore
  google.faults.clear()
  for (const user of google.oauth.users) {
    await google.oauth.control({ action: 'revoke', sub: user.sub })
  }
  google.firestore.clear()
  ;({ cookie } = await signInAs(driveway))
  google.calls.length = 0
})

/** Starts another instance, optionally with other settings. */
async function startInstance(env: Record<string, string> = {}): Promise<Driveway> {
  const gateway = await startDriveway({
    sharing: driveway,
    env: { ACCESS_PROFILE: 'own', ...env },
    gateway: gatewayOptions,
  })
  instances.push(gateway)
  return gateway
}

const getAs = (
  gateway: Driveway,
  path: string,
  headers?: Record<string, string>,
): Promise<RawResponse> =>
  send(gateway.origin, path, { headers: headers ?? { cookie, origin: driveway.origin } })

async function grantStatusAt(gateway: Driveway): Promise<unknown> {
  return (JSON.parse((await getAs(gateway, '/auth/session')).body) as { grant: unknown }).grant
}

const authorizationParams = ({ location }: { location: string }): Record<string, string> =>
  Object.fromEntries(new URL(location).searchParams)

describe('an access profile with more scopes than before', () => {
  const wider = { ACCESS_PROFILE: 'browse' }

  test('GET /auth/session returns a partial grant, and uploads still work', async () => {
    const gateway = await startInstance(wider)
    expect(await grantStatusAt(driveway)).toEqual({ state: 'active' })
    expect(await grantStatusAt(gateway)).toEqual({
      state: 'partial',
      missing: [`${drive}.metadata.readonly`],
      cause: expect.stringContaining('asks for more'),
      reconnect: '/auth?reconnect=1',
    })
    const uploaded = await putFile(gateway, { cookie, origin: driveway.origin })
    expect(uploaded.status).toBe(201)
  })

  test('The reconnect link requests only the missing scopes of the same account and completes the grant', async () => {
    const gateway = await startInstance(wider)
    const started = await startSignIn(gateway, { cookie, query: 'reconnect=1' })
    expect(authorizationParams(started)).toMatchObject({
      scope: `openid email ${drive}.metadata.readonly`,
      include_granted_scopes: 'true',
      prompt: 'consent',
      login_hint: 'ada@example.com',
    })
    const completed = await completeSignIn(gateway, await approveConsent(started), started.cookie)
    expect(completed.status).toBe(303)
    cookie = cookieFrom(completed)
    expect(await grantStatusAt(gateway)).toEqual({ state: 'active' })
    // The stored refresh token covers all scopes, also after the access token has expired.
    clock = 3_600_000
    google.calls.length = 0
    expect((await getAs(await startInstance(wider), '/files')).status).toBe(200)
    expect(google.calls).toContain('oauth.refresh')
    expect(gateway.logs.filter(({ message }) => message === 'sign_in')).toMatchObject([
      { audit: true, sub, newGrant: true, reconnect: true },
    ])
  })

  test('A default sign-in also completes the grant, with a forced consent', async () => {
    const gateway = await startInstance(wider)
    const { response, cookie: binding } = await signInAs(gateway)
    const location = response.headers.location ?? ''
    expect(authorizationParams({ location })).toMatchObject({ prompt: 'consent' })
    const completed = await completeSignIn(
      gateway,
      await approveConsent({ location, state: '', cookie: binding }),
      binding,
    )
    cookie = cookieFrom(completed)
    expect(await grantStatusAt(gateway)).toEqual({ state: 'active' })
  })

  test('A grant with more scopes than requested is active', async () => {
    const gateway = await startInstance({ ACCESS_PROFILE: 'full' })
    const started = await startSignIn(gateway, { cookie, query: 'reconnect=1' })
    const completed = await completeSignIn(gateway, await approveConsent(started), started.cookie)
    cookie = cookieFrom(completed)
    expect(await grantStatusAt(gateway)).toEqual({ state: 'active' })
    expect(await grantStatusAt(await startInstance(wider))).toEqual({ state: 'active' })
    expect(await grantStatusAt(driveway)).toEqual({ state: 'active' })
  })
})

describe('GET /auth?reconnect=1', () => {
  test('requests all scopes of the same account for a revoked grant', async () => {
    await google.oauth.control({ action: 'endGrants', sub, reason: 'testing_expired' })
    clock = 3_600_000
    expect(problemCode(await getAs(driveway, '/files'))).toBe('reauth_required')
    const started = await startSignIn(driveway, { cookie, query: 'reconnect=1' })
    expect(authorizationParams(started)).toMatchObject({
      scope: `openid email ${drive}.file`,
      prompt: 'consent',
      login_hint: 'ada@example.com',
    })
    const completed = await completeSignIn(driveway, await approveConsent(started), started.cookie)
    expect(completed.status).toBe(303)
    cookie = cookieFrom(completed)
    expect(await grantStatusAt(driveway)).toEqual({ state: 'active' })
    clock += 3_600_000
    expect((await getAs(driveway, '/files')).status).toBe(200)
  })

  test('sends login_hint without prompt for an active grant', async () => {
    const params = authorizationParams(
      await startSignIn(driveway, { cookie, query: 'reconnect=1' }),
    )
    expect(params['login_hint']).toBe('ada@example.com')
    expect(params).not.toHaveProperty('prompt')
  })

  test('starts a default sign-in without a valid session or from another site', async () => {
    for (const headers of [
      {},
      { cookie: `__session=${'A'.repeat(43)}.` },
      { cookie, 'sec-fetch-site': 'cross-site' },
      { cookie, origin: 'https://evil.example' },
    ] as Record<string, string>[]) {
      const response = await getAs(driveway, '/auth?reconnect=1', headers)
      expect(authorizationParams({ location: response.headers.location ?? '' })).not.toHaveProperty(
        'login_hint',
      )
    }
  })

  test('returns 503 store_unavailable when Firestore is unavailable', async () => {
    timeouts.firestore = 200
    google.faults.add({ operation: 'firestore.*', status: 503, times: 99 })
    const response = await getAs(driveway, '/auth?reconnect=1')
    expect([response.status, problemCode(response)]).toEqual([503, 'store_unavailable'])
  })

  test('GET /auth?choose=1 requests the account chooser', async () => {
    const params = authorizationParams(await startSignIn(driveway, { cookie, query: 'choose=1' }))
    expect(params['prompt']).toBe('select_account')
  })
})

/** Adds `count` credentials to the account. */
async function addCredentials(count: number): Promise<void> {
  const existing = google.firestore
    .dump()
    .find(({ name, fields }) => name.includes('/credentials/') && belongsTo(fields, sub))
  const [, documents, path] = /^(.*\/documents)(\/credentials\/)/.exec(existing?.name ?? '') ?? []
  const writes = Array.from({ length: count }, (_, index) => ({
    update: {
      name: `${documents}${path}${`${index}`.padStart(64, '0')}`,
      fields: existing?.fields,
    },
  }))
  for (let start = 0; start < count; start += 500) {
    const body = JSON.stringify({ writes: writes.slice(start, start + 500) })
    const response = await fetch(`${google.url}/v1/${documents}:commit`, { method: 'POST', body })
    expect(response.status).toBe(200)
  }
}

const belongsTo = (fields: Record<string, unknown>, account: string): boolean =>
  JSON.stringify(fields['sub']) === JSON.stringify({ stringValue: account })

const disconnect = (
  headers: Record<string, string> = { cookie, origin: driveway.origin },
): Promise<RawResponse> => send(driveway.origin, '/auth/grant', { method: 'DELETE', headers })

describe('DELETE /auth/grant', () => {
  test('deletes all data of the account and revokes the grant at Google', async () => {
    const { cookie: second } = await signInAs(driveway)
    const bearer = { authorization: `Bearer ${await mintToken(driveway.origin, cookie, 'script')}` }
    const { cookie: other } = await signInAs(driveway, { email: 'ben@example.com' })
    google.calls.length = 0
    const response = await disconnect()
    expect([response.status, response.body]).toEqual([204, ''])
    expect(response.headers['set-cookie']).toEqual([
      '__session=.; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    ])
    expect(google.calls).toContain('oauth.revoke')
    for (const headers of [{ cookie }, { cookie: second }, bearer]) {
      expect((await getAs(driveway, '/files', headers)).status).toBe(401)
    }
    expect(storedDocuments(google, 'grants')).toHaveLength(1)
    expect(JSON.stringify(storedDocuments(google, 'credentials'))).not.toContain(sub)
    expect((await getAs(driveway, '/files', { cookie: other })).status).toBe(200)
    expect(driveway.logs.filter(({ message }) => message === 'disconnect').at(-1)).toMatchObject({
      severity: 'NOTICE',
      audit: true,
      sub,
      revokedAtGoogle: true,
    })
    // Google asks for consent again.
    expect((await signInAs(driveway)).response.headers.location).toBe(`${driveway.origin}/`)
  })

  test('invalidates an approved device code, also after a new sign-in', async () => {
    const gateway = await startInstance()
    const session = { cookie, origin: driveway.origin }
    const terminals = [
      await requestDeviceCode(driveway),
      await requestDeviceCode(driveway),
      await requestDeviceCode(driveway),
    ]
    const [approved, fetched, pending] = terminals as [
      DeviceAuthorization,
      DeviceAuthorization,
      DeviceAuthorization,
    ]
    for (const { user_code } of [approved, fetched]) {
      expect((await decideDeviceRequest(driveway, user_code, {}, session)).status).toBe(204)
    }
    expect((await pollToken(driveway, fetched)).status).toBe(200)
    expect((await disconnect()).status).toBe(204)
    await signInAs(driveway)
    for (const instance of [driveway, gateway]) {
      expect(oauthErrorOf(await pollToken(instance, approved))).toBe('invalid_grant')
    }
    // A code without a decision stays pending.
    expect(oauthErrorOf(await pollToken(driveway, pending))).toBe('authorization_pending')
    expect(JSON.stringify(storedDocuments(google, 'devices'))).not.toContain(sub)
  })

  test('deletes more credentials than one query returns', async () => {
    const { cookie: other } = await signInAs(driveway, { email: 'ben@example.com' })
    await addCredentials(1_203)
    expect(storedDocuments(google, 'credentials').length).toBeGreaterThan(1_203)
    expect((await disconnect()).status).toBe(204)
    expect(storedDocuments(google, 'credentials')).toHaveLength(1)
    expect((await getAs(driveway, '/files', { cookie: other })).status).toBe(200)
  })

  test('deletes the usage counters of the tokens', async () => {
    const account = { origin: driveway.origin, session: { cookie, origin: driveway.origin } }
    const { id, token } = await createToken(account, { name: 'counted', maxFiles: 5 })
    const uploaded = await putFile(driveway, { authorization: `Bearer ${token}` })
    expect(uploaded.status).toBe(201)
    const isCounted = (): boolean =>
      google.firestore.dump().some(({ name }) => name.endsWith(`/usage/${id}`))
    expect(isCounted()).toBe(true)
    expect((await disconnect()).status).toBe(204)
    expect(isCounted()).toBe(false)
  })

  test('keeps the session for a retry when deleting the device codes fails', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code, {}, { cookie, origin: driveway.origin })
    google.faults.add({ operation: 'firestore.runQuery', status: 403, times: 1 })
    expect((await disconnect()).status).toBe(503)
    expect((await disconnect()).status).toBe(200)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('invalid_grant')
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('takes effect at another instance within a minute', async () => {
    const gateway = await startInstance()
    expect((await getAs(gateway, '/files')).status).toBe(200)
    await disconnect()
    clock = 60_001
    expect((await getAs(gateway, '/files')).status).toBe(401)
  })

  test.each([
    ['returns 503', { status: 503, times: 9 }],
    ['returns 408 with an HTML page', { status: 408, htmlPage: true, times: 9 }],
    ['resets the connection', { reset: true, times: 9 }],
  ])(
    'deletes the account when Google %s, and returns a link to Google’s permissions page',
    async (_, fault) => {
      google.faults.add({ operation: 'oauth.revoke', ...fault })
      const response = await disconnect()
      expect(response.status).toBe(200)
      expect(JSON.parse(response.body)).toEqual({
        disconnected: true,
        revokedAtGoogle: false,
        detail: expect.stringContaining('All data of this account is deleted here'),
        link: 'https://myaccount.google.com/connections',
      })
      expect(storedDocuments(google, 'grants')).toEqual([])
      expect(storedDocuments(google, 'credentials')).toEqual([])
      expect(google.calls.filter((call) => call === 'oauth.revoke')).toHaveLength(3)
      expect(sleeps).toEqual([400, 600])
    },
  )

  test('retries the revocation after an error of Google', async () => {
    google.faults.add({ operation: 'oauth.revoke', status: 500 })
    expect((await disconnect()).status).toBe(204)
    expect(google.calls.filter((call) => call === 'oauth.revoke')).toHaveLength(2)
  })

  test('returns 204 when Google has already revoked the grant', async () => {
    await google.oauth.control({ action: 'revoke', sub })
    expect((await disconnect()).status).toBe(204)
  })

  test('revokes at Google even when Firestore fails, and a retry completes the deletion', async () => {
    google.faults.add({ operation: 'firestore.runQuery', status: 403, times: 1 })
    const response = await disconnect()
    expect(response.status).toBe(503)
    expect(google.calls).toContain('oauth.revoke')
    expect(storedDocuments(google, 'grants')).toEqual([])
    google.faults.clear()
    expect((await disconnect()).status).toBe(200)
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('deletes an unreadable grant', async () => {
    const [record] = google.firestore.dump().filter(({ name }) => name.includes('/grants/'))
    const fields = { ...record?.fields, sealed: { stringValue: 'x' } }
    await replaceDocument(google, record?.name ?? '', fields)
    const response = await disconnect()
    expect(JSON.parse(response.body)).toMatchObject({ revokedAtGoogle: false })
    expect(storedDocuments(google, 'grants')).toEqual([])
  })

  test('requires a session and an allowed origin', async () => {
    const bearer = { authorization: `Bearer ${await mintToken(driveway.origin, cookie, 'script')}` }
    const responses = [
      await disconnect(bearer),
      await disconnect({ cookie, origin: 'https://evil.example' }),
      await disconnect({ cookie }),
      await disconnect({}),
    ]
    expect(responses.map(problemCode)).toEqual([
      'scope_insufficient',
      'csrf',
      'csrf',
      'login_required',
    ])
    expect(storedDocuments(google, 'grants')).toHaveLength(1)
  })
})
