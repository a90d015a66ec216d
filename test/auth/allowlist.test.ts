/** ALLOWED_USERS: the allowlist applies to sign-in and to every later request; the default admits everybody. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { isAllowed } from '../../functions/identity/allowlist.ts'
import type { AllowedUsers, GoogleAccount } from '../../functions/identity/allowlist.ts'
import { mintToken } from '../../infra/local/sign-in.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import { signInAs, storedDocuments } from '../kit/sign-in.ts'

const account = (email: string, hd?: string, emailVerified = true): GoogleAccount => ({
  email,
  emailVerified,
  hd,
})

describe('isAllowed()', () => {
  const listed: AllowedUsers = {
    addresses: ['ada@example.com'],
    domains: ['firm.example', 'gmail.com'],
  }
  test.each<[string, GoogleAccount, boolean]>([
    ['accepts a listed address', account('ada@example.com'), true],
    ['accepts a listed address in another case', account('Ada@Example.COM'), true],
    ['rejects an unverified address', account('ada@example.com', undefined, false), false],
    ['rejects another address of the same domain', account('ben@example.com'), false],
    [
      'accepts an account managed by a listed domain',
      account('cy@firm.example', 'firm.example'),
      true,
    ],
    [
      'accepts an account of a secondary domain of a listed domain',
      account('cy@brand.example', 'firm.example'),
      true,
    ],
    ['rejects an address in a listed domain without hd', account('cy@firm.example'), false],
    [
      'rejects an address in a listed domain managed by another domain',
      account('cy@firm.example', 'evil.example'),
      false,
    ],
    ['rejects an account of a subdomain', account('cy@x.firm.example', 'x.firm.example'), false],
    ['rejects a domain with the same suffix', account('cy@x', 'notfirm.example'), false],
    [
      'rejects an unverified address of a managed account',
      account('cy@firm.example', 'firm.example', false),
      false,
    ],
    ['accepts a gmail.com address when gmail.com is listed', account('dee@gmail.com'), true],
    [
      'rejects an address with a listed domain as its local part',
      account('gmail.com@evil.example'),
      false,
    ],
    ['rejects an empty address', account(''), false],
  ])('%s', (_, who, expected) => {
    expect(isAllowed(listed, who)).toBe(expected)
  })

  test('accepts every account by default', () => {
    expect(isAllowed('everybody', account('', undefined, false))).toBe(true)
  })
})

let clock = 0
const openGateway = await startDriveway({ gateway: { now: () => Date.now() + clock } })
const { google, sub } = openGateway
const gateways: Driveway[] = []

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close()
})
afterAll(() => openGateway.close())
beforeEach(async () => {
  clock = 0
  google.faults.clear()
  await google.oauth.control({ action: 'revoke', sub: google.oauth.users[1]?.sub ?? '' })
})

/** Starts a second gateway on the same store with an allowlist. */
async function startWithAllowlist(ALLOWED_USERS: string): Promise<Driveway> {
  const gateway = await startDriveway({
    sharing: openGateway,
    env: { ALLOWED_USERS },
    gateway: { now: () => Date.now() + clock },
  })
  gateways.push(gateway)
  return gateway
}

test('GET /callback returns 403 account_not_allowed for an unlisted account and stores nothing', async () => {
  const gateway = await startWithAllowlist('ada@example.com')
  const before = google.firestore.dump().filter(({ name }) => !name.includes('/singleUse/')).length
  const { response } = await signInAs(gateway, { email: 'ben@example.com' })
  expect([response.status, problemCode(response)]).toEqual([403, 'account_not_allowed'])
  expect(JSON.parse(response.body)).toMatchObject({ link: '/auth?choose=1' })
  expect(response.headers['set-cookie']).toBeUndefined()
  const after = google.firestore.dump().filter(({ name }) => !name.includes('/singleUse/')).length
  expect(after).toBe(before)
  expect(gateway.logs).toContainEqual(
    expect.objectContaining({
      message: 'sign_in_refused',
      audit: true,
      code: 'account_not_allowed',
    }),
  )
  expect((await signInAs(gateway)).response.status).toBe(303)
})

