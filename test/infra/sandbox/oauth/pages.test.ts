import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { writeScopes } from '../../../../infra/sandbox/oauth/scopes.ts'
import { consent, textOf } from '../../../../infra/sandbox/consent-client.ts'
import type { Fields } from './fixture.ts'
import { clientId, drive, driveFile, redirectUri, setOf, startOAuth } from './fixture.ts'

const fixture = await startOAuth()
const { oauth, sandbox, authorizationUrl, signIn, tokens } = fixture
const metadata = `${drive}.metadata.readonly`
const email = 'https://www.googleapis.com/auth/userinfo.email'
const browse = `openid email ${driveFile} ${metadata}`

beforeEach(async () => {
  sandbox.faults.clear()
  for (const { sub } of oauth.users) await oauth.control({ action: 'revoke', sub })
})
afterAll(() => sandbox.close())

async function open(changes: Fields = {}, headers: Record<string, string> = {}) {
  const response = await fetch(authorizationUrl(changes), { redirect: 'manual', headers })
  const html = await response.text()
  const location = response.headers.get('location')
  return { status: response.status, location, html, text: textOf(html), response }
}

async function silentError(changes: Fields): Promise<string | null> {
  return (await signIn({ prompt: 'none', ...changes })).get('error')
}

describe('the callback', () => {
  test('carries state, code, scope, authuser, prompt and the issuer', async () => {
    const callback = await consent(authorizationUrl())
    expect(callback.href.split('?')[0]).toBe(redirectUri)
    expect(Object.fromEntries(callback.searchParams)).toEqual({
      state: 'the state',
      code: expect.stringMatching(/^4\/0/),
      scope: writeScopes(['openid', email, driveFile]),
      authuser: '0',
      prompt: 'consent',
      iss: 'https://accounts.google.com',
    })
    expect(callback.search).toContain('code=4%2F0')
  })

  test('after "Cancel" carries the error and the state alone', async () => {
    const refused = await signIn({}, { answer: 'cancel' })
    expect(Object.fromEntries(refused)).toEqual({ state: 'the state', error: 'access_denied' })
    expect((await open()).status).toBe(200) // nothing was granted
  })

  test('of a stale page says "Cancel" too, when another tab has granted meanwhile', async () => {
    await tokens()
    const body = new URLSearchParams({ authuser: '0', answer: 'cancel' })
    const response = await fetch(authorizationUrl(), { method: 'POST', body, redirect: 'manual' })
    expect(response.headers.get('location')).toContain('error=access_denied')
  })

  test('keeps the query of the redirect URI', async () => {
    const withQuery = 'http://localhost:8080/callback?kept=1'
    oauth.register({ client_id: 'q', client_secrets: ['s'], redirect_uris: [withQuery] })
    const fields = { client_id: 'q', redirect_uri: withQuery }
    expect((await signIn(fields)).get('kept')).toBe('1')
  })

  test('names the Workspace domain of an account that has one', async () => {
    const users = [{ sub: '1', email: 'eve@corp.example', name: 'Eve', hd: 'corp.example' }]
    const workspace = await startOAuth({ users })
    try {
      expect((await workspace.signIn({ login_hint: null })).get('hd')).toBe('corp.example')
    } finally {
      await workspace.sandbox.close()
    }
  })
})

describe('granular consent', () => {
  test('offers a checkbox for each scope that is not for signing in', async () => {
    const { html, text } = await open({ scope: browse })
    expect(html.match(/type="checkbox"/g)).toHaveLength(2)
    expect(text).toContain('only the files that you use with this app')
    expect(text).toContain('names and details of all your files')
    expect(text).toContain('see your e-mail address')
  })

  test('leaves out what the user unticks', async () => {
    const partial = await tokens({ scope: browse }, { untick: ['drive.metadata.readonly'] })
    expect(setOf(partial['scope'])).toEqual(new Set(['openid', email, driveFile]))
    expect(oauth.identify(String(partial['access_token']))?.scopes.has(metadata)).toBe(false)
  })

  test('asks again only for what is missing, and says what is there', async () => {
    await tokens()
    const { html, text } = await open({ scope: browse })
    expect(html.match(/type="checkbox"/g)).toHaveLength(1)
    expect(text).toContain('It may already')
    const both = await tokens({ scope: browse })
    expect(setOf(both['scope'])).toEqual(new Set(['openid', email, driveFile, metadata]))
  })

  test('is a refusal when nothing is left', async () => {
    const nothing = await signIn({ scope: driveFile }, { untick: ['drive.file'] })
    expect(nothing.get('error')).toBe('access_denied')
  })

  test('without sign-in scopes gives no identity', async () => {
    const anonymous = await tokens({ scope: driveFile })
    expect(anonymous['scope']).toBe(driveFile)
    expect(anonymous).not.toHaveProperty('id_token')
  })

  test('ignores a scope that the request does not have', async () => {
    const form = new URLSearchParams({ authuser: '0', answer: 'continue', scope: drive })
    const response = await fetch(authorizationUrl(), {
      method: 'POST',
      body: form,
      redirect: 'manual',
    })
    const callback = new URL(response.headers.get('location') ?? '')
    expect(setOf(callback.searchParams.get('scope'))).toEqual(new Set(['openid', email]))
  })

  test('email and profile become full addresses and bring openid along', async () => {
    const scope = (await signIn({ scope: 'profile email' })).get('scope')
    expect(setOf(scope)).toEqual(new Set(['openid', email, email.replace('email', 'profile')]))
  })

  test('include_granted_scopes adds what was granted before', async () => {
    await tokens()
    const alone = await signIn({ scope: metadata })
    expect(setOf(alone.get('scope'))).toEqual(new Set([metadata]))
    const together = await signIn({ scope: metadata, include_granted_scopes: 'true' })
    expect(setOf(together.get('scope'))).toEqual(new Set(['openid', email, driveFile, metadata]))
  })
})

