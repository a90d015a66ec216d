/** Sessions: replaced by a sign-in, listed beside tokens, ended one by one, and limited in time. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import { pageHeaders } from '../kit/page-sign-in.ts'
import { getFiles, parseJson, statusAndCode } from '../kit/requests.ts'
import {
  approveConsent,
  completeSignIn,
  cookieFrom,
  sessionSecret,
  signInAs,
  startSignIn,
  storedDocuments,
} from '../kit/sign-in.ts'
import { createToken, postToken } from '../kit/tokens.ts'
import { waitFor } from '../kit/wait-for.ts'

const page = 'https://app.example'
const env = { ALLOWED_ORIGINS: page, RETURN_URLS: `${page}/` }
const day = 24 * 60 * 60_000
const ben = { email: 'ben@example.com' }
let clock = 0
const gateway = { now: (): number => Date.now() + clock }
let driveway: Driveway
let otherInstance: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ env, gateway })
  otherInstance = await startDriveway({ sharing: driveway, env, gateway })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})
beforeEach(() => {
  clock = 0
})

interface Session {
  id: string
  kind: 'session' | 'page'
  current: boolean
  origin: string | null
  from: { address: string; userAgent: string } | null
  created: string
  lastUsed: string
  expires: string
}

const ownHeaders = (cookie: string): Record<string, string> => ({
  cookie,
  origin: driveway.origin,
})

async function listSessions(cookie: string): Promise<Session[]> {
  const response = await send(driveway.origin, '/auth/sessions', { headers: ownHeaders(cookie) })
  expect(response.status).toBe(200)
  return parseJson<{ sessions: Session[] }>(response).sessions
}

const endSession = (cookie: string, id: string): Promise<RawResponse> =>
  send(driveway.origin, `/auth/sessions/${id}`, { method: 'DELETE', headers: ownHeaders(cookie) })

async function currentId(cookie: string): Promise<string> {
  return (await listSessions(cookie)).find(({ current }) => current)?.id ?? ''
}

describe('a sign-in', () => {
  test.each([
    ['the same account', {}],
    ['another account', ben],
  ])('as %s ends the session that the cookie names', async (_, clicks) => {
    const { cookie: first } = await signInAs(driveway)
    const { cookie: second } = await signInAs(driveway, clicks, first)
    const minted = await postToken(driveway, {}, ownHeaders(first))
    expect(statusAndCode(minted)).toEqual([401, 'session_expired'])
    expect((await getFiles(driveway, { cookie: first })).status).toBe(401)
    expect((await getFiles(driveway, { cookie: second })).status).toBe(200)
  })

  test('keeps the sessions of other browsers, and the session when it fails', async () => {
    const { cookie: elsewhere } = await signInAs(driveway)
    const { cookie } = await signInAs(driveway)
    const again = await startSignIn(driveway, { cookie })
    await completeSignIn(driveway, `error=access_denied&state=${again.state}`, again.cookie)
    for (const kept of [elsewhere, cookie]) {
      expect((await getFiles(driveway, { cookie: kept })).status).toBe(200)
    }
  })

  test('renews the binding of the browser, so that a planted one is of no use afterwards', async () => {
    const planted = `__session=.${'B'.repeat(22)}`
    const { cookie } = await signInAs(driveway, {}, planted)
    expect(cookie).not.toContain('B'.repeat(22))
    // An attacker starts a sign-in with the planted binding, and lets the browser complete it.
    const attack = await startSignIn(driveway, { cookie: planted })
    const query = await approveConsent(attack, ben)
    const response = await completeSignIn(driveway, query, cookie)
    expect(statusAndCode(response)).toEqual([400, 'state_mismatch'])
    expect((await getFiles(driveway, { cookie })).status).toBe(200)
  })

  test('completes in three tabs that were started before, and each ends the session before it', async () => {
    const first = await startSignIn(driveway)
    const tabs = [first, await startSignIn(driveway, { cookie: first.cookie })]
    tabs.push(await startSignIn(driveway, { cookie: first.cookie }))
    const cookies: string[] = []
    let { cookie } = first
    for (const tab of tabs) {
      const response = await completeSignIn(otherInstance, await approveConsent(tab), cookie)
      expect(response.status).toBe(303)
      cookie = cookieFrom(response)
      cookies.push(cookie)
    }
    const statuses = await Promise.all(
      cookies.map(async (each) => (await getFiles(otherInstance, { cookie: each })).status),
    )
    expect(statuses).toEqual([401, 401, 200])
    expect(new Set([first.cookie, ...cookies].map((each) => each.split('.')[1])).size).toBe(2)
  })

  test('writes an audit event for the session that it ends', async () => {
    const { cookie } = await signInAs(driveway)
    const id = await currentId(cookie)
    await signInAs(driveway, ben, cookie)
    expect(
      driveway.logs.filter(({ message }) => message === 'session_revoked').at(-1),
    ).toMatchObject({
      audit: true,
      sub: driveway.sub,
      sessionId: id,
    })
  })
})

describe('GET /auth/sessions', () => {
  test('lists the account’s sessions and pages, with their origin in time and network', async () => {
    const [{ cookie }, { cookie: theirs }] = [
      await signInAs(driveway),
      await signInAs(driveway, ben),
    ]
    const started = await startSignIn(driveway)
    const consent = await approveConsent(started)
    const phone = await completeSignIn(driveway, consent, started.cookie, {
      'user-agent': 'A phone\t   with a name',
    })
    await pageHeaders(driveway, `${page}/`)
    const sessions = await listSessions(cookie)
    expect(sessions.filter(({ current }) => current)).toHaveLength(1)
    const [newest, second] = sessions
    expect(newest).toEqual({
      id: expect.stringMatching(/^[\da-f]{64}$/),
      kind: 'page',
      current: false,
      origin: page,
      from: { address: '127.0.0.1', userAgent: '' },
      created: expect.stringMatching(/Z$/),
      lastUsed: expect.stringMatching(/Z$/),
      expires: expect.stringMatching(/Z$/),
    })
    expect(second).toMatchObject({
      kind: 'session',
      origin: null,
      from: { address: '127.0.0.1', userAgent: 'A phone with a name' },
    })
    expect(second?.id).toBe(await currentId(cookieFrom(phone)))
    expect(sessions.map(({ id }) => id)).not.toContain(await currentId(theirs))
    expect(JSON.stringify(sessions)).not.toContain(sessionSecret(cookie))
  })

  test.each([
    ['a token', () => driveway.bearer],
    ['a page', () => pageHeaders(driveway, `${page}/`)],
  ])('is refused with the bearer token of %s', async (_, headersOf) => {
    const headers = await headersOf()
    const listed = await send(driveway.origin, '/auth/sessions', { headers })
    const path = `/auth/sessions/${'0'.repeat(64)}`
    const ended = await send(driveway.origin, path, { method: 'DELETE', headers })
    expect([listed, ended].map(problemCode)).toEqual(['scope_insufficient', 'scope_insufficient'])
  })
})

describe('DELETE /auth/sessions/{id}', () => {
  test('ends one session: at once at this instance, and within a minute at others', async () => {
    const [{ cookie }, { cookie: lost }] = [await signInAs(driveway), await signInAs(driveway)]
    const id = await currentId(lost)
    expect((await getFiles(otherInstance, { cookie: lost })).status).toBe(200)
    expect((await endSession(cookie, id)).status).toBe(204)
    expect(statusAndCode(await getFiles(driveway, { cookie: lost }))).toEqual([
      401,
      'session_expired',
    ])
    clock = 60_000
    expect((await getFiles(otherInstance, { cookie: lost })).status).toBe(401)
    expect((await getFiles(driveway, { cookie })).status).toBe(200)
    expect((await listSessions(cookie)).map((session) => session.id)).not.toContain(id)
    expect((await endSession(cookie, id)).status).toBe(404)
  })

  test('ends the bearer token of a page', async () => {
    const { cookie } = await signInAs(driveway)
    const headers = await pageHeaders(driveway, `${page}/`)
    const [newest] = await listSessions(cookie)
    expect((await endSession(cookie, newest?.id ?? '')).status).toBe(204)
    expect((await getFiles(driveway, headers)).status).toBe(401)
  })

  test('of the current session removes the cookie', async () => {
    const { cookie } = await signInAs(driveway)
    const response = await endSession(cookie, await currentId(cookie))
    expect([response.status, cookieFrom(response)]).toEqual([204, '__session=.'])
    expect((await getFiles(driveway, { cookie })).status).toBe(401)
  })

  test('returns 404 for a session of another account, a token and an unknown id', async () => {
    const [{ cookie }, { cookie: theirs }] = [
      await signInAs(driveway),
      await signInAs(driveway, ben),
    ]
    const { id: token } = await createToken(driveway)
    for (const id of [await currentId(theirs), token, '0'.repeat(64), 'x', '..']) {
      expect([id, (await endSession(cookie, id)).status]).toEqual([id, 404])
    }
    expect((await getFiles(driveway, { cookie: theirs })).status).toBe(200)
  })

  test('is refused for another site', async () => {
    const { cookie } = await signInAs(driveway)
    const path = `/auth/sessions/${await currentId(cookie)}`
    for (const origin of ['https://evil.example', page]) {
      const headers = { cookie, origin }
      const response = await send(driveway.origin, path, { method: 'DELETE', headers })
      expect(statusAndCode(response)).toEqual([403, 'csrf'])
    }
  })
})

const statusAfter = async (cookie: string, later: number, at = driveway): Promise<number> => {
  clock = later
  return (await getFiles(at, { cookie })).status
}

/** Waits until the last use of a session is stored. */
async function untilUsedAt(cookie: string, time: number): Promise<void> {
  const id = await currentId(cookie)
  await waitFor(async () => {
    const session = (await listSessions(cookie)).find((each) => each.id === id)
    return Date.parse(session?.lastUsed ?? '') >= time
  })
}

