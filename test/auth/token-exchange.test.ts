/** Sign-in for a page on another origin: a code in the fragment, a bearer for that page alone. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { requestDeviceCode, decideDeviceRequest, showDeviceRequest } from '../kit/device-flow.ts'
import { approveConsent, cookieFrom, completeSignIn, storedDocuments } from '../kit/sign-in.ts'

const page = 'https://app.example'
const otherPage = 'https://other.example'
const env = { ALLOWED_ORIGINS: `${page} ${otherPage}` }
const home = `${page}/photos?album=5`
let clock = 0
let driveway: Driveway
let beside: Driveway

beforeAll(async () => {
  const gateway = { now: () => Date.now() + clock }
  driveway = await startDriveway({ env, gateway })
  beside = await startDriveway({ beside: driveway, env, gateway })
})
afterAll(async () => {
  await beside.close()
  await driveway.close()
})
beforeEach(() => {
  clock = 0
})

const verifierOf = (): string => randomBytes(32).toString('base64url')
const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')
const outcome = (answer: RawAnswer): unknown[] => [answer.status, codeOf(answer)]

function begin(query: Record<string, string>): Promise<RawAnswer> {
  return send(driveway.origin, `/auth?${new URLSearchParams(query).toString()}`)
}

/** Through Google and back. @returns where the browser lands, and the cookie that it has by then */
async function signIn(verifier: string, returnTo = home): Promise<{ to: URL; answer: RawAnswer }> {
  const begun = await begin({
    return_to: returnTo,
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
  })
  if (begun.status !== 302) throw new Error(`Not begun: ${begun.status} ${begun.body}`)
  const { location = '' } = begun.headers
  const cookie = cookieFrom(begun)
  const answer = await completeSignIn(
    driveway,
    await approveConsent({ location, state: '', cookie }),
    cookie,
  )
  return { to: new URL(answer.headers.location ?? ''), answer }
}

const codeIn = ({ hash }: URL): string => new URLSearchParams(hash.slice(1)).get('code') ?? ''

function exchange(
  fields: Record<string, string>,
  origin: string | undefined = page,
  at = driveway.origin,
): Promise<RawAnswer> {
  return send(at, '/auth/token', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(origin === '' ? {} : { origin }),
    },
    body: new URLSearchParams({ grant_type: 'authorization_code', ...fields }).toString(),
  })
}

interface Token {
  access_token: string
  token_type: string
  expires_in: number
  scope: string
}

async function bearer(): Promise<Record<string, string>> {
  const verifier = verifierOf()
  const { to } = await signIn(verifier)
  const answer = await exchange({ code: codeIn(to), code_verifier: verifier })
  const { access_token: token } = JSON.parse(answer.body) as Token
  return { authorization: `Bearer ${token}` }
}

describe('the way there and back', () => {
  test('ends at the page with a code in the fragment, and with no session', async () => {
    const before = storedDocuments(driveway.google, 'credentials').length
    const { to, answer } = await signIn(verifierOf())
    expect(answer.status).toBe(303)
    expect(to.href.split('#')[0]).toBe(home)
    expect(codeIn(to)).toMatch(/^[\w.-]+$/)
    expect(to.search).toBe('?album=5')
    expect(storedDocuments(driveway.google, 'credentials')).toHaveLength(before)
    expect(JSON.stringify(driveway.lines)).not.toContain(codeIn(to))
  })

  test('a code becomes a bearer for an hour, by which that page does what a session does', async () => {
    const verifier = verifierOf()
    const { to } = await signIn(verifier)
    const answer = await exchange({ code: codeIn(to), code_verifier: verifier })
    expect(answer.status).toBe(200)
    expect(answer.headers['access-control-allow-origin']).toBe(page)
    expect(answer.headers['cache-control']).toBe('no-store')
    const token = JSON.parse(answer.body) as Token
    expect(token).toEqual({
      access_token: expect.stringMatching(/^dw_/),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'files:read upload',
    })
    const headers = { authorization: `Bearer ${token.access_token}`, origin: page }
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(200)
    const { body } = await send(driveway.origin, '/auth/session', { headers })
    expect(JSON.parse(body)).toMatchObject({ signedIn: true, kind: 'page' })
    expect((await send(beside.origin, '/auth/tokens', { headers })).status).toBe(200)
    clock = 60 * 60_000
    const late = await send(driveway.origin, '/files', { headers })
    expect(outcome(late)).toEqual([401, 'invalid_token'])
  })

  test('a page signs out of its own', async () => {
    const headers = { ...(await bearer()), origin: page }
    const left = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect([left.status, left.headers['set-cookie']]).toEqual([204, undefined])
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(401)
    expect((await send(driveway.origin, '/files', { headers: driveway.session })).status).toBe(200)
  })
})

/** With OAuth's name for it. */
const told = (answer: RawAnswer): unknown[] => [
  ...outcome(answer),
  (JSON.parse(answer.body) as { error?: string }).error,
]

