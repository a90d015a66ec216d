import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { writeScopes } from '../../../../infra/sandbox/oauth/scopes.ts'
import { consent, visibleText } from '../../../../infra/sandbox/consent-client.ts'
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
  return { status: response.status, location, html, text: visibleText(html), response }
}

async function promptNoneError(changes: Fields): Promise<string | null> {
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

  test('after "Cancel" carries only the error and the state', async () => {
    const denied = await signIn({}, { decision: 'cancel' })
    expect(Object.fromEntries(denied)).toEqual({ state: 'the state', error: 'access_denied' })
    expect((await open()).status).toBe(200) // nothing was granted
  })

  test('after "Cancel" on a stale page carries the error, although another tab has granted access', async () => {
    await tokens()
    const body = new URLSearchParams({ authuser: '0', decision: 'cancel' })
    const response = await fetch(authorizationUrl(), { method: 'POST', body, redirect: 'manual' })
    expect(response.headers.get('location')).toContain('error=access_denied')
  })

  test('keeps the query of the redirect URI', async () => {
    const withQuery = 'http://localhost:8080/callback?kept=1'
    oauth.register({ client_id: 'q', client_secrets: ['s'], redirect_uris: [withQuery] })
    const fields = { client_id: 'q', redirect_uri: withQuery }
    expect((await signIn(fields)).get('kept')).toBe('1')
  })

  test('carries the Workspace domain of a Workspace account', async () => {
    const users = [{ sub: '1', email: 'eve@corp.example', name: 'Eve', hd: 'corp.example' }]
    const workspace = await startOAuth({ users })
    try {
      expect((await workspace.signIn({ login_hint: null })).get('hd')).toBe('corp.example')
    } finally {
      await workspace.sandbox.close()
    }
  })
})

describe('the consent page', () => {
  test('has a checkbox for each scope except sign-in scopes', async () => {
    const { html, text } = await open({ scope: browse })
    expect(html.match(/type="checkbox"/g)).toHaveLength(2)
    expect(text).toContain('only the files that you use with this app')
    expect(text).toContain('names and details of all your files')
    expect(text).toContain('See your e-mail address')
  })

  test('omits unticked scopes from the grant', async () => {
    const partial = await tokens({ scope: browse }, { untick: ['drive.metadata.readonly'] })
    expect(setOf(partial['scope'])).toEqual(new Set(['openid', email, driveFile]))
    expect(oauth.identify(String(partial['access_token']))?.scopes.has(metadata)).toBe(false)
  })

  test('asks only for missing scopes, and lists granted ones', async () => {
    await tokens()
    const { html, text } = await open({ scope: browse })
    expect(html.match(/type="checkbox"/g)).toHaveLength(1)
    expect(text).toContain('Already granted')
    const both = await tokens({ scope: browse })
    expect(setOf(both['scope'])).toEqual(new Set(['openid', email, driveFile, metadata]))
  })

  test('denies access when every scope is unticked', async () => {
    const denied = await signIn({ scope: driveFile }, { untick: ['drive.file'] })
    expect(denied.get('error')).toBe('access_denied')
  })

  test('without sign-in scopes yields no ID token', async () => {
    const anonymous = await tokens({ scope: driveFile })
    expect(anonymous['scope']).toBe(driveFile)
    expect(anonymous).not.toHaveProperty('id_token')
  })

  test('ignores a scope that the request does not contain', async () => {
    const form = new URLSearchParams({ authuser: '0', decision: 'continue', scope: drive })
    const response = await fetch(authorizationUrl(), {
      method: 'POST',
      body: form,
      redirect: 'manual',
    })
    const callback = new URL(response.headers.get('location') ?? '')
    expect(setOf(callback.searchParams.get('scope'))).toEqual(new Set(['openid', email]))
  })

  test('expands email and profile to scope URLs and adds openid', async () => {
    const scope = (await signIn({ scope: 'profile email' })).get('scope')
    expect(setOf(scope)).toEqual(new Set(['openid', email, email.replace('email', 'profile')]))
  })

  test('adds earlier grants with include_granted_scopes', async () => {
    await tokens()
    const alone = await signIn({ scope: metadata })
    expect(setOf(alone.get('scope'))).toEqual(new Set([metadata]))
    const together = await signIn({ scope: metadata, include_granted_scopes: 'true' })
    expect(setOf(together.get('scope'))).toEqual(new Set(['openid', email, driveFile, metadata]))
  })
})

