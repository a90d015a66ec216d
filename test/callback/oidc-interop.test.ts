/** Sign-in, refresh and disconnect against a certified third-party OpenID Connect server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { readConfig } from '../../functions/config/config.ts'
import { accessProfiles } from '../../functions/token/access-profiles.ts'
import { createLog } from '../../functions/http/log.ts'
import { createGateway } from '../../functions/app/gateway.ts'
import type { Gateway } from '../../functions/app/gateway.ts'
import { createDrive, sampleTree } from '../../infra/sandbox/drive/index.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'
import type { Google } from '../../infra/sandbox/index.ts'
import { startSandbox } from '../../infra/sandbox/server.ts'
import type { Sandbox } from '../../infra/sandbox/server.ts'
import { problemCode, listen, send } from '../kit/environment.ts'
import type { RawResponse } from '../kit/environment.ts'
import { followRedirects, oidcUser, startOidcServer } from '../kit/oidc-server.ts'
import type { OidcServer } from '../kit/oidc-server.ts'
import { startSignIn, cookieFrom, completeSignIn, storedDocuments } from '../kit/sign-in.ts'

const scopes = accessProfiles.browse.scopes
let origin = ''
let server: Server
let oidcServer: OidcServer
let google: Google
let drive: Sandbox
let gateway: Gateway
let otherGateway: Gateway
let clock = 0
const lines: string[] = []

beforeAll(async () => {
  let current: Gateway | undefined
  server = createServer((req, res) => void current?.all(req, res))
  origin = await listen(server)
  oidcServer = await startOidcServer([...scopes, 'email'])
  google = await startGoogle({ publicUrl: origin })
  resetServer()
  const files = createDrive({
    identify(token) {
      const sub = oidcServer.subjectOf(token)
      return sub === undefined
        ? undefined
        : { ...oidcUser, sub, scopes: new Set(scopes), clientId: google.clientId }
    },
  })
  await files.seed(oidcUser.sub, sampleTree)
  drive = await startSandbox([files])
  const config = readConfig({
    ...google.env,
    RATE_LIMIT: 'none',
    RATE_LIMIT_ANONYMOUS: 'none',
  })
  const addresses = { ...config.googleEndpoints, ...oidcServer.endpoints, drive: `${drive.url}/` }
  const make = (): Gateway =>
    createGateway(
      { ...config, googleEndpoints: addresses },
      {
        handleSignals: false,
        log: createLog('sandbox', (line) => lines.push(line)),
        now: () => Date.now() + clock,
      },
    )
  current = gateway = make()
  otherGateway = make()
  gateway.attach(server)
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await gateway.stop()
  await otherGateway.stop()
  await drive.close()
  await google.close()
  await oidcServer.close()
})
beforeEach(() => {
  clock = 0
  oidcServer.events.length = 0
})

function resetServer(): void {
  const { clientId, clientSecret } = google
  oidcServer.register({ clientId, clientSecret, redirectUri: `${origin}/callback` })
}

/** Signs in. @returns the response of the callback and the session */
async function signIn(): Promise<{ response: RawResponse; session: Record<string, string> }> {
  const started = await startSignIn({ origin })
  const callback = await followRedirects(started.location)
  const response = await completeSignIn({ origin }, callback.searchParams, started.cookie)
  return { response, session: { cookie: cookieFrom(response), origin } }
}

const getFiles = (headers: Record<string, string>): Promise<RawResponse> =>
  send(origin, '/files', { headers })

