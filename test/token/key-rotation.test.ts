/** Keyring and client secret are rotated under load: no valid request fails. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  approveConsent,
  startSignIn,
  cookieFrom,
  completeSignIn,
  signInAs,
} from '../kit/sign-in.ts'

const minutes = 60_000
const key = (kid: string): object => ({
  kty: 'oct',
  kid,
  k: randomBytes(32).toString('base64url'),
})
const [first, second] = [key('first'), key('second')]
const env = {
  KEYRING_SECRET_NAME: 'projects/sandbox/secrets/ring/versions/latest',
  CLIENT_SECRET_NAME: 'projects/sandbox/secrets/driveway-client/versions/latest',
}

let clock = 0
let google: Driveway['google']
let base: Driveway
const instances: Driveway[] = []
let ada = ''
let ben = ''

beforeAll(async () => {
  base = await startDriveway({ isSignedIn: false })
  ;({ google } = base)
  setKeyring(first)
  const gateway = { now: (): number => Date.now() + clock }
  instances.push(await startDriveway({ sharing: base, env, gateway }))
  instances.push(await startDriveway({ sharing: base, env, gateway }))
  ;({ cookie: ada } = await signInAs(at(0)))
  ;({ cookie: ben } = await signInAs(at(0), { email: 'ben@example.com' }))
})
afterAll(async () => {
  for (const instance of instances) await instance.close()
  await base.close()
})

const at = (index: number): Driveway => instances[index % instances.length] as Driveway

function setKeyring(...keys: object[]): void {
  google.secrets.set('ring', JSON.stringify({ keys }))
}

const files = (instance: Driveway, cookie: string): Promise<RawResponse> =>
  send(instance.origin, '/files?pageSize=1', { headers: { cookie } })

/** Runs lists, session requests, sign-ins and a tus upload at both instances concurrently. */
async function runLoad(during: () => void): Promise<void> {
  const started = await Promise.all([0, 1, 2, 3].map((index) => startSignIn(at(index))))
  const queries = await Promise.all(started.map((signIn) => approveConsent(signIn)))
  const upload = await openUpload(at(0))
  const work = Array.from({ length: 40 }, async (_, index) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (index === 20) during()
    const instance = at(index)
    if (index % 4 !== 0) return (await files(instance, ada)).status === 200
    const session = await send(instance.origin, '/auth/session', { headers: { cookie: ada } })
    return (JSON.parse(session.body) as { grant?: { state?: string } }).grant?.state === 'active'
  })
  // Started before the rotation at one instance, completed after it at the other.
  const completions = started.map(async (signIn, index) => {
    await Promise.all(work)
    const response = await completeSignIn(at(index + 1), queries[index] ?? '', signIn.cookie)
    return response.status === 303 && (await files(at(index), cookieFrom(response))).status === 200
  })
  const results = await Promise.all([...work, ...completions])
  expect(results.filter((succeeded) => !succeeded)).toEqual([])
  expect((await finishUpload(at(1), upload)).status).toBe(204)
}

const tus = { 'tus-resumable': '1.0.0' }

async function openUpload(instance: Driveway): Promise<string> {
  const headers = { cookie: ada, origin: base.origin, ...tus, 'upload-length': '5' }
  const response = await send(instance.origin, '/upload/tus', { method: 'POST', headers })
  return new URL(response.headers.location ?? '').pathname
}

function finishUpload(instance: Driveway, path: string): Promise<RawResponse> {
  const type = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
  const headers = { cookie: ada, origin: base.origin, ...tus, ...type }
  return send(instance.origin, path, { method: 'PATCH', headers, body: 'hello' })
}

/** Advances the clock, so that secret caches expire, and invalidates all access tokens. */
async function advance(time: number): Promise<void> {
  clock += time
  await google.oauth.control({ action: 'expireAccessTokens' })
}

describe('a keyring rotation', () => {
  test('adds a key, seals with it and removes the old one without failed requests', async () => {
    await runLoad(() => setKeyring(first, second))
    await advance(11 * minutes)
    await runLoad(() => setKeyring(second, first))
    await advance(11 * minutes)
    await runLoad(() => {}) // grants in use are sealed again with the new key
    await runLoad(() => setKeyring(second))
    await advance(11 * minutes)
    await runLoad(() => {})
  }, 60_000)

  test('requires a sign-in only of accounts that sent no request between the steps', async () => {
    for (const index of [0, 1]) {
      const response = await files(at(index), ben)
      expect([response.status, problemCode(response)]).toEqual([401, 'reauth_required'])
      expect((await files(at(index), ada)).status).toBe(200)
    }
  })
})

describe('a client secret rotation', () => {
  test('replaces the secret without failed requests, also after the old one is removed', async () => {
    const { clientId, clientSecret } = google
    const rotate = (change: { add?: string; remove?: string }): Promise<void> =>
      google.oauth.control({ action: 'rotateSecret', client_id: clientId, ...change })
    await rotate({ add: 'GOCSPX-newer' })
    const file = { web: { client_id: clientId, client_secret: 'GOCSPX-newer' } }
    await advance(0)
    await runLoad(() => google.secrets.set('driveway-client', JSON.stringify(file)))
    await advance(11 * minutes)
    await runLoad(() => {})
    await rotate({ remove: clientSecret })
    google.secrets.destroy('driveway-client', 1)
    await advance(0)
    await runLoad(() => {})
  }, 60_000)
})
