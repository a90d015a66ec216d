/** What Google may answer to a sign-in, and what becomes of it: group A, second half. */
import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
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
/** For what Google never says. */
let impatient: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ signedIn: false })
  impatient = await startDriveway({ beside: driveway, gateway: { signInMs: 250 } })
})
afterAll(async () => {
  await impatient.close()
  await driveway.close()
})

beforeEach(async () => {
  const { google } = driveway
  google.faults.clear()
  google.firestore.clear()
  for (const { sub } of google.oauth.users) await google.oauth.control({ action: 'revoke', sub })
  google.calls.length = 0
})

/** A sign-in that suffers this. */
async function suffer(fault: Omit<Fault, 'operation'>, at = driveway): Promise<RawAnswer> {
  driveway.google.faults.add({ operation: 'oauth.token', ...fault })
  const { answer } = await signInAs(at)
  return answer
}

function expectRefused(answer: RawAnswer, status: number, code: string): void {
  expect([answer.status, codeOf(answer)]).toEqual([status, code])
  expect(answer.headers['set-cookie']).toBeUndefined()
  expect(tokenRequests(driveway.google)).toBe(1)
  expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
  expect(storedDocuments(driveway.google, 'grants')).toEqual([])
}

async function files(cookie: string): Promise<number> {
  return (await send(driveway.origin, '/files', { headers: { cookie } })).status
}

function idsOf(answer: RawAnswer | undefined): string[] {
  const { files: list } = JSON.parse(answer?.body ?? '') as { files: { id: string }[] }
  return list.map(({ id }) => id)
}

test("an attacker's code under the victim's state fails at PKCE (case 9)", async () => {
  const attacker = await startSignIn(driveway)
  const victim = await startSignIn(driveway)
  const code = (await approveConsent(attacker)).get('code') ?? ''
  const answer = await completeSignIn(
    driveway,
    new URLSearchParams({ code, state: victim.state }),
    victim.cookie,
  )
  expectRefused(answer, 400, 'code_exchange_failed')
})

test('the verifier is in no address and is long enough (case 9)', async () => {
  const { location } = await startSignIn(driveway)
  const { searchParams } = new URL(location)
  expect(searchParams.get('code_challenge_method')).toBe('S256')
  expect(searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/)
  expect(searchParams.has('code_verifier')).toBe(false)
})

const json = (error: string): string => JSON.stringify({ error, error_description: 'x' })

describe('the token endpoint refuses or is not there (case 14)', () => {
  test.each<[string, Omit<Fault, 'operation'>, number, string]>([
    ['invalid_grant', { status: 400, body: json('invalid_grant') }, 400, 'code_exchange_failed'],
    ['invalid_client', { status: 401, body: json('invalid_client') }, 502, 'auth_misconfigured'],
    ['deleted_client', { status: 401, body: json('deleted_client') }, 502, 'auth_misconfigured'],
    [
      'redirect_uri_mismatch',
      { status: 400, body: json('redirect_uri_mismatch') },
      502,
      'auth_misconfigured',
    ],
    ['500', { status: 500, body: 'oops' }, 503, 'auth_unavailable'],
    ['503 with JSON', { status: 503, body: json('invalid_grant') }, 503, 'auth_unavailable'],
    ['429', { status: 429 }, 503, 'auth_unavailable'],
    ['silence', { hang: 'headers' }, 503, 'auth_unavailable'],
    ['silence after the headers', { hang: 'body' }, 503, 'auth_unavailable'],
    ['a letter a second', { trickle: 1_000 }, 503, 'auth_unavailable'],
    ['a reset', { reset: true }, 503, 'auth_unavailable'],
    ['a lost answer', { loseAnswer: true }, 503, 'auth_unavailable'],
    ['a lost answer, politely', { loseAnswer: true, cut: 'fin' }, 503, 'auth_unavailable'],
  ])('%s', async (_, fault, status, code) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await suffer(fault.status ? { headers, ...fault } : fault, impatient)
    expectRefused(answer, status, code)
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
  })

  test('nobody listens there', async () => {
    const nowhere = await startDriveway({
      beside: driveway,
      env: { GOOGLE_SANDBOX_URL: 'http://127.0.0.1:9' },
    })
    const begun = await startSignIn(driveway)
    const answer = await completeSignIn(nowhere, await approveConsent(begun), begun.cookie)
    await nowhere.close()
    expect([answer.status, codeOf(answer)]).toEqual([503, 'auth_unavailable'])
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
  })

  test('the keys of ID tokens do not come: one deadline for all (case 14)', async () => {
    driveway.google.faults.add({ operation: 'oauth.certs', hang: 'headers', times: 9 })
    const { answer } = await signInAs(impatient)
    expectRefused(answer, 503, 'auth_unavailable')
  })
})