describe('a code counts', () => {
  const refused = [400, 'invalid_grant', 'invalid_grant']

  test('once, of eight that come at once to two instances', async () => {
    const verifier = verifierOf()
    const code = codeIn((await signIn(verifier)).to)
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        exchange({ code, code_verifier: verifier }, page, (index % 2 ? driveway : beside).origin),
      ),
    )
    const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other)
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 400, 400])
    expect(told(await exchange({ code, code_verifier: verifier }))).toEqual(refused)
  })

  test('with its own verifier, from its own origin, within a minute', async () => {
    const verifier = verifierOf()
    const code = codeIn((await signIn(verifier)).to)
    const wrong = { code, code_verifier: verifierOf() }
    expect(told(await exchange(wrong))).toEqual(refused)
    expect(told(await exchange({ code, code_verifier: challengeOf(verifier) }))).toEqual(refused)
    expect(told(await exchange({ code, code_verifier: verifier }, otherPage))).toEqual(refused)
    clock = 60_000
    expect(told(await exchange({ code, code_verifier: verifier }))).toEqual(refused)
    clock = 59_000
    expect((await exchange({ code, code_verifier: verifier })).status).toBe(200)
  })

  test('as it was made, and nothing else counts as one (case 8)', async () => {
    const verifier = verifierOf()
    const code = codeIn((await signIn(verifier)).to)
    const { headers } = await begin({ return_to: home })
    const state = new URL(headers.location ?? '').searchParams.get('state') ?? ''
    for (const other of [`${code.slice(0, -2)}xx`, state, 'dw_x', 'x'.repeat(9_000)]) {
      expect(told(await exchange({ code: other, code_verifier: verifier }))).toEqual(refused)
    }
    const asBearer = { authorization: `Bearer ${code}`, origin: page }
    expect((await send(driveway.origin, '/files', { headers: asBearer })).status).toBe(401)
  })

  test.each(['https://evil.example', `${page}.evil.example`, 'null', ''])(
    'from no page of %p',
    async (origin) => {
      const verifier = verifierOf()
      const code = codeIn((await signIn(verifier)).to)
      const answer = await exchange({ code, code_verifier: verifier }, origin)
      expect(outcome(answer)).toEqual([403, 'origin_not_allowed'])
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    },
  )

  test.each([
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
    [{ code: '' }, 'invalid_request'],
    [{ code_verifier: '' }, 'invalid_request'],
  ])('with %j it is told what is wrong', async (fields, error) => {
    const answer = await exchange({ code: 'c', code_verifier: verifierOf(), ...fields })
    expect([answer.status, (JSON.parse(answer.body) as { error: string }).error]).toEqual([
      400,
      error,
    ])
  })
})

describe('a page’s bearer', () => {
  test('looks at a device and decides on it, from its page alone', async () => {
    const { user_code: code } = await requestDeviceCode(driveway)
    const headers = await bearer()
    const [ours, theirs] = [page, otherPage].map((origin) => ({ ...headers, origin }))
    expect(outcome(await showDeviceRequest(driveway, code, theirs))).toEqual([401, 'invalid_token'])
    expect(outcome(await decideDeviceRequest(driveway, code, {}, theirs))).toEqual([
      401,
      'invalid_token',
    ])
    expect((await showDeviceRequest(driveway, code, ours)).status).toBe(200)
    expect((await decideDeviceRequest(driveway, code, {}, ours)).status).toBe(204)
  })

  test('is refused from any other page, and from what is no page', async () => {
    const headers = await bearer()
    for (const origin of [otherPage, driveway.origin, 'null', 'https://evil.example']) {
      const answer = await send(driveway.origin, '/files', { headers: { ...headers, origin } })
      expect([origin, ...outcome(answer)]).toEqual([origin, 401, 'invalid_token'])
    }
    expect(outcome(await send(driveway.origin, '/files', { headers }))).toEqual([
      401,
      'invalid_token',
    ])
  })

  test('wins over a cookie of somebody else, and is never mixed with it (case 25)', async () => {
    const { authorization = '' } = await bearer()
    const { cookie = '' } = driveway.session
    const headers = { authorization, cookie, origin: page }
    const spoilt = { ...headers, authorization: `${authorization.slice(0, -1)}~` }
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(200)
    expect((await send(driveway.origin, '/files', { headers: spoilt })).status).toBe(401)
  })
})

describe('a sign-in for a page is begun', () => {
  const challenge = challengeOf(verifierOf())
  test.each<[string, Record<string, string>]>([
    ['without a method', { code_challenge: challenge }],
    ['as plain', { code_challenge: challenge, code_challenge_method: 'plain' }],
    ['with another method', { code_challenge: challenge, code_challenge_method: 's256' }],
    ['without a challenge', { code_challenge_method: 'S256' }],
    ['with a short challenge', { code_challenge: 'abc', code_challenge_method: 'S256' }],
    ['with padding', { code_challenge: `${challenge}=`, code_challenge_method: 'S256' }],
  ])('not %s', async (_, query) => {
    expect(outcome(await begin({ return_to: home, ...query }))).toEqual([400, 'bad_request'])
  })

  test.each([
    '/',
    'https://evil.example/',
    `${page}.evil.example/`,
    `https://app.example@evil.example/`,
    `https://user:pw@app.example/`,
    `${page}/#code=planted`,
    `${page}/#`,
    `http://app.example/`,
    `${page}:8443/`,
    `//app.example/`,
    `https:/app.example/`,
    `https:\\\\app.example/`,
    `javascript:alert(1)//app.example`,
    `${page}/\u0000`,
  ])('not for %j', async (returnTo) => {
    const query = { code_challenge: challenge, code_challenge_method: 'S256', return_to: returnTo }
    expect(outcome(await begin(query))).toEqual([400, 'bad_request'])
  })
})
