import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createAccessTokens } from '../../functions/token/access-token-cache.ts'
import type { AccessTokens } from '../../functions/token/access-token-cache.ts'
import { DeadGrantError } from '../../functions/token/google-oauth.ts'
import type { Refreshed } from '../../functions/token/google-oauth.ts'
import type { Vault, VaultRecord } from '../../functions/token/grant-store.ts'

interface Setting {
  access: AccessTokens
  records: Map<string, VaultRecord>
  /** Refresh tokens that Google was asked about, in order. */
  asked: string[]
  clock: { now: number }
  google: {
    refresh: (refreshToken: string) => Promise<Refreshed>
    accepts: (accessToken: string) => Promise<boolean>
  }
  /** What was told of grants that have ended. */
  ended: string[]
}

function setUp(...subs: string[]): Setting {
  const records = new Map(subs.map((sub) => [sub, record(sub, `refresh-${sub}`)]))
  const asked: string[] = []
  const clock = { now: 1_000_000 }
  const google: Setting['google'] = {
    refresh: (refreshToken) => Promise.resolve(answer(`${refreshToken} ${asked.length}`)),
    accepts: () => Promise.reject(new Error('not asked')),
  }
  const ended: string[] = []
  const vault: Vault = {
    find: (sub) => Promise.resolve(records.get(sub)),
    save: ({ sub, refreshToken }) => {
      const held = records.get(sub) ?? record(sub, '')
      records.set(sub, { ...held, ...(refreshToken === undefined ? {} : { refreshToken }) })
      return Promise.resolve()
    },
    touch: () => Promise.resolve(),
    bury: (found, death) => {
      records.set(found.sub, { ...found, death })
      return Promise.resolve()
    },
    remove: (sub) => Promise.resolve(void records.delete(sub)),
  }
  const refresh = (refreshToken: string): Promise<Refreshed> => {
    asked.push(refreshToken)
    return google.refresh(refreshToken)
  }
  const accepts = (accessToken: string): Promise<boolean> => google.accepts(accessToken)
  const note = (sub: string, { code }: { code: string }): void => void ended.push(`${sub} ${code}`)
  return {
    access: createAccessTokens(vault, { refresh, accepts }, () => clock.now, note),
    ended,
    records,
    asked,
    clock,
    google,
  }
}

function record(sub: string, refreshToken: string): VaultRecord {
  return {
    sub,
    email: '',
    emailVerified: true,
    hd: undefined,
    scopes: [],
    refreshToken,
    grantedAt: undefined,
    usedAt: undefined,
    refreshExpiresAt: undefined,
    death: undefined,
    revision: undefined,
  }
}

function answer(accessToken: string, refreshToken?: string): Refreshed {
  return { accessToken, expiresInSeconds: 3_599, refreshToken, refreshExpiresInSeconds: undefined }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'fine'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test('a token is held until five minutes before its end', async () => {
  const { access, asked, clock } = setUp('a')
  const token = await access.tokenFor('a')
  clock.now += (3_599 - 300) * 1000 - 1
  expect(await access.tokenFor('a')).toBe(token)
  clock.now += 1
  expect(await access.tokenFor('a')).not.toBe(token)
  expect(asked).toHaveLength(2)
})

test('accounts never share a token', async () => {
  const { access } = setUp('a', 'b')
  const tokens = await Promise.all(['a', 'b', 'a', 'b'].map((sub) => access.tokenFor(sub)))
  expect(new Set(tokens).size).toBe(2)
  expect(tokens[0]).toContain('refresh-a')
  expect(tokens[1]).toContain('refresh-b')
})

test('200 callers at once are one refresh (case 98)', async () => {
  const { access, asked } = setUp('a')
  await Promise.all(Array.from({ length: 200 }, () => access.tokenFor('a')))
  expect(asked).toHaveLength(1)
})

test('200 callers whose token was refused are one refresh, and latecomers none (case 98)', async () => {
  const { access, asked } = setUp('a')
  const old = await access.tokenFor('a')
  const news = await Promise.all(Array.from({ length: 200 }, () => access.tokenFor('a', old)))
  expect(await access.tokenFor('a', old)).toBe(news[0])
  expect(asked).toHaveLength(2)
})

test('a refresh that fails, fails everybody once, and the next one may work (case 98)', async () => {
  const { access, asked, google, records } = setUp('a')
  const { refresh } = google
  google.refresh = () => Promise.reject(new GatewayError('auth_unavailable', 'down'))
  const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf(access.tokenFor('a'))))
  expect(new Set(codes)).toEqual(new Set(['auth_unavailable']))
  expect(asked).toHaveLength(1)
  expect(records.get('a')?.death).toBeUndefined()
  google.refresh = refresh
  expect(await codeOf(access.tokenFor('a'))).toBe('fine')
})