test('GET /callback returns account_not_allowed when Google has not verified the address', async () => {
  const gateway = await startWithAllowlist('ada@example.com')
  google.faults.add({ operation: 'oauth.token', idToken: { email_verified: false } })
  const { response } = await signInAs(gateway)
  expect(problemCode(response)).toBe('account_not_allowed')
})

test('GET /callback matches a domain against the hd claim, not against the address', async () => {
  const gateway = await startWithAllowlist('@example.com')
  expect(problemCode((await signInAs(gateway)).response)).toBe('account_not_allowed')
  google.faults.add({ operation: 'oauth.token', idToken: { hd: 'example.com' } })
  expect((await signInAs(gateway)).response.status).toBe(303)
})

describe('an account that is removed from the allowlist', () => {
  test('gets account_not_allowed with its session and its tokens', async () => {
    const { cookie } = await signInAs(openGateway, { email: 'ben@example.com' })
    const session = { cookie, origin: openGateway.origin }
    const token = {
      authorization: `Bearer ${await mintToken(openGateway.origin, cookie, 'script')}`,
    }
    const gateway = await startWithAllowlist('ada@example.com')
    const json = { 'content-type': 'application/json' }
    const attempts: [string, string, Record<string, string>][] = [
      ['GET', '/files', session],
      ['GET', '/files', token],
      ['PUT', '/upload/x.txt', token],
      ['POST', '/auth/tokens', { ...session, ...json }],
      ['GET', '/auth/session', session],
      ['GET', '/auth/session', token],
    ]
    for (const [method, path, headers] of attempts) {
      const body = method === 'GET' ? undefined : '{}'
      const response = await send(gateway.origin, path, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      })
      expect([method, path, problemCode(response)]).toEqual([method, path, 'account_not_allowed'])
    }
    expect((await send(gateway.origin, '/files', { headers: openGateway.bearer })).status).toBe(200)
  })

  test('can still sign out and disconnect', async () => {
    const { cookie } = await signInAs(openGateway, { email: 'ben@example.com' })
    const { cookie: second } = await signInAs(openGateway, { email: 'ben@example.com' })
    const gateway = await startWithAllowlist('ada@example.com')
    const end = (path: string, whose: string): Promise<RawResponse> =>
      send(gateway.origin, path, {
        method: 'DELETE',
        headers: { cookie: whose, origin: openGateway.origin },
      })
    expect((await end('/auth/session', second)).status).toBe(204)
    expect((await end('/auth/grant', cookie)).status).toBe(204)
    expect(storedDocuments(google, 'grants')).toHaveLength(1)
  })
})

test('The allowlist check costs one Firestore read per minute, and none without an allowlist', async () => {
  const gateway = await startWithAllowlist('ada@example.com')
  const firestoreReads = async (target: Driveway, times: number): Promise<number> => {
    await send(target.origin, '/files', { headers: openGateway.bearer })
    google.calls.length = 0
    for (let count = 0; count < times; count++) {
      await send(target.origin, '/files', { headers: openGateway.bearer })
    }
    return google.calls.filter((call) => call.startsWith('firestore.')).length
  }
  expect([await firestoreReads(gateway, 5), await firestoreReads(openGateway, 5)]).toEqual([0, 0])
  clock = 60_001
  expect((await send(gateway.origin, '/files', { headers: openGateway.bearer })).status).toBe(200)
})

test('An unreadable grant or an unavailable store denies access', async () => {
  const record = google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${sub}`))
  const writeRecord = (fields: Record<string, unknown> = {}): Promise<void> =>
    replaceDocument(google, record?.name ?? '', fields)
  await writeRecord({ ...record?.fields, emailVerified: undefined })
  const gateway = await startWithAllowlist('ada@example.com')
  expect(problemCode(await send(gateway.origin, '/files', { headers: openGateway.bearer }))).toBe(
    'account_not_allowed',
  )
  await writeRecord(record?.fields)
  google.faults.add({ operation: 'firestore.*', skip: 1, times: 99, status: 403 })
  const other = await startWithAllowlist('ada@example.com')
  expect((await send(other.origin, '/files', { headers: openGateway.bearer })).status).toBe(503)
})
