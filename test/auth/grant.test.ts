/** A grant that is not whole, a grant that is mended, a grant that its owner ends. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mintToken } from '../../infra/local/sign-in.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import {
  requestDeviceCode,
  decideDeviceRequest,
  oauthErrorOf,
  pollToken,
} from '../kit/device-flow.ts'
import type { DeviceAuthorization } from '../kit/device-flow.ts'
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
const own = await startDriveway({
  signedIn: false,
  env: { ACCESS_PROFILE: 'own' },
  gateway: { now: () => Date.now() + clock },
})
const { google, sub } = own
const houses: Driveway[] = []
let cookie = ''

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close()
})
afterAll(() => own.close())
beforeEach(async () => {
  clock = 0
  google.faults.clear()
  for (const user of google.oauth.users) {
    await google.oauth.control({ action: 'revoke', sub: user.sub })
  }
  google.firestore.clear()
  ;({ cookie } = await signInAs(own))
  google.calls.length = 0
})

/** Another instance, perhaps set up differently since. */
async function beside(env: Record<string, string> = {}): Promise<Driveway> {
  const house = await startDriveway({
    beside: own,
    env: { ACCESS_PROFILE: 'own', ...env },
    gateway: { now: () => Date.now() + clock },
  })
  houses.push(house)
  return house
}

const get = (at: Driveway, path: string, headers?: Record<string, string>): Promise<RawAnswer> =>
  send(at.origin, path, { headers: headers ?? { cookie, origin: own.origin } })

async function grantAt(house: Driveway): Promise<unknown> {
  return (JSON.parse((await get(house, '/auth/session')).body) as { grant: unknown }).grant
}

const askedBy = ({ location }: { location: string }): Record<string, string> =>
  Object.fromEntries(new URL(location).searchParams)

describe('the operator asks for more than before', () => {
  const wider = { ACCESS_PROFILE: 'browse' }

  test('the session says so, and what was allowed goes on', async () => {
    const house = await beside(wider)
    expect(await grantAt(own)).toEqual({ state: 'active' })
    expect(await grantAt(house)).toEqual({
      state: 'partial',
      missing: [`${drive}.metadata.readonly`],
      cause: expect.stringContaining('asks for more'),
      reconnect: '/auth?reconnect=1',
    })
    const made = await send(house.origin, '/upload/x.txt', {
      method: 'PUT',
      headers: { cookie, origin: own.origin },
      body: 'x',
    })
    expect(made.status).toBe(201)
  })

  test('the link asks for that alone, of the same person, and then all is there', async () => {
    const house = await beside(wider)
    const begun = await startSignIn(house, { cookie, query: 'reconnect=1' })
    expect(askedBy(begun)).toMatchObject({
      scope: `openid email ${drive}.metadata.readonly`,
      include_granted_scopes: 'true',
      prompt: 'consent',
      login_hint: 'ada@example.com',
    })
    const landed = await completeSignIn(house, await approveConsent(begun), begun.cookie)
    expect(landed.status).toBe(303)
    cookie = cookieFrom(landed)
    expect(await grantAt(house)).toEqual({ state: 'active' })
    // And not for the hour of one access token: what is stored stands for all of it.
    clock = 3_600_000
    google.calls.length = 0
    expect((await get(await beside(wider), '/files')).status).toBe(200)
    expect(google.calls).toContain('oauth.refresh')
    expect(house.logs.filter(({ message }) => message === 'sign_in')).toMatchObject([
      { audit: true, sub, newGrant: true, reconnect: true },
    ])
  })

  test('a usual sign-in ends with all of it as well, whatever Google leaves out', async () => {
    const house = await beside(wider)
    const { answer, cookie: binding } = await signInAs(house)
    const location = answer.headers.location ?? ''
    expect(askedBy({ location })).toMatchObject({ prompt: 'consent' })
    const landed = await completeSignIn(
      house,
      await approveConsent({ location, state: '', cookie: binding }),
      binding,
    )
    cookie = cookieFrom(landed)
    expect(await grantAt(house)).toEqual({ state: 'active' })
  })

  test('less than before is whole', async () => {
    const house = await beside({ ACCESS_PROFILE: 'full' })
    const begun = await startSignIn(house, { cookie, query: 'reconnect=1' })
    await completeSignIn(house, await approveConsent(begun), begun.cookie)
    expect(await grantAt(house)).toEqual({ state: 'active' })
    expect(await grantAt(await beside(wider))).toEqual({ state: 'active' })
    expect(await grantAt(own)).toEqual({ state: 'active' })
  })
})

