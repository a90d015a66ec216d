/** Session cookies and bearer tokens: validity, precedence, expiry and account isolation. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { getFiles, withoutRequestId } from '../kit/requests.ts'
import {
  startSignIn,
  cookieFrom,
  sessionSecret,
  signInAs,
  storedDocuments,
} from '../kit/sign-in.ts'
import { waitFor } from '../kit/wait-for.ts'

type Headers = Record<string, string | string[]>

let driveway: Driveway
let otherInstance: Driveway
let clock = 0

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { now: () => Date.now() + clock } })
  otherInstance = await startDriveway({
    sharing: driveway,
    gateway: { now: () => Date.now() + clock },
  })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})

async function expectRefused(headers: Headers, code: string): Promise<void> {
  const response = await getFiles(driveway, headers)
  expect([response.status, problemCode(response)]).toEqual([401, code])
  expect(response.headers['www-authenticate']).toMatch(/^Bearer /)
}

const bearerTokenOf = (gateway: Driveway): string =>
  (gateway.bearer['authorization'] ?? '').slice(7)

describe('secrets of different kinds', () => {
  test('A session secret is not accepted as a bearer token, nor a token as a session', async () => {
    const secret = sessionSecret(driveway.session['cookie'] ?? '')
    const token = bearerTokenOf(driveway)
    await expectRefused({ authorization: `Bearer ${secret}` }, 'invalid_token')
    await expectRefused({ authorization: `Bearer dw_${secret}abcdef` }, 'invalid_token')
    await expectRefused({ cookie: `__session=${token}.` }, 'login_required')
    await expectRefused({ cookie: `__session=${token.slice(3, 46)}.` }, 'session_expired')
  })

  test('A state or a binding is accepted neither as a session nor as a token', async () => {
    const { state, cookie } = await startSignIn(driveway)
    const binding = cookie.split('.')[1] ?? ''
    await expectRefused({ authorization: `Bearer ${state}` }, 'wrong_audience')
    await expectRefused({ authorization: `Bearer ${binding}` }, 'invalid_token')
    await expectRefused({ cookie: `__session=${state}` }, 'login_required')
    await expectRefused({ cookie: `__session=${binding}${binding.slice(1)}.` }, 'session_expired')
    await expectRefused({ cookie }, 'login_required')
  })

  test.each(['a session secret', 'a token', 'a sealed grant'])(
    'GET /callback rejects %s as a state',
    async (what) => {
      const [grant] = driveway.google.firestore
        .dump()
        .filter(({ name }) => name.includes('/grants/'))
      const sealed = (grant?.fields['sealed'] as { stringValue: string } | undefined)?.stringValue
      const state = {
        'a session secret': sessionSecret(driveway.session['cookie'] ?? ''),
        'a token': bearerTokenOf(driveway),
        'a sealed grant': sealed,
      }[what]
      const { cookie } = await startSignIn(driveway)
      const response = await send(driveway.origin, `/callback?code=4/0x&state=${state}`, {
        headers: { cookie },
      })
      expect([response.status, problemCode(response)]).toEqual([400, 'state_invalid'])
    },
  )
})

/** The last use of a session that is stored, in milliseconds since 1970. */
function lastUse(): number {
  const times = storedDocuments(driveway.google, 'credentials').map(({ usedAt }) =>
    Date.parse(String((usedAt as { timestampValue?: string } | undefined)?.timestampValue)),
  )
  return Math.max(...times.filter((time) => time > 0))
}

