/** Sign-in, refresh and disconnect against an authorization server that others have written. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { accessProfiles, readConfig } from '../../functions/config/config.ts'
import { createLog } from '../../functions/http/log.ts'
import { createGateway } from '../../functions/app/gateway.ts'
import type { Gateway } from '../../functions/app/gateway.ts'
import { createDrive, sampleTree } from '../../infra/sandbox/drive/index.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'
import type { Google } from '../../infra/sandbox/index.ts'
import { startSandbox } from '../../infra/sandbox/server.ts'
import type { Sandbox } from '../../infra/sandbox/server.ts'
import { codeOf, listen, send } from '../kit/environment.ts'
import type { RawAnswer } from '../kit/environment.ts'
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
let other: Gateway
let clock = 0
const lines: string[] = []

beforeAll(async () => {
  let current: Gateway | undefined
  server = createServer((req, res) => void current?.everything(req, res))
  origin = await listen(server)
  oidcServer = await startOidcServer([...scopes, 'email'])
  google = await startGoogle({ publicUrl: origin })
  register()
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
  const addresses = { ...config.google, ...oidcServer.endpoints, drive: `${drive.url}/` }
  const make = (): Gateway =>
    createGateway(
      { ...config, google: addresses },
      {
        signals: false,
        log: createLog('sandbox', (line) => lines.push(line)),
        now: () => Date.now() + clock,
      },
    )
  current = gateway = make()
  other = make()
  gateway.adopt(server)
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await gateway.stop()
  await other.stop()
  await drive.close()
  await google.close()
  await oidcServer.close()
})
beforeEach(() => {
  clock = 0
  oidcServer.events.length = 0
})

function register(): void {
  const { clientId, clientSecret } = google
  oidcServer.register({ clientId, clientSecret, redirectUri: `${origin}/callback` })
}

/** A sign-in from its beginning to the callback's answer. */
async function signIn(): Promise<{ answer: RawAnswer; session: Record<string, string> }> {
  const begun = await startSignIn({ origin })
  const callback = await followRedirects(begun.location)
  const answer = await completeSignIn({ origin }, callback.searchParams, begun.cookie)
  return { answer, session: { cookie: cookieFrom(answer), origin } }
}

const list = (headers: Record<string, string>): Promise<RawAnswer> =>
  send(origin, '/files', { headers })

describe('sign-in', () => {
  test('with PKCE, state, nonce and iss, to a list of files', async () => {
    const begun = await startSignIn({ origin })
    const callback = await followRedirects(begun.location)
    expect(callback.searchParams.get('iss')).toBe('https://accounts.google.com')
    expect(callback.searchParams.get('state')).toBe(begun.state)
    const answer = await completeSignIn({ origin }, callback.searchParams, begun.cookie)
    expect([answer.status, answer.headers.location]).toEqual([303, `${origin}/`])
    const session = { cookie: cookieFrom(answer), origin }
    const who = JSON.parse(
      (await send(origin, '/auth/session', { headers: session })).body,
    ) as object
    expect(who).toMatchObject({ signedIn: true, email: oidcUser.email, grant: { state: 'active' } })
    const files = await list(session)
    expect(files.status).toBe(200)
    expect((JSON.parse(files.body) as { files: unknown[] }).files.length).toBeGreaterThan(0)
    expect(oidcServer.events).toEqual(
      expect.arrayContaining(['authorization.success', 'grant.success']),
    )
    expect(oidcServer.events).not.toContain('grant.error')
  })

  test('a code that belongs to another sign-in is refused by PKCE (case 9)', async () => {
    const [mine, theirs] = [await startSignIn({ origin }), await startSignIn({ origin })]
    const [here, there] = [
      await followRedirects(mine.location),
      await followRedirects(theirs.location),
    ]
    here.searchParams.set('code', there.searchParams.get('code') ?? '')
    const answer = await completeSignIn({ origin }, here.searchParams, mine.cookie)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'code_exchange_failed'])
    expect(oidcServer.events).toContain('grant.error')
    expect(secretOf(answer)).toBe('')
  })

  test('a token that was made for another nonce is refused', async () => {
    const begun = await startSignIn({ origin })
    const location = new URL(begun.location)
    location.searchParams.set('nonce', 'somebody-elses')
    const callback = await followRedirects(location.href)
    const answer = await completeSignIn({ origin }, callback.searchParams, begun.cookie)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'id_token_invalid'])
    expect(oidcServer.events).toContain('grant.success')
    expect(secretOf(answer)).toBe('')
  })

  test('a request without PKCE would not have been taken', async () => {
    const location = new URL((await startSignIn({ origin })).location)
    for (const name of ['code_challenge', 'code_challenge_method'])
      location.searchParams.delete(name)
    const callback = await followRedirects(location.href)
    expect(callback.searchParams.get('error')).toBe('invalid_request')
    expect(callback.searchParams.has('code')).toBe(false)
  })

  test('another issuer’s name on the way back is refused (case 11)', async () => {
    const begun = await startSignIn({ origin })
    const callback = await followRedirects(begun.location)
    callback.searchParams.set('iss', 'https://accounts.google.com.evil.example')
    const answer = await completeSignIn({ origin }, callback.searchParams, begun.cookie)
    expect(codeOf(answer)).toBe('issuer_mismatch')
    expect(oidcServer.events).not.toContain('grant.success')
  })

  test('the same callback again is refused, and the code is sent once (case 4)', async () => {
    const begun = await startSignIn({ origin })
    const callback = await followRedirects(begun.location)
    expect((await completeSignIn({ origin }, callback.searchParams, begun.cookie)).status).toBe(303)
    const again = await completeSignIn({ origin }, callback.searchParams, begun.cookie)
    expect(codeOf(again)).toBe('state_used')
    expect(oidcServer.events.filter((event) => event.startsWith('grant.'))).toEqual([
      'grant.success',
    ])
  })
})

