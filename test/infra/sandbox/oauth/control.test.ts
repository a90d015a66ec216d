import { gzipSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import type { RevocationReason } from '../../../../infra/sandbox/oauth/grants.ts'
import type { OAuthAction } from '../../../../infra/sandbox/oauth/index.ts'
import { createOAuth } from '../../../../infra/sandbox/oauth/index.ts'
import type { Fields } from './fixture.ts'
import {
  clientId,
  clientSecret,
  encode,
  expiredTokenError,
  errorResponse,
  startOAuth,
} from './fixture.ts'

const fixture = await startOAuth()
const { oauth, sandbox, signIn, exchange, refresh, tokens } = fixture
const [ada] = oauth.users as [(typeof oauth.users)[number]]

beforeEach(async () => {
  sandbox.faults.clear()
  await oauth.control({ action: 'revoke', sub: ada.sub })
})
afterAll(() => sandbox.close())

async function control(action: OAuthAction | Fields): Promise<Response> {
  const body = JSON.stringify(action)
  return fetch(`${sandbox.url}/sandbox/oauth`, { method: 'POST', body })
}

describe('POST /sandbox/oauth', () => {
  test('as GET returns counts only', async () => {
    await tokens()
    const counts = await (await fetch(`${sandbox.url}/sandbox/oauth`)).json()
    expect(counts).toMatchObject({ grants: 1, codes: 0, refreshTokens: 1 })
    expect(Object.values(counts as object).every(Number.isInteger)).toBe(true)
  })

  test('revokes a grant, as its user does', async () => {
    const { refresh_token: refreshToken } = await tokens()
    expect((await control({ action: 'revoke', sub: ada.sub })).status).toBe(200)
    expect(await refresh(refreshToken)).toEqual(expiredTokenError)
  })

  test('rotates a client secret: both are valid until the old one is removed', async () => {
    const { refresh_token: refreshToken } = await tokens()
    const status = async (secret: string) =>
      (await refresh(refreshToken, { client_secret: secret })).status
    await control({ action: 'rotateSecret', client_id: clientId, add: 'new' })
    expect([await status(clientSecret), await status('new')]).toEqual([200, 200])
    const third = await control({ action: 'rotateSecret', client_id: clientId, add: 'third' })
    expect(third.status).toBe(400)
    await control({ action: 'rotateSecret', client_id: clientId, remove: clientSecret })
    expect([await status(clientSecret), await status('new')]).toEqual([401, 200])
    const back = { action: 'rotateSecret', client_id: clientId, add: clientSecret, remove: 'new' }
    expect((await control(back)).status).toBe(200)
  })

  test('rotates the signing key, and tokens of the previous key stay verifiable', async () => {
    const jwksUrl = new URL(`${sandbox.url}/oauth2/v3/certs`)
    const { id_token: before } = await tokens()
    await control({ action: 'rotateKeys' })
    const { id_token: after } = await tokens()
    const kids = [before, after].map((token) => decodeProtectedHeader(String(token)).kid)
    expect(kids[0]).not.toBe(kids[1])
    for (const token of [before, after]) await jwtVerify(String(token), createRemoteJWKSet(jwksUrl))
  })

  test('deletes a client', async () => {
    const gone = { client_id: 'gone.apps.googleusercontent.com', client_secret: 's' }
    oauth.register({ client_id: gone.client_id, client_secrets: ['s'], redirect_uris: [] })
    await control({ action: 'deleteClient', client_id: gone.client_id })
    expect((await refresh('1//0x', gone)).body['error']).toBe('deleted_client')
  })

  test.each<[RevocationReason, object, number]>([
    ['testing_expired', expiredTokenError, 200],
    ['unused', expiredTokenError, 200],
    ['too_many_tokens', expiredTokenError, 200],
    ['revoked', expiredTokenError, 401],
    [
      'reauth_policy',
      {
        status: 400,
        body: {
          error: 'invalid_grant',
          error_description: 'reauth related error (invalid_rapt)',
          error_subtype: 'invalid_rapt',
        },
      },
      200,
    ],
    ['account_deleted', errorResponse(400, 'invalid_grant', 'Account has been deleted'), 401],
    [
      'admin_policy',
      errorResponse(400, 'admin_policy_enforced', 'Access blocked by an admin'),
      401,
    ],
  ])('ends grants as Google does for %s', async (reason, response, status) => {
    const { refresh_token: refreshToken, access_token: accessToken } = await tokens()
    expect((await control({ action: 'endGrants', sub: ada.sub, reason })).status).toBe(200)
    expect(await refresh(refreshToken)).toEqual(response)
    const headers = { authorization: `Bearer ${accessToken}` }
    expect((await fetch(`${sandbox.url}/v1/userinfo`, { headers })).status).toBe(status)
  })

  test('rejects an unknown action or reason', async () => {
    expect((await control({ action: 'dance' })).status).toBe(400)
    expect((await control({ action: 'endGrants', sub: ada.sub, reason: 'magic' })).status).toBe(400)
  })
})

describe('faults', () => {
  test('apply to the code exchange and to the refresh separately', async () => {
    const { refresh_token: refreshToken } = await tokens()
    sandbox.faults.add({ operation: 'oauth.refresh', status: 503 })
    sandbox.calls.length = 0
    const code = (await signIn()).get('code')
    expect((await exchange(code)).status).toBe(200)
    await expect(refresh(refreshToken)).rejects.toThrow('JSON')
    expect((await refresh(refreshToken)).status).toBe(200)
    expect(sandbox.calls).toEqual([
      'oauth.authorize',
      'oauth.token',
      'oauth.refresh',
      'oauth.refresh',
    ])
  })

  test.each<[string, Record<string, unknown>]>([
    ['token_type', { token_type: 'mac' }],
    ['expires_in', { expires_in: -1 }],
    ['expires_in', { expires_in: 'abc' }],
    ['scope', { scope: 'openid' }],
  ])('change %s of the token response', async (_, tokenResponse) => {
    sandbox.faults.add({ operation: 'oauth.token', tokenResponse })
    expect(await tokens()).toMatchObject(tokenResponse)
  })

  test('omit fields of the token response and claims of the ID token', async () => {
    sandbox.faults.add({
      operation: 'oauth.token',
      tokenResponse: { expires_in: null, refresh_token: null },
      idToken: { sub: null, nonce: 'other', aud: 'another client', iss: 'https://evil.example' },
      idTokenAlg: 'none',
    })
    const { id_token: idToken, ...rest } = await tokens()
    expect(Object.keys(rest).toSorted()).toEqual(['access_token', 'scope', 'token_type'])
    const claims = decodeJwt(String(idToken))
    expect(claims).toMatchObject({ nonce: 'other', aud: 'another client' })
    expect(claims).not.toHaveProperty('sub')
    expect(decodeProtectedHeader(String(idToken)).alg).toBe('none')
  })

  test('send a binary body, such as a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(5 * 1024 * 1024))
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' }
    const bodyBase64 = bomb.toString('base64')
    sandbox.faults.add({ operation: 'oauth.token', status: 200, headers, bodyBase64 })
    const response = await fetch(`${sandbox.url}/token`, { method: 'POST', body: encode({}) })
    expect((await response.arrayBuffer()).byteLength).toBe(5 * 1024 * 1024)
  })
})

test.each([
  'http://example.com/callback',
  'https://10.0.0.1/callback',
  'https://intranet/callback',
  'https://user@example.com/',
  'https://example.com/#here',
  'https://*.example.com/',
  'https://example.com/a/../b',
  'https://example.com/a\\b',
  'https://x.googleusercontent.com/',
  '/callback',
])('the redirect URI %s cannot be registered', (uri) => {
  const client = { client_id: 'x', client_secrets: [], redirect_uris: [uri] }
  expect(() => createOAuth({ clients: [client] })).toThrow(`Cannot register redirect URI "${uri}"`)
})
