import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { OAuth2Client } from 'google-auth-library'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as standard from 'oauth4webapi'
import { consent } from '../../../../infra/sandbox/consent-client.ts'
import type { Fields } from './fixture.ts'
import {
  challenge,
  clientId,
  clientSecret,
  drive,
  driveFile,
  encode,
  expiredTokenError,
  redirectUri,
  errorResponse,
  setOf,
  startOAuth,
  verifier,
} from './fixture.ts'

const day = 24 * 3_600_000
const google = 'https://accounts.google.com'
const fixture = await startOAuth()
const { oauth, sandbox, authorizationUrl, signIn, exchange, refresh, tokens, post } = fixture
const [ada, ben] = oauth.users as [(typeof oauth.users)[number], (typeof oauth.users)[number]]

beforeEach(async () => {
  sandbox.faults.clear()
  fixture.resetClock()
  for (const { sub } of oauth.users) await oauth.control({ action: 'revoke', sub })
})
afterAll(() => sandbox.close())

const badRequest = errorResponse(400, 'invalid_grant', 'Bad Request')

async function userinfo(token: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${String(token)}` }
  return fetch(`${sandbox.url}/v1/userinfo`, { headers })
}

function tokenInfo(query: Fields): Promise<Response> {
  return fetch(`${sandbox.url}/tokeninfo?${String(encode(query))}`)
}

describe('oauth4webapi', () => {
  const client: standard.Client = { client_id: clientId }
  const insecure = { [standard.allowInsecureRequests]: true }

  test.each([
    ['client_secret_post', standard.ClientSecretPost(clientSecret)],
    ['client_secret_basic', standard.ClientSecretBasic(clientSecret)],
  ])('completes authorization, refresh and revocation with %s', async (_, authentication) => {
    const discoveryUrl = `${sandbox.url}/.well-known/openid-configuration`
    const server = await standard.processDiscoveryResponse(
      new URL(google),
      await fetch(discoveryUrl),
    )
    const codeVerifier = standard.generateRandomCodeVerifier()
    const [nonce, state] = [standard.generateRandomNonce(), standard.generateRandomState()]
    const url = authorizationUrl({
      state,
      nonce,
      scope: `openid email profile ${driveFile}`,
      code_challenge: await standard.calculatePKCECodeChallenge(codeVerifier),
    })
    expect(url.href.split('?')[0]).toBe(server.authorization_endpoint)

    const callback = await consent(url)
    expect(callback.origin + callback.pathname).toBe(redirectUri)
    const parameters = standard.validateAuthResponse(server, client, callback, state)
    const response = await standard.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      redirectUri,
      codeVerifier,
      insecure,
    )
    const granted = await standard.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    await standard.validateApplicationLevelSignature(server, response, insecure)
    const claims = standard.getValidatedIdTokenClaims(granted)
    expect(claims).toMatchObject({ sub: ada.sub, email: ada.email, email_verified: true })
    expect(claims).toMatchObject({ iss: google, azp: clientId, name: ada.name })

    const userInfo = await standard.userInfoRequest(server, client, granted.access_token, insecure)
    const info = await standard.processUserInfoResponse(server, client, ada.sub, userInfo)
    expect(info).toMatchObject({ email: ada.email, given_name: 'Ada', family_name: 'Sandbox' })

    const { refresh_token: refreshToken = '' } = granted
    const requestRefresh = () =>
      standard.refreshTokenGrantRequest(server, client, authentication, refreshToken, insecure)
    const renewed = await standard.processRefreshTokenResponse(
      server,
      client,
      await requestRefresh(),
    )
    expect(renewed.access_token).not.toBe(granted.access_token)
    expect(renewed.refresh_token).toBeUndefined()
    expect(standard.getValidatedIdTokenClaims(renewed)?.nonce).toBeUndefined()

    await standard.processRevocationResponse(
      await standard.revocationRequest(server, client, authentication, refreshToken, insecure),
    )
    await expect(
      standard.processRefreshTokenResponse(server, client, await requestRefresh()),
    ).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('rejects the signature of a forged ID token', async () => {
    const keys = createRemoteJWKSet(new URL(`${sandbox.url}/oauth2/v3/certs`))
    const { id_token: good } = await tokens()
    await jwtVerify(String(good), keys, { issuer: google, audience: clientId })
    sandbox.faults.add({ operation: 'oauth.token', idTokenAlg: 'badSignature' })
    const { id_token: forged } = await tokens()
    await expect(jwtVerify(String(forged), keys)).rejects.toThrow('signature')
  })
})

test("Google's own client exchanges a code, refreshes and revokes", async () => {
  const client = new OAuth2Client({
    clientId,
    clientSecret,
    redirectUri,
    endpoints: {
      oauth2AuthBaseUrl: `${sandbox.url}/o/oauth2/v2/auth`,
      oauth2TokenUrl: `${sandbox.url}/token`,
      oauth2RevokeUrl: `${sandbox.url}/revoke`,
    },
  })
  const url = client.generateAuthUrl({ access_type: 'offline', scope: ['email', driveFile] })
  const callback = await consent(url)
  const { tokens: granted } = await client.getToken(callback.searchParams.get('code') ?? '')
  expect(granted.token_type).toBe('Bearer')
  client.setCredentials({ refresh_token: granted.refresh_token ?? '' })
  const { token } = await client.getAccessToken()
  expect(oauth.identify(token ?? '')).toEqual({
    sub: ada.sub,
    email: ada.email,
    clientId,
    scopes: setOf(granted.scope),
  })
  const revoked = await client.revokeToken(granted.refresh_token ?? '') // in the query string
  expect(revoked.status).toBe(200)
  await expect(client.revokeToken(granted.refresh_token ?? '')).rejects.toThrow()
})

describe('an authorization code', () => {
  test('is exchanged for tokens in the documented format', async () => {
    const code = (await signIn()).get('code')
    expect(code).toMatch(/^4\/0[\w-]+$/)
    const { status, body } = await exchange(code)
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^ya29\.[\w-]+$/),
      expires_in: 3599,
      refresh_token: expect.stringMatching(/^1\/\/[\w-]+$/),
      scope: expect.any(String),
      token_type: 'Bearer',
      id_token: expect.any(String),
    })
    expect(setOf(body['scope'])).toEqual(
      setOf(`openid ${drive.replace('drive', 'userinfo.email')} ${driveFile}`),
    )
    expect(decodeJwt(String(body['id_token']))).toMatchObject({ nonce: 'the nonce', aud: clientId })
  })

  test('is valid once; a replay keeps its tokens valid', async () => {
    const code = (await signIn()).get('code')
    const { body } = await exchange(code)
    expect(await exchange(code)).toEqual(badRequest)
    expect((await refresh(body['refresh_token'])).status).toBe(200)
  })

  test('is valid for ten minutes', async () => {
    const [early, late] = [await signIn(), await signIn()]
    fixture.advance(10 * 60_000 - 30_000)
    expect((await exchange(early.get('code'))).status).toBe(200)
    fixture.advance(30_000)
    expect(await exchange(late.get('code'))).toEqual(badRequest)
  })

  test.each<[string, Fields, ReturnType<typeof errorResponse>]>([
    [
      'a wrong verifier',
      { code_verifier: 'w'.repeat(43) },
      errorResponse(400, 'invalid_grant', 'Invalid code verifier.'),
    ],
    [
      'no verifier',
      { code_verifier: null },
      errorResponse(400, 'invalid_grant', 'Missing code verifier.'),
    ],
    [
      'another redirect URI',
      { redirect_uri: 'http://localhost:8080/other' },
      errorResponse(400, 'redirect_uri_mismatch', 'Bad Request'),
    ],
    [
      'no redirect URI',
      { redirect_uri: null },
      errorResponse(400, 'invalid_request', 'Missing required parameter: redirect_uri'),
    ],
    [
      'no code',
      { code: null },
      errorResponse(400, 'invalid_request', 'Missing required parameter: code'),
    ],
    [
      'a code that is still percent-encoded',
      { code: '4%2F0abc' },
      errorResponse(400, 'invalid_grant', 'Malformed auth code.'),
    ],
    ['a code that was never issued', { code: '4/0abc' }, badRequest],
    [
      'no grant type',
      { grant_type: null },
      errorResponse(400, 'invalid_request', 'Missing required parameter: grant_type'),
    ],
    [
      'an unsupported grant type',
      { grant_type: 'password' },
      errorResponse(400, 'unsupported_grant_type', 'Invalid grant_type: password'),
    ],
    [
      'an unknown client',
      { client_id: 'unknown' },
      errorResponse(401, 'invalid_client', 'The OAuth client was not found.'),
    ],
    [
      'a wrong secret',
      { client_secret: 'wrong' },
      errorResponse(401, 'invalid_client', 'Unauthorized'),
    ],
    [
      'no secret',
      { client_secret: null },
      errorResponse(400, 'invalid_request', 'client_secret is missing.'),
    ],
    [
      'no client',
      { client_id: null },
      errorResponse(400, 'invalid_request', 'Could not determine client ID from request.'),
    ],
  ])('is rejected with %s', async (_, changes, expected) => {
    expect(await exchange((await signIn()).get('code'), changes)).toEqual(expected)
  })

  test('without a challenge rejects a verifier', async () => {
    const plain = { code_challenge: null, code_challenge_method: null }
    const message = 'code_verifier or verifier is not needed.'
    expect(await exchange((await signIn(plain)).get('code'))).toEqual(
      errorResponse(400, 'invalid_grant', message),
    )
    const bare = await exchange((await signIn(plain)).get('code'), { code_verifier: null })
    expect(bare.status).toBe(200)
  })

  test('with a plain challenge accepts the challenge as verifier', async () => {
    const plain = { code_challenge: verifier, code_challenge_method: null }
    expect((await exchange((await signIn(plain)).get('code'))).status).toBe(200)
    const mixed = { code_challenge: challenge, code_challenge_method: 'plain' }
    expect((await exchange((await signIn(mixed)).get('code'))).status).toBe(400)
  })

  test('is rejected for another client, as is a refresh token', async () => {
    const other = { client_id: 'other.apps.googleusercontent.com', client_secret: 's' }
    oauth.register({
      client_id: other.client_id,
      client_secrets: ['s'],
      redirect_uris: [redirectUri],
    })
    const code = (await signIn()).get('code')
    expect(await exchange(code, other)).toEqual(badRequest)
    const { refresh_token: refreshToken } = await tokens({ prompt: 'consent' })
    expect(await refresh(refreshToken, other)).toEqual(
      errorResponse(401, 'unauthorized_client', 'Unauthorized'),
    )
  })

  test('requires a form without repeated fields and with one client authentication', async () => {
    const code = (await signIn()).get('code')
    const repeated = encode({ grant_type: 'authorization_code', client_id: clientId })
    repeated.append('client_id', clientId)
    const body = await fetch(`${sandbox.url}/token`, { method: 'POST', body: repeated })
    expect(await body.json()).toEqual({
      error: 'invalid_request',
      error_description: 'OAuth 2 parameters can only have a single value: client_id',
    })
    expect(await exchange(code, {}, { 'content-type': 'application/json' })).toEqual(
      errorResponse(400, 'invalid_request', 'Missing required parameter: grant_type'),
    )
    const basic = Buffer.from(`${clientId}:${encodeURIComponent(clientSecret)}`).toString('base64')
    const both = await exchange(code, {}, { authorization: `Basic ${basic}` })
    expect(both.body['error']).toBe('invalid_request')
    const alone = { client_id: null, client_secret: null }
    expect((await exchange(code, alone, { authorization: `Basic ${basic}` })).status).toBe(200)
  })
})

describe('a refresh token', () => {
  test('is issued at the first consent, or with prompt=consent', async () => {
    expect(await tokens()).toHaveProperty('refresh_token')
    expect(await tokens()).not.toHaveProperty('refresh_token')
    const more = { scope: `openid email ${driveFile} ${drive}.metadata.readonly` }
    expect(await tokens(more)).not.toHaveProperty('refresh_token')
    expect(await tokens({ prompt: 'consent' })).toHaveProperty('refresh_token')
    expect(await tokens({ login_hint: ben.sub })).toHaveProperty('refresh_token')
  })

  test('is issued only with offline access', async () => {
    expect(await tokens({ access_type: null })).not.toHaveProperty('refresh_token')
    const online = await tokens({ access_type: 'online', prompt: 'consent' })
    expect(online).not.toHaveProperty('refresh_token')
  })

  test('is invalidated as the oldest of more than a hundred', async () => {
    const refreshTokens: unknown[] = []
    for (let count = 0; count < 101; count++) {
      refreshTokens.push((await tokens({ prompt: 'consent' }))['refresh_token'])
    }
    expect(await refresh(refreshTokens[0])).toEqual(expiredTokenError)
    expect((await refresh(refreshTokens[1])).status).toBe(200)
    expect((await refresh(refreshTokens[100])).status).toBe(200)
  })

  test('reports "expired or revoked" for half a day, and then only "Bad Request"', async () => {
    const { refresh_token: refreshToken } = await tokens()
    await oauth.control({ action: 'expireRefreshTokens', sub: ada.sub })
    expect(await refresh(refreshToken)).toEqual(expiredTokenError)
    fixture.advance(day / 2)
    expect(await refresh(refreshToken)).toEqual(badRequest)
    expect(await tokens()).not.toHaveProperty('refresh_token') // the grant still exists
  })

  test('expires after half a year without use', async () => {
    const { refresh_token: refreshToken } = await tokens()
    for (const days of [100, 100, 100]) {
      fixture.advance(days * day)
      expect((await refresh(refreshToken)).status).toBe(200)
    }
    fixture.advance(182 * day)
    expect(await refresh(refreshToken)).toEqual(expiredTokenError)
  })

  test('yields fewer scopes than granted on request, but not more', async () => {
    const { refresh_token: refreshToken } = await tokens()
    const fewer = await refresh(refreshToken, { scope: driveFile })
    expect(fewer.body['scope']).toBe(driveFile)
    expect(fewer.body).not.toHaveProperty('id_token')
    expect(await refresh(refreshToken, { scope: drive })).toEqual(
      errorResponse(400, 'invalid_scope', 'Bad Request'),
    )
  })

  test('is rejected with invalid_rapt under a Workspace session policy', async () => {
    const { refresh_token: refreshToken } = await tokens()
    await oauth.control({ action: 'endGrants', sub: ada.sub, reason: 'reauth_policy' })
    expect((await refresh(refreshToken)).body).toMatchObject({
      error: 'invalid_grant',
      error_subtype: 'invalid_rapt',
    })
  })

  test('of an app in testing expires after seven days, unless it has only sign-in scopes', async () => {
    const testing = await startOAuth({ refreshTokenTtlMs: 7 * day })
    try {
      const limited = await testing.tokens()
      expect(limited['refresh_token_expires_in']).toBeLessThanOrEqual(7 * 86_400)
      const signInOnly = await testing.tokens({ scope: 'openid email', login_hint: ben.sub })
      expect(signInOnly).not.toHaveProperty('refresh_token_expires_in')
      testing.advance(7 * day)
      expect(await testing.refresh(limited['refresh_token'])).toEqual(expiredTokenError)
      expect((await testing.refresh(signInOnly['refresh_token'])).status).toBe(200)
    } finally {
      await testing.sandbox.close()
    }
  })
})

describe('an access token', () => {
  test('identifies its user until it expires', async () => {
    const { access_token: accessToken } = await tokens()
    expect(oauth.identify(String(accessToken))).toMatchObject({ sub: ada.sub, clientId })
    expect(oauth.identify(`${accessToken}x`)).toBeUndefined()
    fixture.advance(3599_000)
    expect(oauth.identify(String(accessToken))).toBeUndefined()
  })

  test('returns the claims of its scopes from the userinfo endpoint', async () => {
    const { access_token: accessToken } = await tokens()
    expect(await (await userinfo(accessToken)).json()).toEqual({
      sub: ada.sub,
      email: ada.email,
      email_verified: true,
    })
    const unknown = await userinfo('ya29.unknown')
    expect(unknown.status).toBe(401)
    expect(unknown.headers.get('www-authenticate')).toContain('invalid_token')
    const { access_token: withoutSignIn } = await tokens({ scope: driveFile })
    expect((await userinfo(withoutSignIn)).status).toBe(403)
  })

  test('is described by tokeninfo, and so is an ID token', async () => {
    const { access_token: accessToken, id_token: idToken } = await tokens()
    const described = await tokenInfo({ access_token: String(accessToken) })
    expect(await described.json()).toMatchObject({
      aud: clientId,
      sub: ada.sub,
      email_verified: 'true',
      expires_in: expect.stringMatching(/^\d+$/),
    })
    expect(await (await tokenInfo({ id_token: String(idToken) })).json()).toMatchObject({
      aud: clientId,
    })
    for (const query of [{ access_token: 'x' }, { id_token: 'x.y.z' }, {}]) {
      expect((await tokenInfo(query)).status).toBe(400)
    }
  })
})

describe('POST /revoke', () => {
  test.each(['refresh_token', 'access_token'])(
    'with the %s revokes the whole grant',
    async (kind) => {
      const granted = await tokens()
      const others = await tokens({ login_hint: ben.sub })
      expect(await post('/revoke', { token: String(granted[kind]) })).toEqual({
        status: 200,
        body: {},
      })
      expect(await refresh(granted['refresh_token'])).toEqual(expiredTokenError)
      expect(oauth.identify(String(granted['access_token']))).toBeUndefined()
      expect(oauth.identify(String(others['access_token']))).toBeDefined()
      expect(await tokens()).toHaveProperty('refresh_token') // a first consent again
    },
  )

  test('with an invalid or missing token returns 400', async () => {
    const { refresh_token: refreshToken, access_token: accessToken } = await tokens()
    await oauth.control({ action: 'expireAccessTokens' })
    const invalidToken = errorResponse(400, 'invalid_token', 'Token expired or revoked')
    expect(await post('/revoke', { token: String(accessToken) })).toEqual(invalidToken)
    await post('/revoke', { token: String(refreshToken) })
    expect(await post('/revoke', { token: String(refreshToken) })).toEqual(invalidToken)
    expect(await post('/revoke', {})).toMatchObject({ status: 400 })
  })

  test('does not exist as GET', async () => {
    expect((await fetch(`${sandbox.url}/revoke?token=x`)).status).toBe(404)
  })
})
