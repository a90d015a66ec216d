/** Cookies and bearers: which of them count, for whom, and until when. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { startSignIn, cookieFrom, sessionSecret, signInAs } from '../kit/sign-in.ts'

type Headers = Record<string, string | string[]>

let driveway: Driveway
let neighbour: Driveway
let clock = 0

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { now: () => Date.now() + clock } })
  neighbour = await startDriveway({
    beside: driveway,
    gateway: { now: () => Date.now() + clock },
  })
})
afterAll(async () => {
  await neighbour.close()
  await driveway.close()
})

const files = (headers: Headers, at = driveway): Promise<RawAnswer> =>
  send(at.origin, '/files', { headers })

async function expectRefused(headers: Headers, code: string): Promise<void> {
  const answer = await files(headers)
  expect([answer.status, codeOf(answer)]).toEqual([401, code])
  expect(answer.headers['www-authenticate']).toMatch(/^Bearer /)
}

const tokenOf = (house: Driveway): string => (house.bearer['authorization'] ?? '').slice(7)

const withoutId = ({ status, body }: RawAnswer): unknown => ({
  status,
  ...(JSON.parse(body) as object),
  requestId: '',
})

describe('secrets of one purpose are nothing for another (case 8)', () => {
  test('a session is no bearer, and a token no session', async () => {
    const secret = sessionSecret(driveway.session['cookie'] ?? '')
    const token = tokenOf(driveway)
    await expectRefused({ authorization: `Bearer ${secret}` }, 'invalid_token')
    await expectRefused({ authorization: `Bearer dw_${secret}abcdef` }, 'invalid_token')
    await expectRefused({ cookie: `__session=${token}.` }, 'login_required')
    await expectRefused({ cookie: `__session=${token.slice(3, 46)}.` }, 'session_expired')
  })

  test('a state or a binding is neither', async () => {
    const { state, cookie } = await startSignIn(driveway)
    const binding = cookie.split('.')[1] ?? ''
    await expectRefused({ authorization: `Bearer ${state}` }, 'wrong_audience')
    await expectRefused({ authorization: `Bearer ${binding}` }, 'invalid_token')
    await expectRefused({ cookie: `__session=${state}` }, 'login_required')
    await expectRefused({ cookie: `__session=${binding}${binding.slice(1)}.` }, 'session_expired')
    await expectRefused({ cookie }, 'login_required')
  })

  test.each(['a session', 'a token', 'what the vault keeps'])(
    '%s is no state (case 8)',
    async (what) => {
      const [grant] = driveway.google.firestore
        .dump()
        .filter(({ name }) => name.includes('/grants/'))
      const sealed = (grant?.fields['sealed'] as { stringValue: string } | undefined)?.stringValue
      const state = {
        'a session': sessionSecret(driveway.session['cookie'] ?? ''),
        'a token': tokenOf(driveway),
        'what the vault keeps': sealed,
      }[what]
      const { cookie } = await startSignIn(driveway)
      const answer = await send(driveway.origin, `/callback?code=4/0x&state=${state}`, {
        headers: { cookie },
      })
      expect([answer.status, codeOf(answer)]).toEqual([400, 'state_invalid'])
    },
  )
})

describe('a session ends (case 21)', () => {
  test('at once where its owner signs out, and within a minute at every other gateway', async () => {
    const { cookie } = await signInAs(driveway)
    expect((await files({ cookie }, neighbour)).status).toBe(200)
    const left = await send(driveway.origin, '/auth/session', {
      method: 'DELETE',
      headers: { cookie, origin: driveway.origin },
    })
    expect([left.status, cookieFrom(left)]).toEqual([204, '__session=.'])
    await expectRefused({ cookie }, 'session_expired')
    clock += 60_000
    const answer = await files({ cookie }, neighbour)
    expect([answer.status, codeOf(answer)]).toEqual([401, 'session_expired'])
  })

  test('signing out ends this session and no other', async () => {
    const { cookie } = await signInAs(driveway)
    const { cookie: other } = await signInAs(driveway)
    const headers = { cookie, origin: driveway.origin }
    await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect((await files({ cookie: other })).status).toBe(200)
    const again = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect(again.status).toBe(401)
  })

  test('after thirty days; a token after ninety', async () => {
    const day = 24 * 60 * 60_000
    const { cookie } = await signInAs(driveway)
    const expectations: [number, number, number][] = [
      [29 * day, 200, 200],
      [31 * day, 401, 200],
      [91 * day, 401, 401],
    ]
    for (const [later, session, token] of expectations) {
      clock = later
      // Google's access tokens are old as well by then, and are renewed.
      const answers = [await files({ cookie }), await files(driveway.bearer)]
      expect([later, ...answers.map(({ status }) => status)]).toEqual([later, session, token])
    }
    clock = 0
  })

  test('two session cookies in one request count as none', async () => {
    const cookie = driveway.session['cookie'] ?? ''
    for (const twice of [
      `${cookie}; ${cookie}`,
      `__session=; ${cookie}`,
      `${cookie};__session=x`,
    ]) {
      await expectRefused({ cookie: twice }, 'session_expired')
    }
    expect((await files({ cookie: `a=b; ${cookie}; x__session=y; c` })).status).toBe(200)
  })

  test.each(['', '.', 'x', `${'A'.repeat(44)}.`, 'A'.repeat(43), `"${'A'.repeat(43)}."`])(
    'a cookie of another shape is none: %p',
    (value) => expectRefused({ cookie: `__session=${value}` }, 'login_required'),
  )

  test('GET /auth/session says that nobody is signed in', async () => {
    const answer = await send(driveway.origin, '/auth/session', {
      headers: { cookie: `__session=${'A'.repeat(43)}.` },
    })
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      { signedIn: false, signIn: '/auth' },
    ])
  })
})

describe('a bearer (case 24)', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('may be written %s', async (scheme) => {
    const answer = await files({ authorization: `${scheme} ${tokenOf(driveway)}` })
    expect(answer.status).toBe(200)
  })

  test.each<[string, (token: string) => string]>([
    ['empty', () => ''],
    ['a scheme alone', () => 'Bearer'],
    ['a scheme and a space', () => 'Bearer '],
    ['two spaces', (token) => `Bearer  ${token}`],
    ['a tab', (token) => `Bearer\t${token}`],
    ['no scheme', (token) => token],
    ['Basic', (token) => `Basic ${Buffer.from(`x:${token}`).toString('base64')}`],
    ['Token', (token) => `Token ${token}`],
    ['two tokens', (token) => `Bearer ${token}, Bearer ${token}`],
    ['quotes', (token) => `Bearer "${token}"`],
    ['a letter more', (token) => `Bearer ${token}A`],
    ['a letter less', (token) => `Bearer ${token.slice(0, -1)}`],
    ['other letters of the same length', (token) => `Bearer ${token.toUpperCase()}`],
    ['14 KB', () => `Bearer ${'A'.repeat(14_000)}`],
  ])('is refused: %s', async (_, write) => {
    await expectRefused({ authorization: write(tokenOf(driveway)) }, 'invalid_token')
  })

  test('over what Node takes is 431', async () => {
    const answer = await files({ authorization: `Bearer ${'A'.repeat(20_000)}` })
    expect(answer.status).toBe(431)
  })

  test('that comes twice is refused', async () => {
    const authorization = `Bearer ${tokenOf(driveway)}`
    await expectRefused({ authorization: [authorization, authorization] }, 'invalid_token')
  })

  test('counts in no query and in no body', async () => {
    const token = tokenOf(driveway)
    const query = await send(driveway.origin, `/files?access_token=${token}`)
    const body = await send(driveway.origin, '/upload', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `access_token=${token}`,
    })
    expect([query.status, codeOf(query)]).toEqual([401, 'login_required'])
    expect([body.status, codeOf(body)]).toEqual([401, 'login_required'])
    expect(driveway.lines.join('')).not.toContain(token.slice(3))
  })
})

describe('whose bearer it is (case 25)', () => {
  test.each(['ya29.a0AfH6SMBx', 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln'])(
    'a token of Google’s is not taken: %s',
    (token) => expectRefused({ authorization: `Bearer ${token}` }, 'wrong_audience'),
  )

  test('a bearer wins over a cookie, good or bad', async () => {
    const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
    const mine = await files(driveway.bearer)
    const both = await files({ ...driveway.bearer, cookie })
    const theirs = await files({ cookie })
    expect(both.body).toBe(mine.body)
    expect(both.body).not.toBe(theirs.body)
    await expectRefused({ authorization: 'Bearer x', cookie }, 'invalid_token')
    expect((await files({ ...driveway.bearer, cookie: `${cookie}; ${cookie}` })).status).toBe(200)
  })

  test("another person's folder is not there, nor does its page token lead anywhere (case 31)", async () => {
    const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
    const theirs = JSON.parse((await files({ cookie })).body) as { files: { id: string }[] }
    const list = (query: string, headers: Headers): Promise<RawAnswer> =>
      send(driveway.origin, `/files?${query}`, { headers })
    const id = theirs.files[0]?.id ?? ''
    const absent = `${id.slice(0, -3)}abc`
    const answer = await list(`folder=${id}`, driveway.bearer)
    expect([answer.status, codeOf(answer)]).toEqual([404, 'drive_not_found'])
    expect(withoutId(answer)).toEqual(withoutId(await list(`folder=${absent}`, driveway.bearer)))
    const page = JSON.parse((await list('pageSize=1', { cookie })).body) as Record<string, string>
    const token = page['nextPageToken'] ?? ''
    expect(token).not.toBe('')
    const stolen = await list(`pageSize=1&pageToken=${token}`, driveway.bearer)
    for (const { id: theirId } of theirs.files) expect(stolen.body).not.toContain(theirId)
    driveway.google.calls.length = 0
    for (const bad of ['..', '%2e%2e%2f', 'a%00b', 'a%2fb', "a'b", 'a%0d%0ab', '%20']) {
      expect([bad, codeOf(await list(`folder=${bad}`, driveway.bearer))]).toEqual([
        bad,
        'drive_not_found',
      ])
    }
    expect(driveway.google.calls.filter((call) => call.startsWith('drive.'))).toEqual([])
  })

  test("another person's token can be neither seen nor ended (case 31)", async () => {
    const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
    const headers = { cookie, origin: driveway.origin }
    const [id = ''] = driveway.google.firestore
      .dump()
      .filter(({ fields }) => JSON.stringify(fields).includes('"token"'))
      .map(({ name }) => name.split('/').at(-1) ?? '')
    const end = (tokenId: string): Promise<RawAnswer> =>
      send(driveway.origin, `/auth/tokens/${tokenId}`, { method: 'DELETE', headers })
    expect(withoutId(await end(id))).toEqual(withoutId(await end('0'.repeat(64))))
    expect((await files(driveway.bearer)).status).toBe(200)
    for (const bad of ['..', '%2e%2e', '%00', `${id}%2f`, id.toUpperCase(), `${id}/x`]) {
      expect([bad, (await end(bad)).status]).toEqual([bad, 404])
    }
  })

  test('a token makes no tokens and signs nobody out', async () => {
    const headers = { ...driveway.bearer, 'content-type': 'application/json' }
    const made = await send(driveway.origin, '/auth/tokens', {
      method: 'POST',
      headers,
      body: '{}',
    })
    const left = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect([made, left].map(codeOf)).toEqual(['scope_insufficient', 'scope_insufficient'])
  })
})
