/** Sign-in for a page on another origin: an authorization code in the fragment, exchanged for a bearer token. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  authorizationCode,
  codeChallenge,
  createCodeVerifier,
  exchangeCode,
  pageHeaders,
  signInForPage,
  startPageSignIn,
} from '../kit/page-sign-in.ts'
import { putFile, statusAndCode } from '../kit/requests.ts'
import { startSignIn, storedDocuments } from '../kit/sign-in.ts'

const page = 'https://app.example'
const otherPage = 'https://other.example'
const pageUrl = `${page}/photos?album=5`
const env = { ALLOWED_ORIGINS: `${page} ${otherPage}`, RETURN_URLS: `${page}/photos` }
let clock = 0
let driveway: Driveway
let otherInstance: Driveway

beforeAll(async () => {
  const gateway = { now: () => Date.now() + clock }
  driveway = await startDriveway({ env, gateway })
  otherInstance = await startDriveway({ sharing: driveway, env, gateway })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})
beforeEach(() => {
  clock = 0
})

const signIn = (verifier: string): ReturnType<typeof signInForPage> =>
  signInForPage(driveway, pageUrl, verifier)

const exchange = (fields: Record<string, string>, origin = page): Promise<RawResponse> =>
  exchangeCode(driveway, origin, fields)

interface Token {
  access_token: string
  token_type: string
  expires_in: number
  scope: string
}

const createPageBearer = async (): Promise<Record<string, string>> => {
  const { authorization } = await pageHeaders(driveway, pageUrl)
  return { authorization }
}

describe('sign-in and code exchange', () => {
  test('GET /callback redirects to the page with a code in the fragment, without a session', async () => {
    const before = storedDocuments(driveway.google, 'credentials').length
    const { to, response } = await signIn(createCodeVerifier())
    expect(response.status).toBe(303)
    expect(to.href.split('#')[0]).toBe(pageUrl)
    expect(authorizationCode(to)).toMatch(/^[\w.-]+$/)
    expect(to.search).toBe('?album=5')
    expect(storedDocuments(driveway.google, 'credentials')).toHaveLength(before)
    expect(JSON.stringify(driveway.lines)).not.toContain(authorizationCode(to))
  })

  test('POST /auth/token returns a bearer token for one hour that lists, uploads and shows the account', async () => {
    const verifier = createCodeVerifier()
    const { to } = await signIn(verifier)
    const response = await exchange({ code: authorizationCode(to), code_verifier: verifier })
    expect(response.status).toBe(200)
    expect(response.headers['access-control-allow-origin']).toBe(page)
    expect(response.headers['cache-control']).toBe('no-store')
    const token = JSON.parse(response.body) as Token
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
    expect((await putFile(otherInstance, headers)).status).toBe(201)
    clock = 60 * 60_000
    const late = await send(driveway.origin, '/files', { headers })
    expect(statusAndCode(late)).toEqual([401, 'invalid_token'])
  })

  test('DELETE /auth/session revokes the bearer token and keeps the browser’s session', async () => {
    const headers = { ...(await createPageBearer()), origin: page }
    const signedOut = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect([signedOut.status, signedOut.headers['set-cookie']]).toEqual([204, undefined])
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(401)
    expect((await send(driveway.origin, '/files', { headers: driveway.session })).status).toBe(200)
  })
})

/** Returns status, problem code and OAuth error code. */
const statusCodeAndError = (response: RawResponse): unknown[] => [
  ...statusAndCode(response),
  (JSON.parse(response.body) as { error?: string }).error,
]