describe('refresh', () => {
  test('each one brings a new refresh token, which is kept: the next one is good too', async () => {
    const { session } = await signIn()
    const seals = new Set([sealed()])
    for (let round = 1; round <= 3; round++) {
      clock = round * 3_700_000
      oidcServer.events.length = 0
      expect((await list(session)).status).toBe(200)
      expect(oidcServer.events).toContain('refresh_token.consumed')
      seals.add(sealed())
    }
    expect(seals.size).toBe(4)
  })

  test('200 requests at once make one (case 98), or the server would end the grant', async () => {
    const { session } = await signIn()
    clock = 3_700_000
    oidcServer.events.length = 0
    const answers = await Promise.all(Array.from({ length: 200 }, () => list(session)))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(oidcServer.events.filter((event) => event === 'grant.success')).toHaveLength(1)
    expect(oidcServer.events).not.toContain('grant.revoked')
  })
})

test('disconnecting ends the grant there too: its refresh token is worth nothing (case 38)', async () => {
  const { session } = await signIn()
  oidcServer.events.length = 0
  const answer = await send(origin, '/auth/grant', { method: 'DELETE', headers: session })
  expect([200, 204]).toContain(answer.status)
  expect(oidcServer.events).toContain('grant.revoked')
  expect(oidcServer.events).not.toContain('revocation.error')
  expect(storedDocuments(google, 'grants')).toEqual([])
  expect((await list(session)).status).toBe(401)
  // And there is a way back.
  expect((await list((await signIn()).session)).status).toBe(200)
})

test('a grant that has ended there is noticed at the next refresh', async () => {
  const { session } = await signIn()
  // The server begins anew, and knows nothing of what it has given.
  register()
  clock = 3_700_000
  const answer = await list(session)
  expect([answer.status, codeOf(answer)]).toEqual([401, 'reauth_required'])
})

test('no line of the log has anything of what was exchanged in it', () => {
  expect(lines.join('')).not.toMatch(/eyJ|code_verifier|[?&]code=/)
})

/** The refresh token as it is stored. */
function sealed(): unknown {
  return storedDocuments(google, 'grants')[0]?.['sealed']
}

/** The secret of the session that an answer starts; empty when it starts none. */
function secretOf(answer: RawAnswer): string {
  return /^__session=([\w-]*)/.exec(cookieFrom(answer))?.[1] ?? ''
}
