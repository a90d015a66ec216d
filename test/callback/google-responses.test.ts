/** `GET /callback`: responses and faults of Google's token endpoint. */
import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  approveConsent,
  startSignIn,
  cookieFrom,
  completeSignIn,
  sessionSecret,
  signInAs,
} from '../kit/sign-in.ts'
import { storedDocuments, tokenRequests } from '../kit/sign-in.ts'

let driveway: Driveway
/** For responses that never arrive. */
let shortTimeoutGateway: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ isSignedIn: false })
  shortTimeoutGateway = await startDriveway({
    sharing: driveway,
    gateway: { signInTimeoutMs: 250 },
  })
})
afterAll(async () => {
  await shortTimeoutGateway.close()
  await driveway.close()
})

beforeEach(async () => {
  const { google } = driveway
  google.faults.clear()
  google.firestore.clear()
  for (const { sub } of google.oauth.users) await google.oauth.control({ action: 'revoke', sub })
  google.calls.length = 0
})

/** Signs in while the token endpoint has a fault. */
async function signInWithFault(
  fault: Omit<Fault, 'operation'>,
  at = driveway,
): Promise<RawResponse> {
  driveway.google.faults.add({ operation: 'oauth.token', ...fault })
  const { response } = await signInAs(at)
  return response
}

function expectRefused(response: RawResponse, status: number, code: string): void {
  expect([response.status, problemCode(response)]).toEqual([status, code])
  expect(response.headers['set-cookie']).toBeUndefined()
  expect(tokenRequests(driveway.google)).toBe(1)
  expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
  expect(storedDocuments(driveway.google, 'grants')).toEqual([])
}

async function filesStatus(cookie: string): Promise<number> {
  return (await send(driveway.origin, '/files', { headers: { cookie } })).status
}

function fileIds(response: RawResponse | undefined): string[] {
  const { files: list } = JSON.parse(response?.body ?? '') as { files: { id: string }[] }
  return list.map(({ id }) => id)
}

test("An attacker's code with the victim's state fails PKCE verification", async () => {
  const attacker = await startSignIn(driveway)
  const victim = await startSignIn(driveway)
  const code = (await approveConsent(attacker)).get('code') ?? ''
  const response = await completeSignIn(
    driveway,
    new URLSearchParams({ code, state: victim.state }),
    victim.cookie,
  )
  expectRefused(response, 400, 'code_exchange_failed')
})

test('The authorization request has an S256 challenge and no verifier', async () => {
  const { location } = await startSignIn(driveway)
  const { searchParams } = new URL(location)
  expect(searchParams.get('code_challenge_method')).toBe('S256')
  expect(searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/)
  expect(searchParams.has('code_verifier')).toBe(false)
})

const oauthErrorBody = (error: string): string => JSON.stringify({ error, error_description: 'x' })

describe('an error of the token endpoint', () => {
  test.each<[string, Omit<Fault, 'operation'>, number, string]>([
    [
      'invalid_grant',
      { status: 400, body: oauthErrorBody('invalid_grant') },
      400,
      'code_exchange_failed',
    ],
    [
      'invalid_client',
      { status: 401, body: oauthErrorBody('invalid_client') },
      502,
      'auth_misconfigured',
    ],
    [
      'deleted_client',
      { status: 401, body: oauthErrorBody('deleted_client') },
      502,
      'auth_misconfigured',
    ],
    [
      'redirect_uri_mismatch',
      { status: 400, body: oauthErrorBody('redirect_uri_mismatch') },
      502,
      'auth_misconfigured',
    ],
    ['500', { status: 500, body: 'oops' }, 503, 'auth_unavailable'],
    [
      '503 with JSON',
      { status: 503, body: oauthErrorBody('invalid_grant') },
      503,
      'auth_unavailable',
    ],
    ['429', { status: 429 }, 503, 'auth_unavailable'],
    ['408 with an HTML page', { status: 408, htmlPage: true }, 503, 'auth_unavailable'],
    ['a timeout before the headers', { hang: 'headers' }, 503, 'auth_unavailable'],
    ['a timeout after the headers', { hang: 'body' }, 503, 'auth_unavailable'],
    ['one byte per second', { trickleMs: 1_000 }, 503, 'auth_unavailable'],
    ['a connection reset', { reset: true }, 503, 'auth_unavailable'],
    ['a lost response', { dropResponse: true }, 503, 'auth_unavailable'],
    ['a lost response with FIN', { dropResponse: true, cut: 'fin' }, 503, 'auth_unavailable'],
  ])('%s', async (_, fault, status, code) => {
    const headers = { 'content-type': 'application/json' }
    const response = await signInWithFault(
      fault.status ? { headers, ...fault } : fault,
      shortTimeoutGateway,
    )
    expectRefused(response, status, code)
    expect(response.headers['retry-after'] !== undefined).toBe(status === 503)
  })

  test('A refused connection returns 503 auth_unavailable', async () => {
    const nowhere = await startDriveway({
      sharing: driveway,
      env: { GOOGLE_SANDBOX_URL: 'http://127.0.0.1:9' },
    })
    const started = await startSignIn(driveway)
    const response = await completeSignIn(nowhere, await approveConsent(started), started.cookie)
    await nowhere.close()
    expect([response.status, problemCode(response)]).toEqual([503, 'auth_unavailable'])
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
  })

  test('A JWKS timeout returns 503 within the same deadline', async () => {
    driveway.google.faults.add({ operation: 'oauth.certs', hang: 'headers', times: 9 })
    const { response } = await signInAs(shortTimeoutGateway)
    expectRefused(response, 503, 'auth_unavailable')
  })
})