describe('a session', () => {
  test('ends after 14 days without a request', async () => {
    const { cookie } = await signInAs(driveway)
    expect(await statusAfter(cookie, 14 * day + 60_000)).toBe(401)
    const { cookie: another } = await signInAs(driveway)
    expect(await statusAfter(another, clock + 14 * day - 60_000)).toBe(200)
  })

  test('that is used lasts for 30 days, at every instance', async () => {
    const { cookie } = await signInAs(driveway)
    for (const [later, instance] of [
      [13 * day, otherInstance],
      [26 * day, driveway],
      [29 * day, otherInstance],
    ] as const) {
      expect(await statusAfter(cookie, later, instance)).toBe(200)
      await untilUsedAt(cookie, Date.now() + later - 3_600_000)
    }
    expect(await statusAfter(cookie, 30 * day + 60_000)).toBe(401)
  })

  test('that was ended is not stored again by its last use', async () => {
    const { cookie } = await signInAs(driveway)
    const id = await currentId(cookie)
    const { cookie: other } = await signInAs(driveway)
    const count = storedDocuments(driveway.google, 'credentials').length
    driveway.google.faults.add({ operation: 'firestore.commit', latencyMs: 100 })
    driveway.google.calls.length = 0
    clock = 2 * 3_600_000
    await getFiles(driveway, { cookie })
    await waitFor(() => driveway.google.calls.includes('firestore.commit'))
    expect((await endSession(other, id)).status).toBe(204)
    await waitFor(() => storedDocuments(driveway.google, 'credentials').length < count)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(storedDocuments(driveway.google, 'credentials')).toHaveLength(count - 1)
  })

  test('has the limits of SESSION_IDLE_DAYS and SESSION_MAX_DAYS', async () => {
    const settings = { ...env, SESSION_IDLE_DAYS: '1', SESSION_MAX_DAYS: '2' }
    const strict = await startDriveway({ sharing: driveway, env: settings, gateway })
    const { cookie: idle, response } = await signInAs(strict)
    expect(response.headers['set-cookie']?.[0]).toContain(`Max-Age=${(2 * day) / 1000};`)
    const { cookie: used } = await signInAs(strict)
    const { cookie: before } = await signInAs(driveway)
    expect(await statusAfter(used, 0.9 * day, strict)).toBe(200)
    await untilUsedAt(used, Date.now() + 0.8 * day)
    for (const [cookie, later, status] of [
      [idle, 1.1 * day, 401],
      [before, 1.1 * day, 401],
      [used, 1.1 * day, 200],
    ] as const) {
      expect(await statusAfter(cookie, later, strict)).toBe(status)
    }
    await untilUsedAt(used, Date.now() + day)
    expect(await statusAfter(used, 2.1 * day, strict)).toBe(401)
    await strict.close()
  })

  test('of an earlier version has no idle limit until it is used', async () => {
    const { cookie } = await signInAs(driveway)
    const { google } = driveway
    const id = await currentId(cookie)
    const document = google.firestore.dump().find(({ name }) => name.endsWith(`/credentials/${id}`))
    const expiresAt = { timestampValue: new Date(Date.now() + 30 * day).toISOString() }
    const fields = { ...document?.fields, usedAt: undefined, from: undefined, expiresAt }
    await replaceDocument(google, document?.name ?? '', fields)
    expect(await statusAfter(cookie, 20 * day)).toBe(200)
    await untilUsedAt(cookie, Date.now() + 19 * day)
    expect((await listSessions(cookie)).find(({ current }) => current)?.from).toBeNull()
    expect(await statusAfter(cookie, 30 * day + 60_000)).toBe(401)
  })
})