describe('the token endpoint answers nonsense (case 15)', () => {
  const ok = { status: 200, headers: { 'content-type': 'application/json' } }
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')).toString('base64')
  const elsewhere = { location: 'http://127.0.0.1:9/token' }
  test.each<[string, Omit<Fault, 'operation'>]>([
    ['HTML', { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html>' }],
    ['cut JSON', { answerBytes: 40 }],
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
    ['307', { status: 307, headers: elsewhere }],
    ['308', { status: 308, headers: elsewhere }],
    ['302', { status: 302, headers: elsewhere }],
  ])('%s', async (_, fault) => {
    expectRefused(await suffer(fault), 502, 'auth_bad_response')
  })
})

describe('the ID token is not right (case 18)', () => {
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
    ['a subject of 300 letters', { idToken: { sub: 's'.repeat(300) } }],
    ['alg none', { idTokenAlg: 'none' }],
    ['a key that nobody published', { idTokenAlg: 'badSignature' }],
    ['no JWT', { tokenResponse: { id_token: 'abc' } }],
  ])('%s', async (_, fault) => {
    expectRefused(await suffer(fault), 400, 'id_token_invalid')
  })
})

test('an account is its subject: an e-mail address that changed hands opens nothing (case 18)', async () => {
  const { cookie: ada } = await signInAs(driveway)
  const before = JSON.stringify(driveway.google.firestore.dump())
  driveway.google.faults.add({ operation: 'oauth.token', idToken: { email: 'ada@example.com' } })
  const { cookie: both } = await signInAs(driveway, { email: 'ben@example.com' }, ada)
  expect(sessionSecret(both)).not.toBe(sessionSecret(ada))
  const after = JSON.stringify(driveway.google.firestore.dump())
  for (const document of JSON.parse(before) as object[]) {
    expect(after).toContain(JSON.stringify(document))
  }
  const [mine, theirs] = await Promise.all(
    [ada, both].map((cookie) => send(driveway.origin, '/files', { headers: { cookie } })),
  )
  expect(idsOf(mine).filter((id) => idsOf(theirs).includes(id))).toEqual([])
})

describe('no refresh token comes (case 16)', () => {
  test('a person who was here before keeps the one that is stored', async () => {
    await signInAs(driveway)
    const [before] = storedDocuments(driveway.google, 'grants')
    const { answer, cookie } = await signInAs(driveway)
    const [after] = storedDocuments(driveway.google, 'grants')
    expect(answer.status).toBe(303)
    expect(after?.['sealed']).toEqual(before?.['sealed'])
    expect(await files(cookie)).toBe(200)
  })

  test('without one, consent is asked for once more, and the sign-in goes on', async () => {
    await signInAs(driveway)
    driveway.google.firestore.clear()
    const { answer, cookie } = await signInAs(driveway)
    const location = answer.headers.location ?? ''
    expect([answer.status, new URL(location).searchParams.get('prompt')]).toEqual([303, 'consent'])
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
    const state = new URL(location).searchParams.get('state') ?? ''
    const landed = await completeSignIn(
      driveway,
      await approveConsent({ location, state, cookie }),
      cookie,
    )
    expect([landed.status, landed.headers.location]).toEqual([303, `${driveway.origin}/`])
    expect(await files(cookieFrom(landed))).toBe(200)
  })

  test('and when none comes even so, there is no third time', async () => {
    driveway.google.faults.add({
      operation: 'oauth.token',
      times: 2,
      tokenResponse: { refresh_token: null },
    })
    const { answer, cookie } = await signInAs(driveway)
    const location = answer.headers.location ?? ''
    const landed = await completeSignIn(
      driveway,
      await approveConsent({ location, state: '', cookie }),
      cookie,
    )
    expect([landed.status, codeOf(landed)]).toEqual([409, 'no_refresh_token'])
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
    expect(storedDocuments(driveway.google, 'grants')).toEqual([])
  })
})

/** What the problem's link asks of `/auth`, after a box was left empty. */
async function linkAfter(house: Driveway, query: string): Promise<string> {
  const begun = await startSignIn(house, { query })
  const answer = await completeSignIn(
    house,
    await approveConsent(begun, { untick: ['drive.file'] }),
    begun.cookie,
  )
  expect(codeOf(answer)).toBe('scope_missing')
  const { link } = JSON.parse(answer.body) as { link: string }
  expect(link).toMatch(/^\/auth\?missing=drive\.file&/)
  return link.slice('/auth?'.length)
}