describe('sign-in', () => {
  test('succeeds with PKCE, state, nonce and iss, and the session lists files', async () => {
    const started = await startSignIn({ origin })
    const callback = await followRedirects(started.location)
    expect(callback.searchParams.get('iss')).toBe('https://accounts.google.com')
    expect(callback.searchParams.get('state')).toBe(started.state)
    const response = await completeSignIn({ origin }, callback.searchParams, started.cookie)
    expect([response.status, response.headers.location]).toEqual([303, `${origin}/`])
    const session = { cookie: cookieFrom(response), origin }
    const sessionInfo = JSON.parse(
      (await send(origin, '/auth/session', { headers: session })).body,
    ) as object
    expect(sessionInfo).toMatchObject({
      signedIn: true,
      email: oidcUser.email,
      grant: { state: 'active' },
    })
    const files = await getFiles(session)
    expect(files.status).toBe(200)
    expect((JSON.parse(files.body) as { files: unknown[] }).files.length).toBeGreaterThan(0)
    expect(oidcServer.events).toEqual(
      expect.arrayContaining(['authorization.success', 'grant.success']),
    )
    expect(oidcServer.events).not.toContain('grant.error')
  })

  test('fails PKCE verification with the code of another sign-in', async () => {
    const [first, second] = [await startSignIn({ origin }), await startSignIn({ origin })]
    const [callback, otherCallback] = [
      await followRedirects(first.location),
      await followRedirects(second.location),
    ]
    callback.searchParams.set('code', otherCallback.searchParams.get('code') ?? '')
    const response = await completeSignIn({ origin }, callback.searchParams, first.cookie)
    expect([response.status, problemCode(response)]).toEqual([400, 'code_exchange_failed'])
    expect(oidcServer.events).toContain('grant.error')
    expect(sessionSecretOf(response)).toBe('')
  })

  test('rejects an ID token with another nonce', async () => {
    const started = await startSignIn({ origin })
    const location = new URL(started.location)
    location.searchParams.set('nonce', 'another-nonce')
    const callback = await followRedirects(location.href)
    const response = await completeSignIn({ origin }, callback.searchParams, started.cookie)
    expect([response.status, problemCode(response)]).toEqual([400, 'id_token_invalid'])
    expect(oidcServer.events).toContain('grant.success')
    expect(sessionSecretOf(response)).toBe('')
  })

  test('would be rejected by the server without PKCE', async () => {
    const location = new URL((await startSignIn({ origin })).location)
    for (const name of ['code_challenge', 'code_challenge_method'])
      location.searchParams.delete(name)
    const callback = await followRedirects(location.href)
    expect(callback.searchParams.get('error')).toBe('invalid_request')
    expect(callback.searchParams.has('code')).toBe(false)
  })

  test('rejects another issuer in the iss parameter', async () => {
    const started = await startSignIn({ origin })
    const callback = await followRedirects(started.location)
    callback.searchParams.set('iss', 'https://accounts.google.com.evil.example')
    const response = await completeSignIn({ origin }, callback.searchParams, started.cookie)
    expect(problemCode(response)).toBe('issuer_mismatch')
    expect(oidcServer.events).not.toContain('grant.success')
  })

  test('rejects a replayed callback, and sends the code once', async () => {
    const started = await startSignIn({ origin })
    const callback = await followRedirects(started.location)
    expect((await completeSignIn({ origin }, callback.searchParams, started.cookie)).status).toBe(
      303,
    )
    const again = await completeSignIn({ origin }, callback.searchParams, started.cookie)
    expect(problemCode(again)).toBe('state_used')
    expect(oidcServer.events.filter((event) => event.startsWith('grant.'))).toEqual([
      'grant.success',
    ])
  })
})

describe('refresh', () => {
  test('stores the rotated refresh token of each refresh', async () => {
    const { session } = await signIn()
    const seals = new Set([sealedRefreshToken()])
    for (let round = 1; round <= 3; round++) {
      clock = round * 3_700_000
      oidcServer.events.length = 0
      expect((await getFiles(session)).status).toBe(200)
      expect(oidcServer.events).toContain('refresh_token.consumed')
      seals.add(sealedRefreshToken())
    }
    expect(seals.size).toBe(4)
  })

  test('runs once for 200 concurrent requests; a second use of the token would revoke the grant', async () => {
    const { session } = await signIn()
    clock = 3_700_000
    oidcServer.events.length = 0
    const responses = await Promise.all(Array.from({ length: 200 }, () => getFiles(session)))
    expect(responses.filter(({ status }) => status !== 200)).toEqual([])
    expect(oidcServer.events.filter((event) => event === 'grant.success')).toHaveLength(1)
    expect(oidcServer.events).not.toContain('grant.revoked')
  })
})

test('DELETE /auth/grant revokes the refresh token at the server', async () => {
  const { session } = await signIn()
  oidcServer.events.length = 0
  const response = await send(origin, '/auth/grant', { method: 'DELETE', headers: session })
  expect([200, 204]).toContain(response.status)
  expect(oidcServer.events).toContain('grant.revoked')
  expect(oidcServer.events).not.toContain('revocation.error')
  expect(storedDocuments(google, 'grants')).toEqual([])
  expect((await getFiles(session)).status).toBe(401)
  // The account can sign in again.
  expect((await getFiles((await signIn()).session)).status).toBe(200)
})

test('A grant that is revoked at the server returns 401 reauth_required at the next refresh', async () => {
  const { session } = await signIn()
  // The reset server does not know the tokens it has issued.
  resetServer()
  clock = 3_700_000
  const response = await getFiles(session)
  expect([response.status, problemCode(response)]).toEqual([401, 'reauth_required'])
})

test('The log contains no token, verifier or code', () => {
  expect(lines.join('')).not.toMatch(/eyJ|code_verifier|[?&]code=/)
})

/** Returns the refresh token as stored. */
function sealedRefreshToken(): unknown {
  return storedDocuments(google, 'grants')[0]?.['sealed']
}

/** Returns the session secret that a response sets; empty when it sets none. */
function sessionSecretOf(response: RawResponse): string {
  return /^__session=([\w-]*)/.exec(cookieFrom(response))?.[1] ?? ''
}