describe('the account', () => {
  test('is chosen by the user when there are several and no hint', async () => {
    const { html, text } = await open({ login_hint: null })
    expect(text).toContain('Choose an account')
    expect(html.match(/name="authuser"/g)).toHaveLength(2)
    const callback = await signIn({ login_hint: null }, { email: 'ben@example.com' })
    expect(callback.get('authuser')).toBe('1')
  })

  test('is the one that login_hint names, by address or sub', async () => {
    const [, ben] = oauth.users
    for (const hint of [ben?.email, ben?.sub, 'BEN@example.com']) {
      expect((await open({ login_hint: hint ?? '' })).text).toContain('ben@example.com')
    }
    expect((await open({ login_hint: 'nobody@example.com' })).text).toContain('Choose an account')
  })

  test('goes back at once when everything is granted', async () => {
    await tokens()
    const { status, location } = await open()
    expect(status).toBe(302)
    expect(new URL(location ?? '').searchParams.get('prompt')).toBe('none')
  })

  test('is asked again with prompt=consent, chosen again with prompt=select_account', async () => {
    await tokens()
    expect((await open({ prompt: 'consent' })).text).toContain('asks for access')
    expect((await open({ prompt: 'select_account' })).text).toContain('Choose an account')
    const chosen = await signIn({ prompt: 'select_account' }, { email: 'ada@example.com' })
    expect(chosen.get('prompt')).toBe('none') // chosen, and not asked
    expect((await open({ prompt: 'select_account consent' })).text).toContain('Choose an account')
  })

  test('is never asked with prompt=none', async () => {
    expect(await silentError({})).toBe('interaction_required')
    expect(await silentError({ login_hint: null })).toBe('interaction_required')
    await tokens()
    expect(await silentError({})).toBeNull()
    expect(await silentError({ scope: browse })).toBe('interaction_required')
  })
})

describe("a request that is wrong ends on the sandbox's own page:", () => {
  test.each<[string, Fields, number, string]>([
    ['no client', { client_id: null }, 400, 'invalid_request'],
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['no redirect URI', { redirect_uri: null }, 400, 'invalid_request'],
    ['a trailing slash', { redirect_uri: `${redirectUri}/` }, 400, 'redirect_uri_mismatch'],
    ['another case', { redirect_uri: redirectUri.replace('c', 'C') }, 400, 'redirect_uri_mismatch'],
    [
      'another port',
      { redirect_uri: redirectUri.replace('80', '81') },
      400,
      'redirect_uri_mismatch',
    ],
    ['no response type', { response_type: null }, 400, 'invalid_request'],
    ['a token in the fragment', { response_type: 'token' }, 400, 'unsupported_response_type'],
    ['no scope', { scope: null }, 400, 'invalid_request'],
    ['an unknown scope', { scope: 'openid drive.file' }, 400, 'invalid_scope'],
    ['an inherited name as a scope', { scope: 'constructor' }, 400, 'invalid_scope'],
    ['a short challenge', { code_challenge: 'short' }, 400, 'invalid_request'],
    ['a padded challenge', { code_challenge: `${'c'.repeat(43)}=` }, 400, 'invalid_request'],
    ['an unknown method', { code_challenge_method: 'S512' }, 400, 'invalid_request'],
    ['a method alone', { code_challenge: null }, 400, 'invalid_request'],
    ['a foreign access type', { access_type: 'always' }, 400, 'invalid_request'],
    ['a foreign prompt', { prompt: 'login' }, 400, 'invalid_request'],
    ['prompt=none with another', { prompt: 'none consent' }, 400, 'invalid_request'],
  ])('%s', async (_, changes, status, error) => {
    const page = await open(changes)
    expect({ status: page.status, location: page.location }).toEqual({ status, location: null })
    expect(page.text).toContain(`Error ${status}: ${error}`)
  })

  test('a parameter that comes twice', async () => {
    const url = authorizationUrl()
    url.searchParams.append('scope', 'openid')
    const response = await fetch(url)
    expect(response.status).toBe(400)
    expect(textOf(await response.text())).toContain('can only have a single value: scope')
  })

  test('a web view', async () => {
    const page = await open({}, { 'user-agent': 'Mozilla/5.0 (Linux; Android 15; wv) Chrome/150' })
    expect(page.text).toContain('Error 403: disallowed_useragent')
  })

  test('a deleted client', async () => {
    oauth.register({ client_id: 'old', client_secrets: [], redirect_uris: [redirectUri] })
    await oauth.control({ action: 'deleteClient', client_id: 'old' })
    expect((await open({ client_id: 'old' })).text).toContain('Error 401: deleted_client')
  })
})

test('pages escape what they repeat, and allow no script and no frame', async () => {
  const attack = '"><script>alert(1)</script>'
  const { html, response } = await open({ redirect_uri: attack })
  expect(html).not.toContain('<script>')
  expect(textOf(html)).toContain('<script>alert(1)</script>')
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(response.headers.get('cache-control')).toBe('no-store')
})

test('faults name the page and the consent apart', async () => {
  sandbox.faults.add({ operation: 'oauth.consent', status: 500, body: 'no' })
  sandbox.calls.length = 0
  expect((await open()).status).toBe(200)
  await expect(signIn()).rejects.toThrow('Cannot click through: no')
  expect(new Set(sandbox.calls)).toEqual(new Set(['oauth.authorize', 'oauth.consent']))
  expect(sandbox.calls).not.toContain(clientId)
})
