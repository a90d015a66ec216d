/** Keys and the client's secret are changed while everybody goes on: no honest request fails (case 89). */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { approve, begin, cookieFrom, land, signInAs } from '../kit/sign-in.ts'

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
const houses: Driveway[] = []
let ada = ''
let ben = ''

beforeAll(async () => {
  base = await startDriveway({ signedIn: false })
  ;({ google } = base)
  setKeyring(first)
  const gateway = { now: (): number => Date.now() + clock }
  houses.push(await startDriveway({ beside: base, env, gateway }))
  houses.push(await startDriveway({ beside: base, env, gateway }))
  ;({ cookie: ada } = await signInAs(at(0)))
  ;({ cookie: ben } = await signInAs(at(0), { email: 'ben@example.com' }))
})
afterAll(async () => {
  for (const house of houses) await house.close()
  await base.close()
})

const at = (index: number): Driveway => houses[index % houses.length] as Driveway

function setKeyring(...keys: object[]): void {
  google.secrets.set('ring', JSON.stringify({ keys }))
}

const files = (house: Driveway, cookie: string): Promise<RawAnswer> =>
  send(house.origin, '/files?pageSize=1', { headers: { cookie } })

/** Lists, sessions, sign-ins and uploads by tus at both instances, all at the same time. */
async function load(during: () => void): Promise<void> {
  const begun = await Promise.all([0, 1, 2, 3].map((index) => begin(at(index))))
  const queries = await Promise.all(begun.map((one) => approve(one)))
  const upload = await openUpload(at(0))
  const work = Array.from({ length: 40 }, async (_, index) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (index === 20) during()
    const house = at(index)
    if (index % 4 !== 0) return (await files(house, ada)).status === 200
    const session = await send(house.origin, '/auth/session', { headers: { cookie: ada } })
    return (JSON.parse(session.body) as { grant?: { state?: string } }).grant?.state === 'active'
  })
  // Begun before the change at one instance, finished after it at the other.
  const landings = begun.map(async (one, index) => {
    await Promise.all(work)
    const answer = await land(at(index + 1), queries[index] ?? '', one.cookie)
    return answer.status === 303 && (await files(at(index), cookieFrom(answer))).status === 200
  })
  const outcomes = await Promise.all([...work, ...landings])
  expect(outcomes.filter((fine) => !fine)).toEqual([])
  expect((await finishUpload(at(1), upload)).status).toBe(204)
}

const tus = { 'tus-resumable': '1.0.0' }

async function openUpload(house: Driveway): Promise<string> {
  const headers = { cookie: ada, origin: base.origin, ...tus, 'upload-length': '5' }
  const answer = await send(house.origin, '/upload/tus', { method: 'POST', headers })
  return new URL(answer.headers.location ?? '').pathname
}

function finishUpload(house: Driveway, path: string): Promise<RawAnswer> {
  const type = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
  const headers = { cookie: ada, origin: base.origin, ...tus, ...type }
  return send(house.origin, path, { method: 'PATCH', headers, body: 'hello' })
}

/** Both instances read their secrets again, and both need new access tokens. */
async function pass(time: number): Promise<void> {
  clock += time
  await google.oauth.control({ action: 'expireAccessTokens' })
}

describe('the keyring', () => {
  test('gets a new key, seals with it, and gives the old one up', async () => {
    await load(() => setKeyring(first, second))
    await pass(11 * minutes)
    await load(() => setKeyring(second, first))
    await pass(11 * minutes)
    await load(() => {}) // whoever comes now is sealed again with the new key
    await load(() => setKeyring(second))
    await pass(11 * minutes)
    await load(() => {})
  }, 60_000)

  test('those who did not come by in between have to sign in again, and nobody else', async () => {
    for (const index of [0, 1]) {
      const answer = await files(at(index), ben)
      expect([answer.status, codeOf(answer)]).toEqual([401, 'reauth_required'])
      expect((await files(at(index), ada)).status).toBe(200)
    }
  })
})

describe('the client’s secret', () => {
  test('is replaced by a newer one while both are valid, then alone', async () => {
    const { clientId, clientSecret } = google
    const rotate = (change: { add?: string; remove?: string }): Promise<void> =>
      google.oauth.control({ action: 'rotateSecret', client_id: clientId, ...change })
    await rotate({ add: 'GOCSPX-newer' })
    const file = { web: { client_id: clientId, client_secret: 'GOCSPX-newer' } }
    await pass(0)
    await load(() => google.secrets.set('driveway-client', JSON.stringify(file)))
    await pass(11 * minutes)
    await load(() => {})
    await rotate({ remove: clientSecret })
    google.secrets.destroy('driveway-client', 1)
    await pass(0)
    await load(() => {})
  }, 60_000)
})