describe('the account page', () => {
  test('lets the user choose when there are several accounts and no hint', async () => {
    const { html, text } = await open({ login_hint: null })
    expect(text).toContain('Choose an account')
    expect(html.match(/name="authuser"/g)).toHaveLength(2)
    const callback = await signIn({ login_hint: null }, { email: 'ben@example.com' })
    expect(callback.get('authuser')).toBe('1')
  })

  test('is skipped when login_hint names an account by e-mail address or sub', async () => {
    const [, ben] = oauth.users
    for (const hint of [ben?.email, ben?.sub, 'BEN@example.com']) {
      expect((await open({ login_hint: hint ?? '' })).text).toContain('ben@example.com')
    }
    expect((await open({ login_hint: 'unknown@example.com' })).text).toContain('Choose an account')
  })

  test('is skipped with a redirect when every scope is granted', async () => {
    await tokens()
    const { status, location } = await open()
    expect(status).toBe(302)
    expect(new URL(location ?? '').searchParams.get('prompt')).toBe('none')
  })

  test('is shown with prompt=select_account, and the consent page with prompt=consent', async () => {
    await tokens()
    expect((await open({ prompt: 'consent' })).text).toContain('wants to access')
    expect((await open({ prompt: 'select_account' })).text).toContain('Choose an account')
    const chosen = await signIn({ prompt: 'select_account' }, { email: 'ada@example.com' })
    expect(chosen.get('prompt')).toBe('none') // chosen without a consent page
    expect((await open({ prompt: 'select_account consent' })).text).toContain('Choose an account')
  })

  test('is never shown with prompt=none', async () => {
    expect(await promptNoneError({})).toBe('interaction_required')
    expect(await promptNoneError({ login_hint: null })).toBe('interaction_required')
    await tokens()
    expect(await promptNoneError({})).toBeNull()
    expect(await promptNoneError({ scope: browse })).toBe('interaction_required')
  })
})

describe('an invalid authorization request', () => {
  test.each<[string, Fields, number, string]>([
    ['no client', { client_id: null }, 400, 'invalid_request'],
    ['an unknown client', { client_id: 'unknown' }, 401, 'invalid_client'],
    ['no redirect URI', { redirect_uri: null }, 400, 'invalid_request'],
    ['a trailing slash', { redirect_uri: `${redirectUri}/` }, 400, 'redirect_uri_mismatch'],
    [
      'another letter case',
      { redirect_uri: redirectUri.replace('c', 'C') },
      400,
      'redirect_uri_mismatch',
    ],
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
    ['an inherited property name as a scope', { scope: 'constructor' }, 400, 'invalid_scope'],
    ['a short challenge', { code_challenge: 'short' }, 400, 'invalid_request'],
    ['a padded challenge', { code_challenge: `${'c'.repeat(43)}=` }, 400, 'invalid_request'],
    ['an unknown challenge method', { code_challenge_method: 'S512' }, 400, 'invalid_request'],
    ['a challenge method alone', { code_challenge: null }, 400, 'invalid_request'],
    ['an unknown access type', { access_type: 'always' }, 400, 'invalid_request'],
    ['an unknown prompt', { prompt: 'login' }, 400, 'invalid_request'],
    ['prompt=none with another prompt', { prompt: 'none consent' }, 400, 'invalid_request'],
  ])('with %s shows an error page without a redirect', async (_, changes, status, error) => {
    const page = await open(changes)
    expect({ status: page.status, location: page.location }).toEqual({ status, location: null })
    expect(page.text).toContain(`Error ${status}: ${error}`)
  })

  test('with a repeated parameter shows an error page', async () => {
    const url = authorizationUrl()
    url.searchParams.append('scope', 'openid')
    const response = await fetch(url)
    expect(response.status).toBe(400)
    expect(visibleText(await response.text())).toContain('can only have a single value: scope')
  })

  test('from a web view shows an error page', async () => {
    for (const agent of ['(Linux; Android 15; wv) Chrome/150', '(iPhone) Instagram 390.0']) {
      const page = await open({}, { 'user-agent': `Mozilla/5.0 ${agent}` })
      expect(page.text).toContain('Error 403: disallowed_useragent')
    }
  })

  test('of a deleted client shows an error page', async () => {
    oauth.register({ client_id: 'old', client_secrets: [], redirect_uris: [redirectUri] })
    await oauth.control({ action: 'deleteClient', client_id: 'old' })
    expect((await open({ client_id: 'old' })).text).toContain('Error 401: deleted_client')
  })
})

test('a page escapes request values, and its policy blocks scripts and frames', async () => {
  const attack = '"><script>alert(1)</script>'
  const { html, response } = await open({ redirect_uri: attack })
  expect(html).not.toContain('<script>')
  expect(visibleText(html)).toContain('<script>alert(1)</script>')
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(response.headers.get('cache-control')).toBe('no-store')
})

test('a fault applies to the consent page or to its submission', async () => {
  sandbox.faults.add({ operation: 'oauth.consent', status: 500, body: 'no' })
  sandbox.calls.length = 0
  expect((await open()).status).toBe(200)
  await expect(signIn()).rejects.toThrow('Cannot submit the consent page: no')
  expect(new Set(sandbox.calls)).toEqual(new Set(['oauth.authorize', 'oauth.consent']))
  expect(sandbox.calls).not.toContain(clientId)
})