describe('an unexpected response of the token endpoint', () => {
  const ok = { status: 200, headers: { 'content-type': 'application/json' } }
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')).toString('base64')
  const redirectHeaders = { location: 'http://127.0.0.1:9/token' }
  test.each<[string, Omit<Fault, 'operation'>]>([
    ['HTML', { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html>' }],
    ['truncated JSON', { responseBytes: 40 }],
    ['5 MB', { ...ok, body: `{"access_token":"${'a'.repeat(5_000_000)}"}` }],
    [
      'a gzip bomb',
      { status: 200, headers: { ...ok.headers, 'content-encoding': 'gzip' }, bodyBase64: bomb },
    ],
    ['no body', { status: 204 }],
    ['an array', { ...ok, body: '[]' }],
    ['null', { ...ok, body: 'null' }],
    ['token_type mac', { tokenResponse: { token_type: 'mac' } }],
    ['no token_type', { tokenResponse: { token_type: null } }],
    ['no access token', { tokenResponse: { access_token: null } }],
    ['no expires_in', { tokenResponse: { expires_in: null } }],
    ['a negative expires_in', { tokenResponse: { expires_in: -5 } }],
    ['expires_in abc', { tokenResponse: { expires_in: 'abc' } }],
    ['no ID token', { tokenResponse: { id_token: null } }],
    ['a refresh token that is a number', { tokenResponse: { refresh_token: 7 } }],
    ['a scope that is a list', { tokenResponse: { scope: ['openid'] } }],
    ['307', { status: 307, headers: redirectHeaders }],
    ['308', { status: 308, headers: redirectHeaders }],
    ['302', { status: 302, headers: redirectHeaders }],
  ])('%s', async (_, fault) => {
    expectRefused(await signInWithFault(fault), 502, 'auth_bad_response')
  })
})

describe('an invalid ID token', () => {
  const hour = 3_600
  const now = Math.floor(Date.now() / 1000)
  test.each<[string, Omit<Fault, 'operation'>]>([
    ['another audience', { idToken: { aud: 'other.apps.googleusercontent.com' } }],
    ['two audiences', { idToken: { aud: ['a', 'b'] } }],
    ['another azp', { idToken: { azp: 'other.apps.googleusercontent.com' } }],
    ['another issuer', { idToken: { iss: 'https://evil.example' } }],
    ['another nonce', { idToken: { nonce: 'x' } }],
    ['no nonce', { idToken: { nonce: null } }],
    ['expired', { idToken: { iat: now - 2 * hour, exp: now - hour } }],
    ['no expiry', { idToken: { exp: null } }],
    ['no subject', { idToken: { sub: null } }],
    ['an empty subject', { idToken: { sub: '' } }],
    ['a subject that is a number', { idToken: { sub: 7 } }],
    ['a subject that is a path', { idToken: { sub: '../../credentials/x' } }],
    ['a subject of 300 characters', { idToken: { sub: 's'.repeat(300) } }],
    ['alg none', { idTokenAlg: 'none' }],
    ['an unpublished key', { idTokenAlg: 'badSignature' }],
    ['no JWT', { tokenResponse: { id_token: 'abc' } }],
  ])('%s', async (_, fault) => {
    expectRefused(await signInWithFault(fault), 400, 'id_token_invalid')
  })
})

test('An account is identified by its subject: a reassigned e-mail address gives no access', async () => {
  const { cookie: ada } = await signInAs(driveway)
  const before = JSON.stringify(driveway.google.firestore.dump())
  driveway.google.faults.add({ operation: 'oauth.token', idToken: { email: 'ada@example.com' } })
  const { cookie: both } = await signInAs(driveway, { email: 'ben@example.com' })
  expect(sessionSecret(both)).not.toBe(sessionSecret(ada))
  const after = JSON.stringify(driveway.google.firestore.dump())
  for (const document of JSON.parse(before) as object[]) {
    expect(after).toContain(JSON.stringify(document))
  }
  const [mine, theirs] = await Promise.all(
    [ada, both].map((cookie) => send(driveway.origin, '/files', { headers: { cookie } })),
  )
  expect(fileIds(mine).filter((id) => fileIds(theirs).includes(id))).toEqual([])
})

describe('a response without refresh token', () => {
  test('keeps the stored refresh token of a known account', async () => {
    await signInAs(driveway)
    const [before] = storedDocuments(driveway.google, 'grants')
    const { response, cookie } = await signInAs(driveway)
    const [after] = storedDocuments(driveway.google, 'grants')
    expect(response.status).toBe(303)
    expect(after?.['sealed']).toEqual(before?.['sealed'])
    expect(await filesStatus(cookie)).toBe(200)
  })

  test('requests consent once more when no refresh token is stored, then completes the sign-in', async () => {
    await signInAs(driveway)
    driveway.google.firestore.clear()
    const { response, cookie } = await signInAs(driveway)
    const location = response.headers.location ?? ''
    expect([response.status, new URL(location).searchParams.get('prompt')]).toEqual([
      303,
      'consent',
    ])
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
    const state = new URL(location).searchParams.get('state') ?? ''
    const completed = await completeSignIn(
      driveway,
      await approveConsent({ location, state, cookie }),
      cookie,
    )
    expect([completed.status, completed.headers.location]).toEqual([303, `${driveway.origin}/`])
    expect(await filesStatus(cookieFrom(completed))).toBe(200)
  })

  test('returns no_refresh_token when a forced consent returns none', async () => {
    driveway.google.faults.add({
      operation: 'oauth.token',
      times: 2,
      tokenResponse: { refresh_token: null },
    })
    const { response, cookie } = await signInAs(driveway)
    const location = response.headers.location ?? ''
    const completed = await completeSignIn(
      driveway,
      await approveConsent({ location, state: '', cookie }),
      cookie,
    )
    expect([completed.status, problemCode(completed)]).toEqual([409, 'no_refresh_token'])
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
    expect(storedDocuments(driveway.google, 'grants')).toEqual([])
  })
})

/** Returns the query of the problem's link after a partial consent. */
async function linkAfterPartialConsent(gateway: Driveway, query: string): Promise<string> {
  const started = await startSignIn(gateway, { query })
  const response = await completeSignIn(
    gateway,
    await approveConsent(started, { untick: ['drive.file'] }),
    started.cookie,
  )
  expect(problemCode(response)).toBe('scope_missing')
  const { link } = JSON.parse(response.body) as { link: string }
  expect(link).toMatch(/^\/auth\?missing=drive\.file&/)
  return link.slice('/auth?'.length)
}

describe('a partial consent', () => {
  test('stores nothing, and the page has a link that requests only the missing scopes', async () => {
    const started = await startSignIn(driveway)
    const query = await approveConsent(started, { untick: ['drive.file'] })
    const page = await completeSignIn(driveway, query, started.cookie, { accept: 'text/html' })
    expect(page.status).toBe(403)
    expect(page.body).toContain('<a href="/auth?missing=drive.file">')
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
    expect(storedDocuments(driveway.google, 'grants')).toEqual([])
    const again = await startSignIn(driveway, { query: 'missing=drive.file,drive,evil' })
    const requested = new URL(again.location).searchParams
    expect(requested.get('scope')).toBe('openid email https://www.googleapis.com/auth/drive.file')
    expect([requested.get('include_granted_scopes'), requested.get('prompt')]).toEqual([
      'true',
      'consent',
    ])
    const completed = await completeSignIn(driveway, await approveConsent(again), again.cookie)
    expect(completed.headers.location).toBe(`${driveway.origin}/`)
    expect(await filesStatus(cookieFrom(completed))).toBe(200)
  })

  test('returns the missing scopes and the link in the problem', async () => {
    const started = await startSignIn(driveway)
    const query = await approveConsent(started, {
      untick: ['drive.file', 'drive.metadata.readonly'],
    })
    const response = await completeSignIn(driveway, query, started.cookie)
    expect(JSON.parse(response.body)).toMatchObject({
      code: 'scope_missing',
      detail: expect.stringContaining('drive.metadata.readonly, drive.file'),
      link: '/auth?missing=drive.metadata.readonly,drive.file',
    })
  })

  test('returns a link that keeps the return_to of the sign-in', async () => {
    const target = '/#/folders/a?b=c&d=\u00e9'
    const query = await linkAfterPartialConsent(driveway, `return_to=${encodeURIComponent(target)}`)
    const again = await startSignIn(driveway, { query })
    expect(new URL(again.location).searchParams.get('scope')).toMatch(/^openid email \S+$/)
    const completed = await completeSignIn(driveway, await approveConsent(again), again.cookie)
    expect(completed.headers.location).toBe(new URL(target, driveway.origin).href)
  })

  test('returns a link that keeps the code challenge of a page on another origin', async () => {
    const pageOrigin = 'https://page.example'
    const env = { ALLOWED_ORIGINS: pageOrigin, RETURN_URLS: `${pageOrigin}/drop` }
    const gateway = await startDriveway({ sharing: driveway, env })
    const codeVerifier = randomBytes(32).toString('base64url')
    const challenge = createHash('sha256').update(codeVerifier).digest('base64url')
    const requested = new URLSearchParams({
      return_to: `${pageOrigin}/drop?x=1`,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })
    const query = await linkAfterPartialConsent(gateway, requested.toString())
    const again = await startSignIn(gateway, { query })
    const completed = await completeSignIn(gateway, await approveConsent(again), again.cookie)
    const [target, code] = (completed.headers.location ?? '').split('#code=')
    expect(target).toBe(`${pageOrigin}/drop?x=1`)
    const form = { grant_type: 'authorization_code', code: code ?? '', code_verifier: codeVerifier }
    const response = await send(gateway.origin, '/auth/token', {
      method: 'POST',
      headers: { origin: pageOrigin, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    })
    expect(response.status).toBe(200)
    await gateway.close()
  })

  test('keeps the stored grant of a known account', async () => {
    const { cookie } = await signInAs(driveway)
    const response = await signInWithFault({ tokenResponse: { scope: 'openid email' } })
    expect([response.status, problemCode(response)]).toEqual([403, 'scope_missing'])
    expect(driveway.google.calls).not.toContain('oauth.revoke')
    expect(await filesStatus(cookie)).toBe(200)
  })
})

test('A rotated client secret is read again, and the code is not sent twice', async () => {
  const { google } = driveway
  let clock = 0
  const other = await startDriveway({
    sharing: driveway,
    env: { CLIENT_SECRET_NAME: 'projects/sandbox/secrets/driveway-client/versions/latest' },
    gateway: { now: () => Date.now() + clock },
  })
  const attempt = async (): Promise<RawResponse> => {
    const started = await startSignIn(other)
    google.calls.length = 0
    return completeSignIn(other, await approveConsent(started), started.cookie)
  }
  expect((await attempt()).status).toBe(303)
  const control = google.oauth.control.bind(google.oauth)
  await control({ action: 'rotateSecret', client_id: google.clientId, add: 'GOCSPX-new' })
  await control({
    action: 'rotateSecret',
    client_id: google.clientId,
    remove: google.clientSecret,
  })
  const file = { web: { client_id: google.clientId, client_secret: 'GOCSPX-new' } }
  google.secrets.set('driveway-client', JSON.stringify(file))
  clock = 31_000
  const stale = await attempt()
  expect([stale.status, problemCode(stale), tokenRequests(google)]).toEqual([
    503,
    'auth_unavailable',
    1,
  ])
  expect((await attempt()).status).toBe(303)
  await other.close()
})