describe('GET /auth?reconnect=1', () => {
  test('of a dead grant asks for everything again, of the same person (case 38)', async () => {
    await google.oauth.control({ action: 'end', sub, how: 'testing_expired' })
    clock = 3_600_000
    expect(codeOf(await get(own, '/files'))).toBe('reauth_required')
    const begun = await startSignIn(own, { cookie, query: 'reconnect=1' })
    expect(askedBy(begun)).toMatchObject({
      scope: `openid email ${drive}.file`,
      prompt: 'consent',
      login_hint: 'ada@example.com',
    })
    const landed = await completeSignIn(own, await approveConsent(begun), begun.cookie)
    expect(landed.status).toBe(303)
    expect(await grantAt(own)).toEqual({ state: 'active' })
    clock += 3_600_000
    expect((await get(own, '/files')).status).toBe(200)
  })

  test('of a whole grant names the account and asks for nothing more', async () => {
    const asked = askedBy(await startSignIn(own, { cookie, query: 'reconnect=1' }))
    expect(asked['login_hint']).toBe('ada@example.com')
    expect(asked).not.toHaveProperty('prompt')
  })

  test('of nobody, or from another site’s page, is a usual sign-in', async () => {
    for (const headers of [
      {},
      { cookie: `__session=${'A'.repeat(43)}.` },
      { cookie, 'sec-fetch-site': 'cross-site' },
      { cookie, origin: 'https://evil.example' },
    ] as Record<string, string>[]) {
      const answer = await get(own, '/auth?reconnect=1', headers)
      expect(askedBy({ location: answer.headers.location ?? '' })).not.toHaveProperty('login_hint')
    }
  })

  test('says so when the store does not answer (case 85)', async () => {
    google.faults.add({ operation: 'firestore.*', status: 503, times: 99 })
    const answer = await get(own, '/auth?reconnect=1')
    expect([answer.status, codeOf(answer)]).toEqual([503, 'store_unavailable'])
  })

  test('choose=1 offers another account', async () => {
    const asked = askedBy(await startSignIn(own, { cookie, query: 'choose=1' }))
    expect(asked['prompt']).toBe('select_account')
  })
})

/** As many more as this, of the account, beside those that it has. */
async function addCredentials(count: number): Promise<void> {
  const one = google.firestore
    .dump()
    .find(({ name, fields }) => name.includes('/credentials/') && isOf(fields, sub))
  const [, documents, path] = /^(.*\/documents)(\/credentials\/)/.exec(one?.name ?? '') ?? []
  const writes = Array.from({ length: count }, (_, index) => ({
    update: { name: `${documents}${path}${`${index}`.padStart(64, '0')}`, fields: one?.fields },
  }))
  for (let start = 0; start < count; start += 500) {
    const body = JSON.stringify({ writes: writes.slice(start, start + 500) })
    const answer = await fetch(`${google.url}/v1/${documents}:commit`, { method: 'POST', body })
    expect(answer.status).toBe(200)
  }
}

const isOf = (fields: Record<string, unknown>, account: string): boolean =>
  JSON.stringify(fields['sub']) === JSON.stringify({ stringValue: account })

const leave = (
  headers: Record<string, string> = { cookie, origin: own.origin },
): Promise<RawAnswer> => send(own.origin, '/auth/grant', { method: 'DELETE', headers })

