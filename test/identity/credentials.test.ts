import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createCredentials } from '../../functions/identity/credentials.ts'
import type { Credential, Credentials, Shown } from '../../functions/identity/credentials.ts'

const day = 24 * 60 * 60_000

function setUp(): {
  credentials: Credentials
  kept: Map<string, Credential>
  looks: string[]
  clock: { now: number }
} {
  const kept = new Map<string, Credential>()
  const looks: string[] = []
  const clock = { now: 1_000_000 }
  const credentials = createCredentials(
    {
      create: (credential) => Promise.resolve(void kept.set(credential.id, credential)),
      find: (id) => {
        looks.push(id)
        return Promise.resolve(kept.get(id))
      },
      list: (sub) => Promise.resolve([...kept.values()].filter((one) => one.sub === sub)),
      remove: (id) => Promise.resolve(void kept.delete(id)),
      removeAll(sub) {
        const ids = [...kept.values()].filter((one) => one.sub === sub).map(({ id }) => id)
        for (const id of ids) kept.delete(id)
        return Promise.resolve(ids)
      },
    },
    () => clock.now,
  )
  return { credentials, kept, looks, clock }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test('a secret is 256 random bits, and only its hash is kept', async () => {
  const { credentials, kept } = setUp()
  const secrets = new Set<string>()
  for (let count = 0; count < 1_000; count++) {
    const { secret, credential } = await credentials.issue('session', { sub: 'a' }, day)
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(credential.id).toMatch(/^[0-9a-f]{64}$/)
    secrets.add(secret)
  }
  expect(secrets.size).toBe(1_000)
  const store = JSON.stringify([...kept])
  for (const secret of secrets) expect(store.includes(secret)).toBe(false)
})

test('a secret says whose it is until its time is over', async () => {
  const { credentials, clock } = setUp()
  const { secret } = await credentials.issue('token', { sub: 'a', name: 'CI' }, day)
  expect(await credentials.identify('bearer', secret)).toMatchObject({ sub: 'a', name: 'CI' })
  clock.now += day - 1
  expect(await refusal(credentials.identify('bearer', secret))).toBe('none')
  clock.now += 1
  expect(await refusal(credentials.identify('bearer', secret))).toBe('invalid_token')
})

test('what is revoked is over at once', async () => {
  const { credentials } = setUp()
  const { secret, credential } = await credentials.issue('session', { sub: 'a' }, day)
  await credentials.revoke(credential.id)
  expect(await refusal(credentials.identify('cookie', secret))).toBe('session_expired')
})

test('neither kind counts as the other, whatever the store says (case 8)', async () => {
  const { credentials, kept } = setUp()
  const session = await credentials.issue('session', { sub: 'a' }, day)
  const token = await credentials.issue('token', { sub: 'a' }, day)
  expect(await refusal(credentials.identify('bearer', session.secret))).toBe('invalid_token')
  expect(await refusal(credentials.identify('cookie', token.secret))).toBe('session_expired')
  kept.set(session.credential.id, { ...session.credential, kind: 'token' })
  expect(await refusal(credentials.identify('cookie', session.secret))).toBe('session_expired')
})

test('a page’s bearer is shown as a bearer, and never as a cookie', async () => {
  const { credentials } = setUp()
  const page = await credentials.issue('page', { sub: 'a', origin: 'https://a.example' }, day)
  expect(await credentials.identify('bearer', page.secret)).toMatchObject({ kind: 'page' })
  expect(await refusal(credentials.identify('cookie', page.secret))).toBe('session_expired')
})

test('a person’s live tokens are listed, the newest first, and all of theirs can be ended', async () => {
  const { credentials, clock, kept } = setUp()
  for (const [kind, sub, name, lifetime] of [
    ['token', 'a', 'old', 3],
    ['token', 'a', 'over', 1],
    ['token', 'b', 'not hers', 3],
    ['session', 'a', '', 3],
    ['token', 'a', 'new', 3],
  ] as const) {
    await credentials.issue(kind, { sub, name }, lifetime * day)
    clock.now += 1
  }
  clock.now += day
  const listed = await credentials.list('a', 'token')
  expect(listed.map(({ name }) => name)).toEqual(['new', 'old'])
  await credentials.revokeAll('a')
  expect([...kept.values()].map(({ sub }) => sub)).toEqual(['b'])
})

describe('what cannot be ours costs no look into the store', () => {
  const shapes: [Shown, string][] = [
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
  test.each(shapes)('%s %p', async (shown, secret) => {
    const { credentials, looks } = setUp()
    expect(await refusal(credentials.identify(shown, secret))).not.toBe('none')
    expect(looks).toEqual([])
  })

  test('a token with any letter changed', async () => {
    const { credentials, looks } = setUp()
    const { secret } = await credentials.issue('token', { sub: 'a' }, day)
    for (let index = 0; index < secret.length; index++) {
      const other = secret.charAt(index) === 'A' ? 'B' : 'A'
      const spoilt = secret.slice(0, index) + other + secret.slice(index + 1)
      expect(await refusal(credentials.identify('bearer', spoilt))).toBe('invalid_token')
    }
    expect(looks).toEqual([])
  })
})