describe('a session', () => {
  test('ends immediately at the gateway of the sign-out, and within a minute at others', async () => {
    const { cookie } = await signInAs(driveway)
    expect((await getFiles(otherInstance, { cookie })).status).toBe(200)
    const signedOut = await send(driveway.origin, '/auth/session', {
      method: 'DELETE',
      headers: { cookie, origin: driveway.origin },
    })
    expect([signedOut.status, cookieFrom(signedOut)]).toEqual([204, '__session=.'])
    await expectRefused({ cookie }, 'session_expired')
    clock += 60_000
    const response = await getFiles(otherInstance, { cookie })
    expect([response.status, problemCode(response)]).toEqual([401, 'session_expired'])
  })

  test('DELETE /auth/session ends only the current session', async () => {
    const { cookie } = await signInAs(driveway)
    const { cookie: other } = await signInAs(driveway)
    const headers = { cookie, origin: driveway.origin }
    await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect((await getFiles(driveway, { cookie: other })).status).toBe(200)
    const again = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect(again.status).toBe(401)
  })

  test('expires after 30 days in use, and a token after 90 days', async () => {
    const day = 24 * 60 * 60_000
    const { cookie } = await signInAs(driveway)
    const expectations: [number, number, number][] = [
      [13 * day, 200, 200],
      [26 * day, 200, 200],
      [29 * day, 200, 200],
      [31 * day, 401, 200],
      [91 * day, 401, 401],
    ]
    for (const [later, session, token] of expectations) {
      clock = later
      // Google's access tokens have expired too and are refreshed.
      const responses = [
        await getFiles(driveway, { cookie }),
        await getFiles(driveway, driveway.bearer),
      ]
      expect([later, ...responses.map(({ status }) => status)]).toEqual([later, session, token])
      if (session === 200) await waitFor(() => lastUse() >= Date.now() + later - 3_600_000)
    }
    clock = 0
  })

  test('A request with two session cookies is not authenticated', async () => {
    const cookie = driveway.session['cookie'] ?? ''
    for (const twice of [
      `${cookie}; ${cookie}`,
      `__session=; ${cookie}`,
      `${cookie};__session=x`,
    ]) {
      await expectRefused({ cookie: twice }, 'session_expired')
    }
    expect((await getFiles(driveway, { cookie: `a=b; ${cookie}; x__session=y; c` })).status).toBe(
      200,
    )
  })

  test.each(['', '.', 'x', `${'A'.repeat(44)}.`, 'A'.repeat(43), `"${'A'.repeat(43)}."`])(
    'A malformed session cookie is not accepted: %p',
    (value) => expectRefused({ cookie: `__session=${value}` }, 'login_required'),
  )

  test('GET /auth/session returns signedIn: false for an unknown session', async () => {
    const response = await send(driveway.origin, '/auth/session', {
      headers: { cookie: `__session=${'A'.repeat(43)}.` },
    })
    expect([response.status, JSON.parse(response.body)]).toEqual([
      200,
      { signedIn: false, signIn: '/auth' },
    ])
  })
})

describe('the Authorization header', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('accepts the scheme %s', async (scheme) => {
    const response = await getFiles(driveway, {
      authorization: `${scheme} ${bearerTokenOf(driveway)}`,
    })
    expect(response.status).toBe(200)
  })

  test.each<[string, (token: string) => string]>([
    ['an empty value', () => ''],
    ['a scheme alone', () => 'Bearer'],
    ['a scheme and a space', () => 'Bearer '],
    ['two spaces', (token) => `Bearer  ${token}`],
    ['a tab', (token) => `Bearer\t${token}`],
    ['no scheme', (token) => token],
    ['Basic', (token) => `Basic ${Buffer.from(`x:${token}`).toString('base64')}`],
    ['Token', (token) => `Token ${token}`],
    ['two tokens', (token) => `Bearer ${token}, Bearer ${token}`],
    ['quotes', (token) => `Bearer "${token}"`],
    ['one more character', (token) => `Bearer ${token}A`],
    ['one character less', (token) => `Bearer ${token.slice(0, -1)}`],
    ['another token of the same length', (token) => `Bearer ${token.toUpperCase()}`],
    ['14 KB', () => `Bearer ${'A'.repeat(14_000)}`],
  ])('with %s gets invalid_token', async (_, write) => {
    await expectRefused({ authorization: write(bearerTokenOf(driveway)) }, 'invalid_token')
  })

  test('over the header size limit of Node.js gets 431', async () => {
    const response = await getFiles(driveway, { authorization: `Bearer ${'A'.repeat(20_000)}` })
    expect(response.status).toBe(431)
  })

  test('that is repeated gets invalid_token', async () => {
    const authorization = `Bearer ${bearerTokenOf(driveway)}`
    await expectRefused({ authorization: [authorization, authorization] }, 'invalid_token')
  })

  test('is the only place of a token: a query or a body is ignored', async () => {
    const token = bearerTokenOf(driveway)
    const query = await send(driveway.origin, `/files?access_token=${token}`)
    const body = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `access_token=${token}`,
    })
    expect([query.status, problemCode(query)]).toEqual([401, 'login_required'])
    expect([body.status, problemCode(body)]).toEqual([401, 'login_required'])
    expect(driveway.lines.join('')).not.toContain(token.slice(3))
  })
})

