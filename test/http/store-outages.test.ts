/** Firestore and Secret Manager fail, at the socket, wherever a request meets them: group G. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { setTimeout } from 'node:timers/promises'
import type { DocumentJson } from '../../infra/sandbox/firestore/index.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { waitFor } from '../kit/wait-for.ts'
import {
  approveConsent,
  startSignIn,
  cookieFrom,
  completeSignIn,
  signInAs,
  storedDocuments,
  tokenRequests,
} from '../kit/sign-in.ts'

let driveway: Driveway
const gateways: Driveway[] = []

beforeAll(async () => {
  driveway = await startDriveway()
})
afterEach(async () => {
  driveway.google.faults.clear()
  for (const house of gateways.splice(0)) await house.close()
})
afterAll(() => driveway.close())

/** A gateway that has read nothing yet. */
async function freshInstance(env: Record<string, string> = {}): Promise<Driveway> {
  const house = await startDriveway({ sharing: driveway, env })
  gateways.push(house)
  return house
}

function fail(operation: string, fault: Omit<Fault, 'operation'>): void {
  driveway.google.faults.add({ operation, times: 1_000, ...fault })
}

const errorResponse = (code: number, status: string): Omit<Fault, 'operation'> => ({
  status: code,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error: { code, status, message: 'projects/secret-project is closed' } }),
})
const denied = errorResponse(403, 'PERMISSION_DENIED')
const unavailable = errorResponse(503, 'UNAVAILABLE')

const calls = (operation: string): number =>
  driveway.google.calls.filter((call) => call.startsWith(operation)).length

const listFiles = (at: Driveway, headers = driveway.session): Promise<RawResponse> =>
  send(at.origin, '/files?pageSize=1', { headers })

/** Each fault in a world of its own, all at the same time: what fails for a while is waited for. */
async function withEachFault<F extends Omit<Fault, 'operation'>>(
  faults: readonly F[],
  operation: string,
  attempt: (house: Driveway, fault: F) => Promise<void>,
): Promise<void> {
  await Promise.all(
    faults.map(async (fault) => {
      const world = await startDriveway()
      const house = Object.assign(await startDriveway({ sharing: world }), {
        session: world.session,
      })
      try {
        world.google.faults.add({ operation, times: 1_000, ...fault })
        await attempt(house, fault)
      } finally {
        await house.close()
        await world.close()
      }
    }),
  )
}

const idOf = ({ body }: RawResponse): unknown => (JSON.parse(body) as { id?: unknown }).id