describe('a box was unticked (case 17)', () => {
  test('nothing is stored, and the page has a link that asks for the rest alone', async () => {
    const begun = await startSignIn(driveway)
    const query = await approveConsent(begun, { untick: ['drive.file'] })
    const page = await completeSignIn(driveway, query, begun.cookie, { accept: 'text/html' })
    expect(page.status).toBe(403)
    expect(page.body).toContain('<a href="/auth?missing=drive.file">')
    expect(storedDocuments(driveway.google, 'credentials')).toEqual([])
    expect(storedDocuments(driveway.google, 'grants')).toEqual([])
    const again = await startSignIn(driveway, { query: 'missing=drive.file,drive,evil' })
    const asked = new URL(again.location).searchParams
    expect(asked.get('scope')).toBe('openid email https://www.googleapis.com/auth/drive.file')
    expect([asked.get('include_granted_scopes'), asked.get('prompt')]).toEqual(['true', 'consent'])
    const landed = await completeSignIn(driveway, await approveConsent(again), again.cookie)
    expect(landed.headers.location).toBe(`${driveway.origin}/`)
    expect(await files(cookieFrom(landed))).toBe(200)
  })

  test('the problem says which, and where to go', async () => {
    const begun = await startSignIn(driveway)
    const query = await approveConsent(begun, { untick: ['drive.file', 'drive.metadata.readonly'] })
    const answer = await completeSignIn(driveway, query, begun.cookie)
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'scope_missing',
      detail: expect.stringContaining('drive.metadata.readonly, drive.file'),
      link: '/auth?missing=drive.metadata.readonly,drive.file',
    })
  })

  test('the link leads to where the sign-in was to lead', async () => {
    const there = '/#/folders/a?b=c&d=\u00e9'
    const query = await linkAfter(driveway, `return_to=${encodeURIComponent(there)}`)
    const again = await startSignIn(driveway, { query })
    expect(new URL(again.location).searchParams.get('scope')).toMatch(/^openid email \S+$/)
    const landed = await completeSignIn(driveway, await approveConsent(again), again.cookie)
    expect(landed.headers.location).toBe(new URL(there, driveway.origin).href)
  })

  test('to a page of another origin it leads with a code for that page’s challenge', async () => {
    const elsewhere = 'https://page.example'
    const house = await startDriveway({ beside: driveway, env: { ALLOWED_ORIGINS: elsewhere } })
    const codeVerifier = randomBytes(32).toString('base64url')
    const challenge = createHash('sha256').update(codeVerifier).digest('base64url')
    const asked = new URLSearchParams({
      return_to: `${elsewhere}/drop?x=1`,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })
    const query = await linkAfter(house, asked.toString())
    const again = await startSignIn(house, { query })
    const landed = await completeSignIn(house, await approveConsent(again), again.cookie)
    const [place, code] = (landed.headers.location ?? '').split('#code=')
    expect(place).toBe(`${elsewhere}/drop?x=1`)
    const form = { grant_type: 'authorization_code', code: code ?? '', code_verifier: codeVerifier }
    const answer = await send(house.origin, '/auth/token', {
      method: 'POST',
      headers: { origin: elsewhere, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    })
    expect(answer.status).toBe(200)
    await house.close()
  })

  test('a person who was here before keeps what works', async () => {
    const { cookie } = await signInAs(driveway)
    const answer = await suffer({ tokenResponse: { scope: 'openid email' } })
    expect([answer.status, codeOf(answer)]).toEqual([403, 'scope_missing'])
    expect(driveway.google.calls).not.toContain('oauth.revoke')
    expect(await files(cookie)).toBe(200)
  })
})

test('a client secret that was rotated is read again, and the code is not sent twice (case 14)', async () => {
  const { google } = driveway
  let clock = 0
  const other = await startDriveway({
    beside: driveway,
    env: { CLIENT_SECRET_NAME: 'projects/sandbox/secrets/driveway-client/versions/latest' },
    gateway: { now: () => Date.now() + clock },
  })
  const attempt = async (): Promise<RawAnswer> => {
    const begun = await startSignIn(other)
    google.calls.length = 0
    return completeSignIn(other, await approveConsent(begun), begun.cookie)
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
  expect([stale.status, codeOf(stale), tokenRequests(google)]).toEqual([503, 'auth_unavailable', 1])
  expect((await attempt()).status).toBe(303)
  await other.close()
})
