import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createCredentials } from '../../functions/identity/credentials.ts'
import type {
  Credential,
  Credentials,
  CredentialTransport,
} from '../../functions/identity/credentials.ts'

const day = 24 * 60 * 60_000
/** The grant of an account. */
const grantOf = (sub: string) => ({ sub, generation: `${sub} 1` })

function setUp(): {
  credentials: Credentials
  stored: Map<string, Credential>
  reads: string[]
  clock: { now: number }
} {
  const stored = new Map<string, Credential>()
  const reads: string[] = []
  const clock = { now: 1_000_000 }
  const credentials = createCredentials(
    {
      create: (credential) => Promise.resolve(void stored.set(credential.id, credential)),
      find: (id) => {
        reads.push(id)
        return Promise.resolve(stored.get(id))
      },
      list: (sub) =>
        Promise.resolve([...stored.values()].filter((credential) => credential.sub === sub)),
      touch(id, usedAt, expiresAt) {
        const credential = stored.get(id)
        if (credential) stored.set(id, { ...credential, usedAt, expiresAt })
        return Promise.resolve()
      },
      remove: (id) => Promise.resolve(void stored.delete(id)),
      removeAll(sub) {
        const ids = [...stored.values()]
          .filter((credential) => credential.sub === sub)
          .map(({ id }) => id)
        for (const id of ids) stored.delete(id)
        return Promise.resolve(ids)
      },
    },
    () => clock.now,
  )
  return { credentials, stored, reads, clock }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test('issue() creates a secret of 256 random bits and stores its hash only', async () => {
  const { credentials, stored } = setUp()
  const secrets = new Set<string>()
  for (let count = 0; count < 1_000; count++) {
    const { secret, credential } = await credentials.issue('session', grantOf('a'), day)
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(credential.id).toMatch(/^[0-9a-f]{64}$/)
    secrets.add(secret)
  }
  expect(secrets.size).toBe(1_000)
  const store = JSON.stringify([...stored])
  for (const secret of secrets) expect(store.includes(secret)).toBe(false)
})

test('authenticate() accepts a secret until it expires', async () => {
  const { credentials, clock } = setUp()
  const { secret } = await credentials.issue('token', { ...grantOf('a'), name: 'CI' }, day)
  expect(await credentials.authenticate('bearer', secret)).toMatchObject({
    ...grantOf('a'),
    name: 'CI',
  })
  clock.now += day - 1
  expect(await codeOf(credentials.authenticate('bearer', secret))).toBe('none')
  clock.now += 1
  expect(await codeOf(credentials.authenticate('bearer', secret))).toBe('invalid_token')
})

test('authenticate() rejects a revoked credential', async () => {
  const { credentials } = setUp()
  const { secret, credential } = await credentials.issue('session', grantOf('a'), day)
  await credentials.revoke(credential.id)
  expect(await codeOf(credentials.authenticate('cookie', secret))).toBe('session_expired')
})

test('authenticate() rejects a session as a bearer token and a token as a cookie', async () => {
  const { credentials, stored } = setUp()
  const session = await credentials.issue('session', grantOf('a'), day)
  const token = await credentials.issue('token', grantOf('a'), day)
  expect(await codeOf(credentials.authenticate('bearer', session.secret))).toBe('invalid_token')
  expect(await codeOf(credentials.authenticate('cookie', token.secret))).toBe('session_expired')
  stored.set(session.credential.id, { ...session.credential, kind: 'token' })
  expect(await codeOf(credentials.authenticate('cookie', session.secret))).toBe('session_expired')
})

test('authenticate() accepts a page’s credential as a bearer token only', async () => {
  const { credentials } = setUp()
  const page = await credentials.issue(
    'page',
    { ...grantOf('a'), origin: 'https://a.example' },
    day,
  )
  expect(await credentials.authenticate('bearer', page.secret)).toMatchObject({ kind: 'page' })
  expect(await codeOf(credentials.authenticate('cookie', page.secret))).toBe('session_expired')
})

test('list() returns an account’s valid tokens, newest first, and revokeAll() removes all of them', async () => {
  const { credentials, clock, stored } = setUp()
  for (const [kind, sub, name, lifetime] of [
    ['token', 'a', 'old', 3],
    ['token', 'a', 'expired', 1],
    ['token', 'b', 'another account’s', 3],
    ['session', 'a', '', 3],
    ['token', 'a', 'new', 3],
  ] as const) {
    await credentials.issue(kind, { ...grantOf(sub), name }, lifetime * day)
    clock.now += 1
  }
  clock.now += day
  const listed = await credentials.list(grantOf('a'), 'token')
  expect(listed.map(({ name }) => name)).toEqual(['new', 'old'])
  await credentials.revokeAll('a')
  expect([...stored.values()].map(({ sub }) => sub)).toEqual(['b'])
})

describe('authenticate() rejects a malformed secret without reading the store', () => {
  const malformed: [CredentialTransport, string][] = [
    ['cookie', ''],
    ['cookie', 'x'],
    ['cookie', 'A'.repeat(44)],
    ['cookie', `${'A'.repeat(42)}\n`],
    ['cookie', `${'A'.repeat(42)}/`],
    ['bearer', ''],
    ['bearer', 'dw_'],
    ['bearer', `dw_${'A'.repeat(49)}`],
    ['bearer', `DW_${'A'.repeat(49)}`],
    ['bearer', 'A'.repeat(43)],
    ['bearer', `dw_${'A'.repeat(10_000)}`],
  ]
  test.each(malformed)('as a %s: %p', async (transport, secret) => {
    const { credentials, reads } = setUp()
    expect(await codeOf(credentials.authenticate(transport, secret))).not.toBe('none')
    expect(reads).toEqual([])
  })

  test('with any character of a token changed', async () => {
    const { credentials, reads } = setUp()
    const { secret } = await credentials.issue('token', grantOf('a'), day)
    for (let index = 0; index < secret.length; index++) {
      const other = secret.charAt(index) === 'A' ? 'B' : 'A'
      const changed = secret.slice(0, index) + other + secret.slice(index + 1)
      expect(await codeOf(credentials.authenticate('bearer', changed))).toBe('invalid_token')
    }
    expect(reads).toEqual([])
  })
})
