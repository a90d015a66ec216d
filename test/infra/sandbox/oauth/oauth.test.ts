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
  expired,
  redirectUri,
  refusal,
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
  fixture.rewind()
  for (const { sub } of oauth.users) await oauth.control({ action: 'revoke', sub })
})
afterAll(() => sandbox.close())

const badRequest = refusal(400, 'invalid_grant', 'Bad Request')

async function userinfo(token: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${String(token)}` }
  return fetch(`${sandbox.url}/v1/userinfo`, { headers })
}

function tokenInfo(query: Fields): Promise<Response> {
  return fetch(`${sandbox.url}/tokeninfo?${String(encode(query))}`)
}

describe('an independent client', () => {
  const client: standard.Client = { client_id: clientId }
  const insecure = { [standard.allowInsecureRequests]: true }

  test.each([
    ['client_secret_post', standard.ClientSecretPost(clientSecret)],
    ['client_secret_basic', standard.ClientSecretBasic(clientSecret)],
  ])('goes the whole way with %s', async (_, authentication) => {
    const address = `${sandbox.url}/.well-known/openid-configuration`
    const server = await standard.processDiscoveryResponse(new URL(google), await fetch(address))
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

    const asked = await standard.userInfoRequest(server, client, granted.access_token, insecure)
    const info = await standard.processUserInfoResponse(server, client, ada.sub, asked)
    expect(info).toMatchObject({ email: ada.email, given_name: 'Ada', family_name: 'Sandbox' })

    const { refresh_token: refreshToken = '' } = granted
    const again = () =>
      standard.refreshTokenGrantRequest(server, client, authentication, refreshToken, insecure)
    const renewed = await standard.processRefreshTokenResponse(server, client, await again())
    expect(renewed.access_token).not.toBe(granted.access_token)
    expect(renewed.refresh_token).toBeUndefined()
    expect(standard.getValidatedIdTokenClaims(renewed)?.nonce).toBeUndefined()

    await standard.processRevocationResponse(
      await standard.revocationRequest(server, client, authentication, refreshToken, insecure),
    )
    await expect(
      standard.processRefreshTokenResponse(server, client, await again()),
    ).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('finds the signature of a forged ID token wrong', async () => {
    const keys = createRemoteJWKSet(new URL(`${sandbox.url}/oauth2/v3/certs`))
    const { id_token: good } = await tokens()
    await jwtVerify(String(good), keys, { issuer: google, audience: clientId })
    sandbox.faults.add({ operation: 'oauth.token', idTokenAlg: 'badSignature' })
    const { id_token: forged } = await tokens()
    await expect(jwtVerify(String(forged), keys)).rejects.toThrow('signature')
  })
})

test("Google's own client exchanges, refreshes and revokes", async () => {
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

describe('a code', () => {
  test('is exchanged for tokens of the documented shape', async () => {
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

  test('is good once; its tokens live on after the replay', async () => {
    const code = (await signIn()).get('code')
    const { body } = await exchange(code)
    expect(await exchange(code)).toEqual(badRequest)
    expect((await refresh(body['refresh_token'])).status).toBe(200)
  })

  test('is good for ten minutes', async () => {
    const [early, late] = [await signIn(), await signIn()]
    fixture.pass(10 * 60_000 - 30_000)
    expect((await exchange(early.get('code'))).status).toBe(200)
    fixture.pass(30_000)
    expect(await exchange(late.get('code'))).toEqual(badRequest)
  })

  test.each<[string, Fields, ReturnType<typeof refusal>]>([
    [
      'a wrong verifier',
      { code_verifier: 'w'.repeat(43) },
      refusal(400, 'invalid_grant', 'Invalid code verifier.'),
    ],
    [
      'no verifier',
      { code_verifier: null },
      refusal(400, 'invalid_grant', 'Missing code verifier.'),
    ],
    [
      'another redirect URI',
      { redirect_uri: 'http://localhost:8080/other' },
      refusal(400, 'redirect_uri_mismatch', 'Bad Request'),
    ],
    [
      'no redirect URI',
      { redirect_uri: null },
      refusal(400, 'invalid_request', 'Missing required parameter: redirect_uri'),
    ],
    [
      'no code',
      { code: null },
      refusal(400, 'invalid_request', 'Missing required parameter: code'),
    ],
    [
      'a code that is still percent-encoded',
      { code: '4%2F0abc' },
      refusal(400, 'invalid_grant', 'Malformed auth code.'),
    ],
    ['a code that nobody issued', { code: '4/0abc' }, badRequest],
    [
      'no grant type',
      { grant_type: null },
      refusal(400, 'invalid_request', 'Missing required parameter: grant_type'),
    ],
    [
      'a foreign grant type',
      { grant_type: 'password' },
      refusal(400, 'unsupported_grant_type', 'Invalid grant_type: password'),
    ],
    [
      'an unknown client',
      { client_id: 'nobody' },
      refusal(401, 'invalid_client', 'The OAuth client was not found.'),
    ],
    ['a wrong secret', { client_secret: 'wrong' }, refusal(401, 'invalid_client', 'Unauthorized')],
    [
      'no secret',
      { client_secret: null },
      refusal(400, 'invalid_request', 'client_secret is missing.'),
    ],
    [
      'no client',
      { client_id: null },
      refusal(400, 'invalid_request', 'Could not determine client ID from request.'),
    ],
  ])('is refused with %s', async (_, changes, expected) => {
    expect(await exchange((await signIn()).get('code'), changes)).toEqual(expected)
  })

  test('without a challenge takes no verifier', async () => {
    const plain = { code_challenge: null, code_challenge_method: null }
    const unneeded = 'code_verifier or verifier is not needed.'
    expect(await exchange((await signIn(plain)).get('code'))).toEqual(
      refusal(400, 'invalid_grant', unneeded),
    )
    const bare = await exchange((await signIn(plain)).get('code'), { code_verifier: null })
    expect(bare.status).toBe(200)
  })

  test('with a plain challenge takes the challenge itself', async () => {
    const plain = { code_challenge: verifier, code_challenge_method: null }
    expect((await exchange((await signIn(plain)).get('code'))).status).toBe(200)
    const mixed = { code_challenge: challenge, code_challenge_method: 'plain' }
    expect((await exchange((await signIn(mixed)).get('code'))).status).toBe(400)
  })

  test('is worth nothing to another client', async () => {
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
      refusal(401, 'unauthorized_client', 'Unauthorized'),
    )
  })

  test('must come in a form, each field once, with one client authentication', async () => {
    const code = (await signIn()).get('code')
    const twice = encode({ grant_type: 'authorization_code', client_id: clientId })
    twice.append('client_id', clientId)
    const body = await fetch(`${sandbox.url}/token`, { method: 'POST', body: twice })
    expect(await body.json()).toEqual({
      error: 'invalid_request',
      error_description: 'OAuth 2 parameters can only have a single value: client_id',
    })
    expect(await exchange(code, {}, { 'content-type': 'application/json' })).toEqual(
      refusal(400, 'invalid_request', 'Missing required parameter: grant_type'),
    )
    const basic = Buffer.from(`${clientId}:${encodeURIComponent(clientSecret)}`).toString('base64')
    const both = await exchange(code, {}, { authorization: `Basic ${basic}` })
    expect(both.body['error']).toBe('invalid_request')
    const alone = { client_id: null, client_secret: null }
    expect((await exchange(code, alone, { authorization: `Basic ${basic}` })).status).toBe(200)
  })
})

describe('a refresh token', () => {
  test('comes with the first consent only, or with prompt=consent', async () => {
    expect(await tokens()).toHaveProperty('refresh_token')
    expect(await tokens()).not.toHaveProperty('refresh_token')
    const more = { scope: `openid email ${driveFile} ${drive}.metadata.readonly` }
    expect(await tokens(more)).not.toHaveProperty('refresh_token')
    expect(await tokens({ prompt: 'consent' })).toHaveProperty('refresh_token')
    expect(await tokens({ login_hint: ben.sub })).toHaveProperty('refresh_token')
  })

  test('comes with offline access only', async () => {
    expect(await tokens({ access_type: null })).not.toHaveProperty('refresh_token')
    const online = await tokens({ access_type: 'online', prompt: 'consent' })
    expect(online).not.toHaveProperty('refresh_token')
  })

  test('is the oldest to die when there are more than a hundred', async () => {
    const held: unknown[] = []
    for (let count = 0; count < 101; count++) {
      held.push((await tokens({ prompt: 'consent' }))['refresh_token'])
    }
    expect(await refresh(held[0])).toEqual(expired)
    expect((await refresh(held[1])).status).toBe(200)
    expect((await refresh(held[100])).status).toBe(200)
  })

  test('says why it died for half a day, and then only "Bad Request"', async () => {
    const { refresh_token: refreshToken } = await tokens()
    await oauth.control({ action: 'expireRefreshTokens', sub: ada.sub })
    expect(await refresh(refreshToken)).toEqual(expired)
    fixture.pass(day / 2)
    expect(await refresh(refreshToken)).toEqual(badRequest)
    expect(await tokens()).not.toHaveProperty('refresh_token') // the grant itself is still there
  })

  test('dies after half a year without use', async () => {
    const { refresh_token: refreshToken } = await tokens()
    for (const days of [100, 100, 100]) {
      fixture.pass(days * day)
      expect((await refresh(refreshToken)).status).toBe(200)
    }
    fixture.pass(182 * day)
    expect(await refresh(refreshToken)).toEqual(expired)
  })

  test('may ask for less than was granted, not for more', async () => {
    const { refresh_token: refreshToken } = await tokens()
    const less = await refresh(refreshToken, { scope: driveFile })
    expect(less.body['scope']).toBe(driveFile)
    expect(less.body).not.toHaveProperty('id_token')
    expect(await refresh(refreshToken, { scope: drive })).toEqual(
      refusal(400, 'invalid_scope', 'Bad Request'),
    )
  })

  test('stops with invalid_rapt under a Workspace session policy', async () => {
    const { refresh_token: refreshToken } = await tokens()
    await oauth.control({ action: 'end', sub: ada.sub, how: 'reauth_policy' })
    expect((await refresh(refreshToken)).body).toMatchObject({
      error: 'invalid_grant',
      error_subtype: 'invalid_rapt',
    })
  })

  test('of an app in testing lives seven days, unless it is only for signing in', async () => {
    const testing = await startOAuth({ refreshTokenLifetime: 7 * day })
    try {
      const limited = await testing.tokens()
      expect(limited['refresh_token_expires_in']).toBeLessThanOrEqual(7 * 86_400)
      const signInOnly = await testing.tokens({ scope: 'openid email', login_hint: ben.sub })
      expect(signInOnly).not.toHaveProperty('refresh_token_expires_in')
      testing.pass(7 * day)
      expect(await testing.refresh(limited['refresh_token'])).toEqual(expired)
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
    fixture.pass(3599_000)
    expect(oauth.identify(String(accessToken))).toBeUndefined()
  })

  test('tells the userinfo endpoint as much as its scopes allow', async () => {
    const { access_token: accessToken } = await tokens()
    expect(await (await userinfo(accessToken)).json()).toEqual({
      sub: ada.sub,
      email: ada.email,
      email_verified: true,
    })
    const dead = await userinfo('ya29.dead')
    expect(dead.status).toBe(401)
    expect(dead.headers.get('www-authenticate')).toContain('invalid_token')
    const { access_token: nameless } = await tokens({ scope: driveFile })
    expect((await userinfo(nameless)).status).toBe(403)
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

describe('revoking', () => {
  test.each(['refresh_token', 'access_token'])('the %s ends the whole grant', async (kind) => {
    const granted = await tokens()
    const others = await tokens({ login_hint: ben.sub })
    expect(await post('/revoke', { token: String(granted[kind]) })).toEqual({
      status: 200,
      body: {},
    })
    expect(await refresh(granted['refresh_token'])).toEqual(expired)
    expect(oauth.identify(String(granted['access_token']))).toBeUndefined()
    expect(oauth.identify(String(others['access_token']))).toBeDefined()
    expect(await tokens()).toHaveProperty('refresh_token') // a first consent again
  })

  test('what is dead already, or not a token, is invalid_token', async () => {
    const { refresh_token: refreshToken, access_token: accessToken } = await tokens()
    await oauth.control({ action: 'expireAccessTokens' })
    const dead = refusal(400, 'invalid_token', 'Token expired or revoked')
    expect(await post('/revoke', { token: String(accessToken) })).toEqual(dead)
    await post('/revoke', { token: String(refreshToken) })
    expect(await post('/revoke', { token: String(refreshToken) })).toEqual(dead)
    expect(await post('/revoke', {})).toMatchObject({ status: 400 })
  })

  test('is a POST: GET finds nothing', async () => {
    expect((await fetch(`${sandbox.url}/revoke?token=x`)).status).toBe(404)
  })
})