describe('the account of a bearer token', () => {
  test.each(['ya29.a0AfH6SMBx', 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln'])(
    'A token of Google gets wrong_audience: %s',
    (token) => expectRefused({ authorization: `Bearer ${token}` }, 'wrong_audience'),
  )

  test('A bearer token takes precedence over a cookie, valid or not', async () => {
    const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
    const mine = await getFiles(driveway, driveway.bearer)
    const both = await getFiles(driveway, { ...driveway.bearer, cookie })
    const theirs = await getFiles(driveway, { cookie })
    expect(both.body).toBe(mine.body)
    expect(both.body).not.toBe(theirs.body)
    await expectRefused({ authorization: 'Bearer x', cookie }, 'invalid_token')
    expect(
      (await getFiles(driveway, { ...driveway.bearer, cookie: `${cookie}; ${cookie}` })).status,
    ).toBe(200)
  })

  test("Another account's folder and its page token get the same response as an unknown id", async () => {
    const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
    const theirs = JSON.parse((await getFiles(driveway, { cookie })).body) as {
      files: { id: string }[]
    }
    const id = theirs.files[0]?.id ?? ''
    const absent = `${id.slice(0, -3)}abc`
    const response = await getFiles(driveway, driveway.bearer, `folder=${id}`)
    expect([response.status, problemCode(response)]).toEqual([404, 'drive_not_found'])
    expect(withoutRequestId(response)).toEqual(
      withoutRequestId(await getFiles(driveway, driveway.bearer, `folder=${absent}`)),
    )
    const page = JSON.parse((await getFiles(driveway, { cookie }, 'pageSize=1')).body) as Record<
      string,
      string
    >
    const token = page['nextPageToken'] ?? ''
    expect(token).not.toBe('')
    const page2 = await getFiles(driveway, driveway.bearer, `pageSize=1&pageToken=${token}`)
    for (const { id: theirId } of theirs.files) expect(page2.body).not.toContain(theirId)
    driveway.google.calls.length = 0
    for (const bad of ['..', '%2e%2e%2f', 'a%00b', 'a%2fb', "a'b", 'a%0d%0ab', '%20']) {
      expect([
        bad,
        problemCode(await getFiles(driveway, driveway.bearer, `folder=${bad}`)),
      ]).toEqual([bad, 'bad_request'])
    }
    expect(driveway.google.calls.filter((call) => call.startsWith('drive.'))).toEqual([])
  })

  test("Another account's token cannot be listed or revoked", async () => {
    const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
    const headers = { cookie, origin: driveway.origin }
    const [id = ''] = driveway.google.firestore
      .dump()
      .filter(({ fields }) => JSON.stringify(fields).includes('"token"'))
      .map(({ name }) => name.split('/').at(-1) ?? '')
    const end = (tokenId: string): Promise<RawResponse> =>
      send(driveway.origin, `/auth/tokens/${tokenId}`, { method: 'DELETE', headers })
    expect(withoutRequestId(await end(id))).toEqual(withoutRequestId(await end('0'.repeat(64))))
    expect((await getFiles(driveway, driveway.bearer)).status).toBe(200)
    for (const bad of ['..', '%2e%2e', '%00', `${id}%2f`, id.toUpperCase(), `${id}/x`]) {
      expect([bad, (await end(bad)).status]).toEqual([bad, 404])
    }
  })

  test('A token can neither create tokens nor sign out', async () => {
    const headers = { ...driveway.bearer, 'content-type': 'application/json' }
    const created = await send(driveway.origin, '/auth/tokens', {
      method: 'POST',
      headers,
      body: '{}',
    })
    const signedOut = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect([created, signedOut].map(problemCode)).toEqual([
      'scope_insufficient',
      'scope_insufficient',
    ])
  })
})