test('a new refresh token is kept; none leaves the old one', async () => {
  const { access, records, google, clock } = setUp('a')
  google.refresh = () => Promise.resolve(answer('x', 'rotated'))
  await access.tokenFor('a')
  expect(records.get('a')?.refreshToken).toBe('rotated')
  google.refresh = () => Promise.resolve(answer('y'))
  clock.now += 3_600_000
  await access.tokenFor('a')
  expect(records.get('a')?.refreshToken).toBe('rotated')
})

describe('a grant that Google ended', () => {
  test('is noted with its cause, and Google is not asked again (case 38)', async () => {
    const { access, asked, ended, google, records } = setUp('a')
    google.refresh = () => Promise.reject(new DeadGrantError('invalid_grant', 'invalid_rapt'))
    for (let count = 0; count < 3; count++) {
      expect(await codeOf(access.tokenFor('a'))).toBe('reauth_required')
    }
    expect(records.get('a')?.death?.cause).toMatch(/organisation/)
    expect(asked).toEqual(['refresh-a'])
    expect(ended).toEqual(['a reauth_policy'])
  })

  test.each([
    ['refuses it, takes nothing from it any more', false, 'revoked'],
    ['takes it still, has given up the refresh token alone', true, 'too_many_tokens'],
  ])('whose last access token Google %s', async (_, accepted, code) => {
    const { access, google, records, clock } = setUp('a')
    await access.tokenFor('a')
    google.refresh = () => Promise.reject(new DeadGrantError('invalid_grant'))
    google.accepts = () => Promise.resolve(accepted)
    clock.now += 3_599_000 - 60_000
    expect(await codeOf(access.tokenFor('a'))).toBe('reauth_required')
    expect(records.get('a')?.death?.code).toBe(code)
  })

  test('whose access token was refused before its time, was taken back: nobody is asked', async () => {
    const { access, google, records } = setUp('a')
    const token = await access.tokenFor('a')
    google.refresh = () => Promise.reject(new DeadGrantError('invalid_grant'))
    expect(await codeOf(access.tokenFor('a', token))).toBe('reauth_required')
    expect(records.get('a')?.death?.code).toBe('revoked')
  })

  test('is told by what is known, where Google does not say whether it takes the token', async () => {
    const { access, google, records, clock } = setUp('a')
    await access.tokenFor('a')
    google.refresh = () => Promise.reject(new DeadGrantError('invalid_grant'))
    clock.now += 3_599_000 - 60_000
    expect(await codeOf(access.tokenFor('a'))).toBe('reauth_required')
    expect(records.get('a')?.death?.code).toBe('unknown')
  })

  test('but was renewed meanwhile by a sign-in, is used as it is now', async () => {
    const { access, asked, google, records } = setUp('a')
    google.refresh = (refreshToken) => {
      if (refreshToken === 'new') return Promise.resolve(answer('x'))
      records.set('a', record('a', 'new'))
      return Promise.reject(new DeadGrantError('invalid_grant'))
    }
    expect(await access.tokenFor('a')).toBe('x')
    expect(asked).toEqual(['refresh-a', 'new'])
    expect(records.get('a')?.death).toBeUndefined()
  })

  test('and whose renewal is dead as well, is dead', async () => {
    const { access, google, records } = setUp('a')
    google.refresh = (refreshToken) => {
      if (refreshToken !== 'new') records.set('a', record('a', 'new'))
      return Promise.reject(new DeadGrantError('invalid_grant'))
    }
    expect(await codeOf(access.tokenFor('a'))).toBe('reauth_required')
    expect(records.get('a')?.death?.cause).toMatch(/ended the permission/)
  })

  test('or that nobody knows, needs a sign-in', async () => {
    const { access, asked } = setUp()
    expect(await codeOf(access.tokenFor('a'))).toBe('reauth_required')
    expect(asked).toEqual([])
  })
})

test('what a sign-in brought is used at once, and forgotten on demand', async () => {
  const { access, asked } = setUp('a')
  access.remember('a', 'brought', 3_599)
  expect(await access.tokenFor('a')).toBe('brought')
  access.forget('a')
  expect(await access.tokenFor('a')).not.toBe('brought')
  expect(asked).toHaveLength(1)
})

test('what is held is bounded: the oldest goes', async () => {
  const { access, asked } = setUp('a')
  await access.tokenFor('a')
  for (let index = 0; index < 10_000; index++) access.remember(`other ${index}`, 'x', 3_599)
  await access.tokenFor('a')
  expect(asked).toHaveLength(2)
})
