/** Outages of Firestore and Secret Manager at every point of a request. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GatewayTimeouts } from '../../functions/app/gateway.ts'
import type { DocumentJson } from '../../infra/sandbox/firestore/index.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
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
/** The timeouts of all gateways; the defaults unless a test sets them. */
const timeouts: GatewayTimeouts = {}
const shortTimeouts: GatewayTimeouts = { firestore: 200, secrets: 200 }

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { timeouts } })
})
afterEach(async () => {
  jest.restoreAllMocks()
  endOutage()
  for (const instance of gateways.splice(0)) await instance.close()
})
afterAll(() => driveway.close())

/** Starts an instance with empty caches. */
async function freshInstance(env: Record<string, string> = {}): Promise<Driveway> {
  const instance = await startDriveway({ sharing: driveway, env, gateway: { timeouts } })
  gateways.push(instance)
  return instance
}

/** Removes the faults, and restores the default timeouts. */
function endOutage(): void {
  driveway.google.faults.clear()
  delete timeouts.firestore
  delete timeouts.secrets
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

const listFiles = (gateway: Driveway, headers = driveway.session): Promise<RawResponse> =>
  send(gateway.origin, '/files?pageSize=1', { headers })

/** Runs `attempt` with each fault on a fresh instance with short timeouts. */
async function withEachFault<F extends Omit<Fault, 'operation'>>(
  faults: readonly F[],
  operation: string,
  attempt: (instance: Driveway, fault: F) => Promise<void>,
): Promise<void> {
  for (const fault of faults) {
    const instance = await freshInstance()
    Object.assign(timeouts, shortTimeouts)
    fail(operation, fault)
    await attempt(instance, fault)
    endOutage()
  }
}

const idOf = ({ body }: RawResponse): unknown => (JSON.parse(body) as { id?: unknown }).id

const grant = (): DocumentJson | undefined =>
  driveway.google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${driveway.sub}`))

/** Asserts that the response started no session and the next sign-in succeeds. */
async function expectNoSession(response: RawResponse, credentials: number): Promise<void> {
  expect(response.headers['set-cookie']).toBeUndefined()
  endOutage()
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

describe('when Firestore is unavailable', () => {
  test('GET /auth does not need Firestore', async () => {
    const instance = await freshInstance()
    driveway.google.calls.length = 0
    fail('firestore.*', unavailable)
    const response = await send(instance.origin, '/auth')
    expect([response.status, calls('firestore.')]).toEqual([302, 0])
  })

  test('a request with a session gets 503 in time, and succeeds after the outage', async () => {
    const faults: Omit<Fault, 'operation'>[] = [
      unavailable,
      errorResponse(504, 'DEADLINE_EXCEEDED'),
      errorResponse(429, 'RESOURCE_EXHAUSTED'),
      { hang: 'headers' },
      { reset: true },
      { responseBytes: 10 },
      { status: 502, body: '<html>' },
    ]
    await withEachFault(faults, 'firestore.*', async (instance, fault) => {
      const response = await listFiles(instance)
      expect([fault, response.status, problemCode(response)]).toEqual([
        fault,
        503,
        'store_unavailable',
      ])
      expect(response.headers['retry-after']).toBeDefined()
      expect(response.body).not.toContain('secret-project')
      endOutage()
      expect((await listFiles(instance)).status).toBe(200)
    })
  })

  const writes = ['the single-use marker', 'the grant', 'the session']
  test.each(writes.map((what, index) => [what, index] as const))(
    'a callback that cannot write %s starts no session',
    async (_, skip) => {
      const started = await startSignIn(driveway)
      const query = await approveConsent(started)
      const before = storedDocuments(driveway.google, 'credentials').length
      driveway.google.calls.length = 0
      fail('firestore.commit', { ...denied, skip })
      const response = await completeSignIn(driveway, query, started.cookie)
      expect([response.status, tokenRequests(driveway.google)]).toEqual([503, skip === 0 ? 0 : 1])
      await expectNoSession(response, before)
    },
  )

  test('a callback that cannot write the grant gets 503 in time, and the next sign-in succeeds', async () => {
    const started = await startSignIn(driveway)
    const query = await approveConsent(started)
    const before = storedDocuments(driveway.google, 'credentials').length
    // The client retries after at most 0.1 × 100 ms × 1.3ⁿ, which is below 100 ms at the timeout.
    jest.spyOn(Math, 'random').mockReturnValue(0.1)
    Object.assign(timeouts, shortTimeouts)
    fail('firestore.commit', { ...unavailable, skip: 1 })
    const response = await completeSignIn(driveway, query, started.cookie)
    expect([response.status, problemCode(response)]).toEqual([503, 'store_unavailable'])
    // Else the client would retry for minutes and write what was reported as failed.
    expect(calls('firestore.commit')).toBeGreaterThan(3)
    driveway.google.calls.length = 0
    await sleep(250)
    expect(calls('firestore.')).toBe(0)
    await expectNoSession(response, before)
  })

  test('an upload that Drive stored succeeds even if its idempotency record is not written', async () => {
    const put = (): Promise<RawResponse> =>
      send(driveway.origin, '/upload/kept.txt', {
        method: 'PUT',
        headers: { ...driveway.bearer, 'idempotency-key': 'kept' },
        body: 'kept',
      })
    await listFiles(driveway, driveway.bearer)
    // The first request updates the last use of the token in the background, once an hour.
    await waitFor(() => storedDocuments(driveway.google, 'usage').length > 0)
    // The first write reserves the id; the second one, which stores the result, fails.
    fail('firestore.commit', { ...denied, skip: 1 })
    const first = await put()
    driveway.google.faults.clear()
    const again = await put()
    expect([first.status, again.status]).toEqual([201, expect.any(Number)])
    if (again.status < 400) expect(idOf(again)).toBe(idOf(first))
    const listed = await send(driveway.origin, '/files?q=kept.txt', { headers: driveway.bearer })
    expect((JSON.parse(listed.body) as { files: unknown[] }).files).toHaveLength(1)
  })
})

describe('concurrent writes', () => {
  test('of fifty sign-ins of one account with some failed writes, at least forty succeed and the rest get 503', async () => {
    // Long enough for a busy machine, so that only the failed writes count.
    timeouts.firestore = timeouts.secrets = 60_000
    const started = await Promise.all(Array.from({ length: 50 }, () => startSignIn(driveway)))
    const queries = await Promise.all(started.map((signIn) => approveConsent(signIn)))
    const aborted = errorResponse(409, 'ABORTED')
    driveway.google.faults.add({ operation: 'firestore.commit', skip: 20, times: 5, ...aborted })
    driveway.google.faults.add({ operation: 'firestore.commit', skip: 60, times: 5, ...aborted })
    const responses = await Promise.all(
      started.map(({ cookie }, index) => completeSignIn(driveway, queries[index] ?? '', cookie)),
    )
    const [succeeded, failed] = [303, 503].map((status) =>
      responses.filter((response) => response.status === status),
    )
    expect((succeeded?.length ?? 0) + (failed?.length ?? 0)).toBe(50)
    expect(succeeded?.length).toBeGreaterThanOrEqual(40)
    const instance = await freshInstance()
    const listed = await Promise.all(
      (succeeded ?? []).map((response) => listFiles(instance, { cookie: cookieFrom(response) })),
    )
    expect(new Set(listed.map(({ status }) => status))).toEqual(new Set([200]))
  }, 60_000)

  test('a write whose response was lost counts as written', async () => {
    for (const skip of [0, 1, 2]) {
      const started = await startSignIn(driveway)
      const query = await approveConsent(started)
      driveway.google.calls.length = 0
      driveway.google.faults.add({ operation: 'firestore.commit', skip, dropResponse: true })
      const response = await completeSignIn(driveway, query, started.cookie)
      expect(tokenRequests(driveway.google)).toBeLessThanOrEqual(1)
      const again = await completeSignIn(driveway, query, started.cookie)
      expect(problemCode(again)).toBe('state_used')
      expect(response.status).toBe(303)
      expect((await listFiles(await freshInstance())).status).toBe(200)
      expect((await signInAs(driveway)).response.status).toBe(303)
    }
  }, 30_000)
})

describe('when Firestore denies permission', () => {
  test.each([
    ['PERMISSION_DENIED', 403],
    ['UNAUTHENTICATED', 401],
  ])('%s gets 503 misconfigured without a retry or internal details', async (status, code) => {
    const warm = await freshInstance()
    expect((await listFiles(warm)).status).toBe(200)
    fail('firestore.*', errorResponse(code, status))
    for (const instance of [await freshInstance(), warm]) {
      driveway.google.calls.length = 0
      const { cookie } = { cookie: `__session=${'A'.repeat(43)}.` }
      const response = await listFiles(instance, { cookie })
      expect([response.status, problemCode(response)]).toEqual([503, 'misconfigured'])
      expect(response.body).not.toMatch(/secret-project|PERMISSION|UNAUTH/)
      expect(calls('firestore.')).toBe(1)
    }
    driveway.google.faults.clear()
    expect((await listFiles(warm)).status).toBe(200)
  })
})

describe('when Secret Manager is unavailable', () => {
  test('a fresh instance gets 503, and succeeds after the outage', async () => {
    const hanging = { hang: 'headers' } as const
    const temporary = [unavailable, hanging, { reset: true }]
    const permanent = [
      denied,
      errorResponse(404, 'NOT_FOUND'),
      errorResponse(400, 'FAILED_PRECONDITION'),
    ]
    await withEachFault([...temporary, ...permanent], 'secrets.*', async (instance, fault) => {
      const code = permanent.includes(fault) ? 'misconfigured' : 'store_unavailable'
      const response = await send(instance.origin, '/auth')
      expect([fault, response.status, problemCode(response)]).toEqual([fault, 503, code])
      expect(response.body).not.toContain('secret-project')
      endOutage()
      expect((await send(instance.origin, '/auth')).status).toBe(302)
    })
  })

  test('an instance with cached secrets does not need it', async () => {
    const instance = await freshInstance()
    expect((await send(instance.origin, '/auth')).status).toBe(302)
    fail('secrets.*', unavailable)
    expect((await send(instance.origin, '/auth')).status).toBe(302)
  })
})

describe('a grant that another version wrote', () => {
  let untouched: Pick<DocumentJson, 'name' | 'fields'>
  const write = (fields: Record<string, unknown>): Promise<void> =>
    replaceDocument(driveway.google, untouched.name, fields)
  beforeEach(async () => {
    await signInAs(driveway)
    untouched = grant() ?? { name: '', fields: {} }
  })
  afterEach(() => write(untouched.fields))

  test('without dates is accepted', async () => {
    const { email, scopes, sealed, revocationCause, updatedAt, generation } = untouched.fields
    await write({ email, scopes, sealed, revocationCause, updatedAt, generation })
    expect((await listFiles(await freshInstance())).status).toBe(200)
  })

  test('with unknown fields is accepted and keeps them', async () => {
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
  ])(
    'with %s gets reauth_required, stays unchanged, and does not affect other accounts',
    async (_, change) => {
      await write({ ...untouched.fields, ...change })
      const before = grant()?.fields
      const instance = await freshInstance()
      expect(problemCode(await listFiles(instance))).toBe('reauth_required')
      expect(grant()?.fields).toEqual(before)
      const { cookie } = await signInAs(instance, { email: 'ben@example.com' })
      expect((await listFiles(instance, { cookie })).status).toBe(200)
    },
  )
})
