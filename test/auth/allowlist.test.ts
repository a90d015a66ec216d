/** Who may sign in: everybody unless the operator lists them, and the list counts for all that follows. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { isInvited } from '../../functions/identity/allowlist.ts'
import type { AllowedUsers, Visitor } from '../../functions/identity/allowlist.ts'
import { mintToken } from '../../infra/local/sign-in.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { signInAs, storedDocuments } from '../kit/sign-in.ts'

const visitor = (email: string, hd?: string, emailVerified = true): Visitor => ({
  email,
  emailVerified,
  hd,
})

describe('the list', () => {
  const listed: AllowedUsers = {
    addresses: ['ada@example.com'],
    domains: ['firm.example', 'gmail.com'],
  }
  test.each<[string, Visitor, boolean]>([
    ['a listed address', visitor('ada@example.com'), true],
    ['in other letters', visitor('Ada@Example.COM'), true],
    ['unverified', visitor('ada@example.com', undefined, false), false],
    ['another address there', visitor('ben@example.com'), false],
    ['an account that the domain runs', visitor('cy@firm.example', 'firm.example'), true],
    ['of another of its domains', visitor('cy@brand.example', 'firm.example'), true],
    ['an address there that it does not run', visitor('cy@firm.example'), false],
    ['run by another', visitor('cy@firm.example', 'evil.example'), false],
    ['of a domain below', visitor('cy@x.firm.example', 'x.firm.example'), false],
    ['whose name ends alike', visitor('cy@x', 'notfirm.example'), false],
    ['unverified there', visitor('cy@firm.example', 'firm.example', false), false],
    ['one of Google’s own', visitor('dee@gmail.com'), true],
    ['an address that only looks like it', visitor('gmail.com@evil.example'), false],
    ['no address at all', visitor(''), false],
  ])('%s', (_, who, expected) => {
    expect(isInvited(listed, who)).toBe(expected)
  })

  test('everybody is everybody', () => {
    expect(isInvited('everybody', visitor('', undefined, false))).toBe(true)
  })
})

let clock = 0
const open = await startDriveway({ gateway: { now: () => Date.now() + clock } })
const { google, sub } = open
const houses: Driveway[] = []

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close()
})
afterAll(() => open.close())
beforeEach(async () => {
  clock = 0
  google.faults.clear()
  await google.oauth.control({ action: 'revoke', sub: google.oauth.users[1]?.sub ?? '' })
})

/** The same Driveway after its operator has listed people. */
async function listing(ALLOWED_USERS: string): Promise<Driveway> {
  const house = await startDriveway({
    beside: open,
    env: { ALLOWED_USERS },
    gateway: { now: () => Date.now() + clock },
  })
  houses.push(house)
  return house
}

test('whoever is not listed is told so, and nothing is kept', async () => {
  const house = await listing('ada@example.com')
  const before = google.firestore.dump().filter(({ name }) => !name.includes('/logins/')).length
  const { answer } = await signInAs(house, { email: 'ben@example.com' })
  expect([answer.status, codeOf(answer)]).toEqual([403, 'account_not_allowed'])
  expect(JSON.parse(answer.body)).toMatchObject({ link: '/auth?choose=1' })
  expect(answer.headers['set-cookie']).toBeUndefined()
  const after = google.firestore.dump().filter(({ name }) => !name.includes('/logins/')).length
  expect(after).toBe(before)
  expect(house.logs).toContainEqual(
    expect.objectContaining({
      message: 'sign_in_refused',
      audit: true,
      code: 'account_not_allowed',
    }),
  )
  expect((await signInAs(house)).answer.status).toBe(303)
})

test('an address that Google has not verified is nobody’s', async () => {
  const house = await listing('ada@example.com')
  google.faults.add({ operation: 'oauth.token', idToken: { email_verified: false } })
  const { answer } = await signInAs(house)
  expect(codeOf(answer)).toBe('account_not_allowed')
})

test('a domain is the one that Google says, not the one in the address', async () => {
  const house = await listing('@example.com')
  expect(codeOf((await signInAs(house)).answer)).toBe('account_not_allowed')
  google.faults.add({ operation: 'oauth.token', idToken: { hd: 'example.com' } })
  expect((await signInAs(house)).answer.status).toBe(303)
})

describe('somebody who is taken off the list', () => {
  test('can neither list, upload nor make tokens, with nothing that they have', async () => {
    const { cookie } = await signInAs(open, { email: 'ben@example.com' })
    const session = { cookie, origin: open.origin }
    const token = { authorization: `Bearer ${await mintToken(open.origin, cookie, 'script')}` }
    const house = await listing('ada@example.com')
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
      const answer = await send(house.origin, path, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      })
      expect([method, path, codeOf(answer)]).toEqual([method, path, 'account_not_allowed'])
    }
    expect((await send(house.origin, '/files', { headers: open.bearer })).status).toBe(200)
  })

  test('may still sign out and disconnect', async () => {
    const { cookie } = await signInAs(open, { email: 'ben@example.com' })
    const { cookie: second } = await signInAs(open, { email: 'ben@example.com' })
    const house = await listing('ada@example.com')
    const end = (path: string, whose: string): Promise<RawAnswer> =>
      send(house.origin, path, {
        method: 'DELETE',
        headers: { cookie: whose, origin: open.origin },
      })
    expect((await end('/auth/session', second)).status).toBe(204)
    expect((await end('/auth/grant', cookie)).status).toBe(204)
    expect(storedDocuments(google, 'grants')).toHaveLength(1)
  })
})

test('who is listed costs one look a minute; where nobody is, none', async () => {
  const house = await listing('ada@example.com')
  const looks = async (at: Driveway, times: number): Promise<number> => {
    await send(at.origin, '/files', { headers: open.bearer })
    google.calls.length = 0
    for (let count = 0; count < times; count++) {
      await send(at.origin, '/files', { headers: open.bearer })
    }
    return google.calls.filter((call) => call.startsWith('firestore.')).length
  }
  expect([await looks(house, 5), await looks(open, 5)]).toEqual([0, 0])
  clock = 60_001
  expect((await send(house.origin, '/files', { headers: open.bearer })).status).toBe(200)
})

test('a record that cannot be read lets nobody in', async () => {
  const record = google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${sub}`))
  const write = (fields: unknown): Promise<Response> =>
    fetch(`${google.url}/v1/${record?.name}`, { method: 'PATCH', body: JSON.stringify({ fields }) })
  await write({ ...record?.fields, emailVerified: undefined })
  const house = await listing('ada@example.com')
  expect(codeOf(await send(house.origin, '/files', { headers: open.bearer }))).toBe(
    'account_not_allowed',
  )
  await write(record?.fields)
  google.faults.add({ operation: 'firestore.*', skip: 1, times: 99, status: 403 })
  const other = await listing('ada@example.com')
  expect((await send(other.origin, '/files', { headers: open.bearer })).status).toBe(503)
})