describe('an authorization code', () => {
  const rejected = [400, 'invalid_grant', 'invalid_grant']

  test('is single-use: of eight concurrent exchanges at two instances one succeeds', async () => {
    const verifier = createCodeVerifier()
    const code = authorizationCode((await signIn(verifier)).to)
    const responses = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        exchangeCode(index % 2 ? driveway : otherInstance, page, {
          code,
          code_verifier: verifier,
        }),
      ),
    )
    const statuses = responses.map(({ status }) => status).toSorted((a, b) => a - b)
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 400, 400])
    expect(statusCodeAndError(await exchange({ code, code_verifier: verifier }))).toEqual(rejected)
  })

  test('requires its code verifier and its origin, and expires after one minute', async () => {
    const verifier = createCodeVerifier()
    const code = authorizationCode((await signIn(verifier)).to)
    const wrong = { code, code_verifier: createCodeVerifier() }
    expect(statusCodeAndError(await exchange(wrong))).toEqual(rejected)
    expect(
      statusCodeAndError(await exchange({ code, code_verifier: codeChallenge(verifier) })),
    ).toEqual(rejected)
    expect(
      statusCodeAndError(await exchange({ code, code_verifier: verifier }, otherPage)),
    ).toEqual(rejected)
    clock = 60_000
    expect(statusCodeAndError(await exchange({ code, code_verifier: verifier }))).toEqual(rejected)
    clock = 59_000
    expect((await exchange({ code, code_verifier: verifier })).status).toBe(200)
  })

  test('is rejected when changed, and other secrets are not accepted as a code', async () => {
    const verifier = createCodeVerifier()
    const code = authorizationCode((await signIn(verifier)).to)
    const { state } = await startSignIn(driveway, { returnTo: encodeURIComponent(pageUrl) })
    for (const other of [`${code.slice(0, -2)}xx`, state, 'dw_x', 'x'.repeat(9_000)]) {
      expect(statusCodeAndError(await exchange({ code: other, code_verifier: verifier }))).toEqual(
        rejected,
      )
    }
    const asBearer = { authorization: `Bearer ${code}`, origin: page }
    expect((await send(driveway.origin, '/files', { headers: asBearer })).status).toBe(401)
  })

  test.each(['https://evil.example', `${page}.evil.example`, 'null', ''])(
    'is rejected from the origin %p',
    async (origin) => {
      const verifier = createCodeVerifier()
      const code = authorizationCode((await signIn(verifier)).to)
      const response = await exchange({ code, code_verifier: verifier }, origin)
      expect(statusAndCode(response)).toEqual([403, 'origin_not_allowed'])
      expect(response.headers['access-control-allow-origin']).toBeUndefined()
    },
  )

  test.each([
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
    [{ code: '' }, 'invalid_request'],
    [{ code_verifier: '' }, 'invalid_request'],
  ])('POST /auth/token with %j returns an OAuth error', async (fields, error) => {
    const response = await exchange({
      code: 'c',
      code_verifier: createCodeVerifier(),
      ...fields,
    })
    expect([response.status, (JSON.parse(response.body) as { error: string }).error]).toEqual([
      400,
      error,
    ])
  })
})

describe('the bearer token of a page', () => {
  test('is rejected from another origin and without an origin', async () => {
    const headers = await createPageBearer()
    for (const origin of [otherPage, driveway.origin, 'null', 'https://evil.example']) {
      const response = await send(driveway.origin, '/files', { headers: { ...headers, origin } })
      expect([origin, ...statusAndCode(response)]).toEqual([origin, 401, 'invalid_token'])
    }
    expect(statusAndCode(await send(driveway.origin, '/files', { headers }))).toEqual([
      401,
      'invalid_token',
    ])
  })

  test('takes precedence over the cookie of another account', async () => {
    const { authorization = '' } = await createPageBearer()
    const { cookie = '' } = driveway.session
    const headers = { authorization, cookie, origin: page }
    const tampered = { ...headers, authorization: `${authorization.slice(0, -1)}~` }
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(200)
    expect((await send(driveway.origin, '/files', { headers: tampered })).status).toBe(401)
  })
})

describe('GET /auth with code_challenge', () => {
  const challenge = codeChallenge(createCodeVerifier())
  test.each<[string, Record<string, string>]>([
    ['without code_challenge_method', { code_challenge: challenge }],
    ['with the method plain', { code_challenge: challenge, code_challenge_method: 'plain' }],
    ['with an unknown method', { code_challenge: challenge, code_challenge_method: 's256' }],
    ['without code_challenge', { code_challenge_method: 'S256' }],
    ['with a short code_challenge', { code_challenge: 'abc', code_challenge_method: 'S256' }],
    [
      'with a padded code_challenge',
      { code_challenge: `${challenge}=`, code_challenge_method: 'S256' },
    ],
  ])('returns 400 %s', async (_, query) => {
    const search = new URLSearchParams({ return_to: pageUrl, ...query })
    const response = await send(driveway.origin, `/auth?${search}`)
    expect(statusAndCode(response)).toEqual([400, 'bad_request'])
  })

  test.each([
    '/',
    'https://evil.example/',
    `${page}.evil.example/`,
    `https://app.example@evil.example/`,
    `https://user:pw@app.example/`,
    `${pageUrl}#code=planted`,
    `${pageUrl}#`,
    `http://app.example/`,
    `${page}:8443/`,
    `//app.example/`,
    `https:/app.example/`,
    `https:\\\\app.example/`,
    `javascript:alert(1)//app.example`,
    `${page}/\u0000`,
  ])('returns 400 for return_to %j', async (returnTo) => {
    const response = await startPageSignIn(driveway, returnTo)
    expect(statusAndCode(response)).toEqual([400, 'bad_request'])
  })
})