describe('DELETE /auth/grant (case 38)', () => {
  test('everything of the account is gone here and at Google', async () => {
    const { cookie: second } = await signInAs(own)
    const bearer = { authorization: `Bearer ${await mintToken(own.origin, cookie, 'script')}` }
    const { cookie: other } = await signInAs(own, { email: 'ben@example.com' })
    google.calls.length = 0
    const answer = await leave()
    expect([answer.status, answer.body]).toEqual([204, ''])
    expect(answer.headers['set-cookie']).toEqual([
      '__session=.; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    ])
    expect(google.calls).toContain('oauth.revoke')
    for (const headers of [{ cookie }, { cookie: second }, bearer]) {
      expect((await get(own, '/files', headers)).status).toBe(401)
    }
    expect(storedDocuments(google, 'grants')).toHaveLength(1)
    expect(JSON.stringify(storedDocuments(google, 'credentials'))).not.toContain(sub)
    expect((await get(own, '/files', { cookie: other })).status).toBe(200)
    expect(own.logs.filter(({ message }) => message === 'disconnect').at(-1)).toMatchObject({
      severity: 'NOTICE',
      audit: true,
      sub,
      revokedAtGoogle: true,
    })
    // Google asks anew, from the beginning.
    expect((await signInAs(own)).answer.headers.location).toBe(`${own.origin}/`)
  })

  test('a device code that was approved and not fetched leads to nothing, nor does it after a new sign-in', async () => {
    const house = await beside()
    const session = { cookie, origin: own.origin }
    const terminals = [
      await requestDeviceCode(own),
      await requestDeviceCode(own),
      await requestDeviceCode(own),
    ]
    const [approved, fetched, pending] = terminals as [
      DeviceAuthorization,
      DeviceAuthorization,
      DeviceAuthorization,
    ]
    for (const { user_code } of [approved, fetched]) {
      expect((await decideDeviceRequest(own, user_code, {}, session)).status).toBe(204)
    }
    expect((await pollToken(own, fetched)).status).toBe(200)
    expect((await leave()).status).toBe(204)
    await signInAs(own)
    for (const place of [own, house]) {
      expect(oauthErrorOf(await pollToken(place, approved))).toBe('invalid_grant')
    }
    // Whoever waits for anybody at all goes on waiting.
    expect(oauthErrorOf(await pollToken(own, pending))).toBe('authorization_pending')
    expect(JSON.stringify(storedDocuments(google, 'devices'))).not.toContain(sub)
  })

  test('it is all gone where an account has more credentials than one query finds', async () => {
    const { cookie: other } = await signInAs(own, { email: 'ben@example.com' })
    await addCredentials(1_203)
    expect(storedDocuments(google, 'credentials').length).toBeGreaterThan(1_203)
    expect((await leave()).status).toBe(204)
    expect(storedDocuments(google, 'credentials')).toHaveLength(1)
    expect((await get(own, '/files', { cookie: other })).status).toBe(200)
  })

  test('what was counted for its tokens is gone as well', async () => {
    const terms = JSON.stringify({ name: 'counted', maxFiles: 5 })
    const headers = { cookie, origin: own.origin, 'content-type': 'application/json' }
    const made = await send(own.origin, '/auth/tokens', { method: 'POST', headers, body: terms })
    const { id, token } = JSON.parse(made.body) as { id: string; token: string }
    const put = await send(own.origin, '/upload/x.txt', {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: 'x',
    })
    expect(put.status).toBe(201)
    const isCounted = (): boolean =>
      google.firestore.dump().some(({ name }) => name.endsWith(`/usage/${id}`))
    expect(isCounted()).toBe(true)
    expect((await leave()).status).toBe(204)
    expect(isCounted()).toBe(false)
  })

  test('the store fails at the device codes: the session stays, to try again with', async () => {
    const terminal = await requestDeviceCode(own)
    await decideDeviceRequest(own, terminal.user_code, {}, { cookie, origin: own.origin })
    google.faults.add({ operation: 'firestore.runQuery', status: 403, times: 1 })
    expect((await leave()).status).toBe(503)
    expect((await leave()).status).toBe(200)
    expect(oauthErrorOf(await pollToken(own, terminal))).toBe('invalid_grant')
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('another instance that has just served the account stops within a minute', async () => {
    const house = await beside()
    expect((await get(house, '/files')).status).toBe(200)
    await leave()
    clock = 60_001
    expect((await get(house, '/files')).status).toBe(401)
  })

  test.each([
    ['is down', { status: 503, times: 9 }],
    ['hangs up', { reset: true, times: 9 }],
  ])(
    'Google %s: it is gone here all the same, and the answer says where to look',
    async (_, fault) => {
      google.faults.add({ operation: 'oauth.revoke', ...fault })
      const answer = await leave()
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body)).toEqual({
        disconnected: true,
        revokedAtGoogle: false,
        detail: expect.stringContaining('Nothing of this account is left here'),
        link: 'https://myaccount.google.com/connections',
      })
      expect(storedDocuments(google, 'grants')).toEqual([])
      expect(storedDocuments(google, 'credentials')).toEqual([])
      expect(google.calls.filter((call) => call === 'oauth.revoke')).toHaveLength(3)
    },
  )

  test('Google is down for a moment: it is asked again', async () => {
    google.faults.add({ operation: 'oauth.revoke', status: 500 })
    expect((await leave()).status).toBe(204)
    expect(google.calls.filter((call) => call === 'oauth.revoke')).toHaveLength(2)
  })

  test('Google has ended it already: that is fine', async () => {
    await google.oauth.control({ action: 'revoke', sub })
    expect((await leave()).status).toBe(204)
  })

  test('the store fails in the middle: Google is told all the same, and another try ends it', async () => {
    google.faults.add({ operation: 'firestore.runQuery', status: 403, times: 1 })
    const answer = await leave()
    expect(answer.status).toBe(503)
    expect(google.calls).toContain('oauth.revoke')
    expect(storedDocuments(google, 'grants')).toEqual([])
    google.faults.clear()
    expect((await leave()).status).toBe(200)
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('a record that cannot be opened is removed as well', async () => {
    const [record] = google.firestore.dump().filter(({ name }) => name.includes('/grants/'))
    const fields = { ...record?.fields, sealed: { stringValue: 'x' } }
    const body = JSON.stringify({ fields })
    await fetch(`${google.url}/v1/${record?.name}`, { method: 'PATCH', body })
    const answer = await leave()
    expect(JSON.parse(answer.body)).toMatchObject({ revokedAtGoogle: false })
    expect(storedDocuments(google, 'grants')).toEqual([])
  })

  test('takes a person, from a page of ours', async () => {
    const bearer = { authorization: `Bearer ${await mintToken(own.origin, cookie, 'script')}` }
    const answers = [
      await leave(bearer),
      await leave({ cookie, origin: 'https://evil.example' }),
      await leave({ cookie }),
      await leave({}),
    ]
    expect(answers.map(codeOf)).toEqual(['scope_insufficient', 'csrf', 'csrf', 'login_required'])
    expect(storedDocuments(google, 'grants')).toHaveLength(1)
  })
})