const grant = (): DocumentJson | undefined =>
  driveway.google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${driveway.sub}`))

/** Nobody was signed in by it, and the next sign-in works. */
async function expectNoSession(answer: RawResponse, credentials: number): Promise<void> {
  expect(answer.headers['set-cookie']).toBeUndefined()
  driveway.google.faults.clear()
  expect(storedDocuments(driveway.google, 'credentials')).toHaveLength(credentials)
  let { response: next, cookie } = await signInAs(driveway)
  if (next.headers.location?.includes('/o/oauth2/')) {
    const location = next.headers.location
    next = await completeSignIn(
      driveway,
      await approveConsent({ location, state: '', cookie }),
      cookie,
    )
    cookie = cookieFrom(next)
  }
  expect(next.headers.location).toBe(`${driveway.origin}/`)
  expect((await listFiles(driveway, { cookie })).status).toBe(200)
}

describe('Firestore does not answer (case 85)', () => {
  test('/auth needs none of it', async () => {
    const house = await freshInstance()
    driveway.google.calls.length = 0
    fail('firestore.*', unavailable)
    const answer = await send(house.origin, '/auth')
    expect([answer.status, calls('firestore.')]).toEqual([302, 0])
  })

  test('a session that is looked up: 503 in time, and good again when it does', async () => {
    const faults: Omit<Fault, 'operation'>[] = [
      unavailable,
      errorResponse(504, 'DEADLINE_EXCEEDED'),
      errorResponse(429, 'RESOURCE_EXHAUSTED'),
      { hang: 'headers' },
      { reset: true },
      { responseBytes: 10 },
      { status: 502, body: '<html>' },
    ]
    await withEachFault(faults, 'firestore.*', async (house, fault) => {
      const answer = await listFiles(house, house.session)
      expect([fault, answer.status, problemCode(answer)]).toEqual([fault, 503, 'store_unavailable'])
      expect(answer.headers['retry-after']).toBeDefined()
      expect(answer.body).not.toContain('secret-project')
      house.google.faults.clear()
      expect((await listFiles(house, house.session)).status).toBe(200)
    })
  }, 60_000)

  const writes = ['the claim of the sign-in', 'the vault', 'the session']
  test.each(writes.map((what, index) => [what, index] as const))(
    'a callback that cannot write %s leaves no half session',
    async (_, skip) => {
      const begun = await startSignIn(driveway)
      const query = await approveConsent(begun)
      const before = storedDocuments(driveway.google, 'credentials').length
      driveway.google.calls.length = 0
      fail('firestore.commit', { ...denied, skip })
      const answer = await completeSignIn(driveway, query, begun.cookie)
      expect([answer.status, tokenRequests(driveway.google)]).toEqual([503, skip === 0 ? 0 : 1])
      await expectNoSession(answer, before)
    },
  )

  test('a callback whose vault is down is told so in time, and may try again', async () => {
    const begun = await startSignIn(driveway)
    const query = await approveConsent(begun)
    const before = storedDocuments(driveway.google, 'credentials').length
    fail('firestore.commit', { ...unavailable, skip: 1 })
    const answer = await completeSignIn(driveway, query, begun.cookie)
    expect([answer.status, problemCode(answer)]).toEqual([503, 'store_unavailable'])
    await expectNoSession(answer, before)
    // The client would go on by itself for minutes, and write at last what was said to be lost.
    driveway.google.calls.length = 0
    await setTimeout(5_000)
    expect(calls('firestore.')).toBe(0)
  }, 30_000)

  test('an upload that Drive has is a success, whatever becomes of its record', async () => {
    const put = (): Promise<RawResponse> =>
      send(driveway.origin, '/upload/kept.txt', {
        method: 'PUT',
        headers: { ...driveway.bearer, 'idempotency-key': 'kept' },
        body: 'kept',
      })
    await listFiles(driveway, driveway.bearer)
    // That the token is in use is noted beside the first request, once an hour.
    await waitFor(() => storedDocuments(driveway.google, 'usage').length > 0)
    // One write reserves the id; the one that would note the answer fails.
    fail('firestore.commit', { ...denied, skip: 1 })
    const first = await put()
    driveway.google.faults.clear()
    const again = await put()
    expect([first.status, again.status]).toEqual([201, expect.any(Number)])
    if (again.status < 400) expect(idOf(again)).toBe(idOf(first))
    const found = await send(driveway.origin, '/files?q=kept.txt', { headers: driveway.bearer })
    expect((JSON.parse(found.body) as { files: unknown[] }).files).toHaveLength(1)
  })
})

describe('many write at once (case 86)', () => {
  test('fifty sign-ins of one account, some of whose writes are lost or late', async () => {
    const begun = await Promise.all(Array.from({ length: 50 }, () => startSignIn(driveway)))
    const queries = await Promise.all(begun.map((one) => approveConsent(one)))
    const aborted = errorResponse(409, 'ABORTED')
    driveway.google.faults.add({ operation: 'firestore.commit', skip: 20, times: 5, ...aborted })
    driveway.google.faults.add({ operation: 'firestore.commit', skip: 60, times: 5, ...aborted })
    const answers = await Promise.all(
      begun.map((one, index) => completeSignIn(driveway, queries[index] ?? '', one.cookie)),
    )
    const [good, bad] = [303, 503].map((status) => answers.filter((a) => a.status === status))
    expect((good?.length ?? 0) + (bad?.length ?? 0)).toBe(50)
    expect(good?.length).toBeGreaterThanOrEqual(40)
    const house = await freshInstance()
    const listed = await Promise.all(
      (good ?? []).map((answer) => listFiles(house, { cookie: cookieFrom(answer) })),
    )
    expect(new Set(listed.map(({ status }) => status))).toEqual(new Set([200]))
  }, 60_000)

  test('a write that was made and whose answer was lost is as good as any other', async () => {
    for (const skip of [0, 1, 2]) {
      const begun = await startSignIn(driveway)
      const query = await approveConsent(begun)
      driveway.google.calls.length = 0
      driveway.google.faults.add({ operation: 'firestore.commit', skip, dropResponse: true })
      const answer = await completeSignIn(driveway, query, begun.cookie)
      expect(tokenRequests(driveway.google)).toBeLessThanOrEqual(1)
      const again = await completeSignIn(driveway, query, begun.cookie)
      expect(problemCode(again)).toBe('state_used')
      expect(answer.status).toBe(303)
      expect((await listFiles(await freshInstance())).status).toBe(200)
      expect((await signInAs(driveway)).response.status).toBe(303)
    }
  }, 30_000)
})

describe('Firestore does not let us in (case 87)', () => {
  test.each([
    ['PERMISSION_DENIED', 403],
    ['UNAUTHENTICATED', 401],
  ])('%s is not tried again, at the start or later, and says nothing', async (status, code) => {
    const warm = await freshInstance()
    expect((await listFiles(warm)).status).toBe(200)
    fail('firestore.*', errorResponse(code, status))
    for (const house of [await freshInstance(), warm]) {
      driveway.google.calls.length = 0
      const { cookie } = { cookie: `__session=${'A'.repeat(43)}.` }
      const answer = await listFiles(house, { cookie })
      expect([answer.status, problemCode(answer)]).toEqual([503, 'misconfigured'])
      expect(answer.body).not.toMatch(/secret-project|PERMISSION|UNAUTH/)
      expect(calls('firestore.')).toBe(1)
    }
    driveway.google.faults.clear()
    expect((await listFiles(warm)).status).toBe(200)
  })
})

describe('Secret Manager (case 88)', () => {
  test('fails an instance that is cold: 503, and good again when it is', async () => {
    const gone = { hang: 'headers' } as const
    const temporary = [unavailable, gone, { reset: true }]
    const lasting = [
      denied,
      errorResponse(404, 'NOT_FOUND'),
      errorResponse(400, 'FAILED_PRECONDITION'),
    ]
    await withEachFault([...temporary, ...lasting], 'secrets.*', async (house, fault) => {
      const code = lasting.includes(fault) ? 'misconfigured' : 'store_unavailable'
      const answer = await send(house.origin, '/auth')
      expect([fault, answer.status, problemCode(answer)]).toEqual([fault, 503, code])
      expect(answer.body).not.toContain('secret-project')
      house.google.faults.clear()
      expect((await send(house.origin, '/auth')).status).toBe(302)
    })
  }, 60_000)

  test('is not needed by an instance that has read what it needs', async () => {
    const house = await freshInstance()
    expect((await send(house.origin, '/auth')).status).toBe(302)
    fail('secrets.*', unavailable)
    expect((await send(house.origin, '/auth')).status).toBe(302)
  })
})

describe('a record of another time (case 90)', () => {
  let untouched: Pick<DocumentJson, 'name' | 'fields'>
  const write = (fields: Record<string, unknown>): Promise<Response> =>
    fetch(`${driveway.google.url}/v1/${untouched.name}`, {
      method: 'PATCH',
      body: JSON.stringify({ fields }),
    })
  beforeEach(async () => {
    await signInAs(driveway)
    untouched = grant() ?? { name: '', fields: {} }
  })
  afterEach(() => write(untouched.fields))

  test('from before the dates were kept is as good as ever', async () => {
    const { email, scopes, sealed, revocationCause, updatedAt } = untouched.fields
    await write({ email, scopes, sealed, revocationCause, updatedAt })
    expect((await listFiles(await freshInstance())).status).toBe(200)
  })

  test('of a newer version works, and what is not understood of it stays', async () => {
    const news = { stringValue: 'something new' }
    await write({ ...untouched.fields, news, revocationCode: { nullValue: null } })
    expect((await listFiles(await freshInstance())).status).toBe(200)
    await signInAs(driveway)
    expect(grant()?.fields['news']).toEqual(news)
  })

  test.each<[string, Record<string, unknown>]>([
    ['a date that is a number', { usedAt: { integerValue: '7' } }],
    ['a code that is a list', { revocationCode: { arrayValue: { values: [] } } }],
    ['a domain that is a number', { hd: { integerValue: '7' } }],
    ['scopes that are numbers', { scopes: { arrayValue: { values: [{ integerValue: '7' }] } } }],
    ['900 KB where a token was', { sealed: { stringValue: 'A'.repeat(900_000) } }],
  ])('with %s is refused, left alone, and concerns nobody else', async (_, change) => {
    await write({ ...untouched.fields, ...change })
    const before = grant()?.fields
    const house = await freshInstance()
    expect(problemCode(await listFiles(house))).toBe('reauth_required')
    expect(grant()?.fields).toEqual(before)
    const { cookie } = await signInAs(house, { email: 'ben@example.com' })
    expect((await listFiles(house, { cookie })).status).toBe(200)
  })
})
