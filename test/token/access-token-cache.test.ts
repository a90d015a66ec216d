import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createAccessTokenCache } from '../../functions/token/access-token-cache.ts'
import type { AccessTokenCache } from '../../functions/token/access-token-cache.ts'
import type { RefreshResponse } from '../../functions/token/google-oauth.ts'
import type { GrantStore, GrantRecord } from '../../functions/token/grant-store.ts'
import { GrantRevokedError } from '../../functions/token/oauth-errors.ts'

interface Setting {
  accessTokens: AccessTokenCache
  records: Map<string, GrantRecord>
  /** Refresh tokens that were sent to Google, in order. */
  requested: string[]
  clock: { now: number }
  google: {
    refresh: (refreshToken: string) => Promise<RefreshResponse>
    accepts: (accessToken: string) => Promise<boolean>
  }
  /** Account and code of each reported revocation. */
  revocations: string[]
}

function setUp(...subs: string[]): Setting {
  const records = new Map(subs.map((sub) => [sub, record(sub, `refresh-${sub}`)]))
  const requested: string[] = []
  const clock = { now: 1_000_000 }
  const google: Setting['google'] = {
    refresh: (refreshToken) =>
      Promise.resolve(refreshResponse(`${refreshToken} ${requested.length}`)),
    accepts: () => Promise.reject(new Error('unexpected request')),
  }
  const revocations: string[] = []
  const grants: GrantStore = {
    find: (sub) => Promise.resolve(records.get(sub)),
    save: ({ sub, refreshToken }) => {
      const stored = records.get(sub) ?? record(sub, '')
      records.set(sub, { ...stored, ...(refreshToken === undefined ? {} : { refreshToken }) })
      return Promise.resolve(stored.generation)
    },
    findGeneration: (sub) => Promise.resolve(records.get(sub)?.generation),
    rotate: (grant, { refreshToken = '' }) =>
      Promise.resolve(void records.set(grant.sub, { ...grant, refreshToken })),
    markUsed: () => Promise.resolve(),
    markRevoked: (grant, revocation) => {
      records.set(grant.sub, { ...grant, revocation })
      return Promise.resolve()
    },
    remove: (sub) => Promise.resolve(void records.delete(sub)),
  }
  const refresh = (refreshToken: string): Promise<RefreshResponse> => {
    requested.push(refreshToken)
    return google.refresh(refreshToken)
  }
  const accepts = (accessToken: string): Promise<boolean> => google.accepts(accessToken)
  const onRevoked = (sub: string, { code }: { code: string }): void =>
    void revocations.push(`${sub} ${code}`)
  return {
    accessTokens: createAccessTokenCache(
      grants,
      { refresh, isAccessTokenValid: accepts },
      () => clock.now,
      onRevoked,
    ),
    revocations,
    records,
    requested,
    clock,
    google,
  }
}

function record(sub: string, refreshToken: string): GrantRecord {
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
    revocation: undefined,
    generation: 'g',
    etag: undefined,
  }
}

function refreshResponse(accessToken: string, refreshToken?: string): RefreshResponse {
  return { accessToken, expiresInSeconds: 3_599, refreshToken, refreshExpiresInSeconds: undefined }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test('tokenFor() caches a token until five minutes before it expires', async () => {
  const { accessTokens, requested, clock } = setUp('a')
  const token = await accessTokens.tokenFor('a')
  clock.now += (3_599 - 300) * 1000 - 1
  expect(await accessTokens.tokenFor('a')).toBe(token)
  clock.now += 1
  expect(await accessTokens.tokenFor('a')).not.toBe(token)
  expect(requested).toHaveLength(2)
})

test('tokenFor() returns a separate token per account', async () => {
  const { accessTokens } = setUp('a', 'b')
  const tokens = await Promise.all(['a', 'b', 'a', 'b'].map((sub) => accessTokens.tokenFor(sub)))
  expect(new Set(tokens).size).toBe(2)
  expect(tokens[0]).toContain('refresh-a')
  expect(tokens[1]).toContain('refresh-b')
})

test('200 concurrent tokenFor() calls cause one refresh', async () => {
  const { accessTokens, requested } = setUp('a')
  await Promise.all(Array.from({ length: 200 }, () => accessTokens.tokenFor('a')))
  expect(requested).toHaveLength(1)
})

test('200 concurrent calls with a rejected token cause one refresh, and later calls none', async () => {
  const { accessTokens, requested } = setUp('a')
  const old = await accessTokens.tokenFor('a')
  const tokens = await Promise.all(
    Array.from({ length: 200 }, () => accessTokens.tokenFor('a', old)),
  )
  expect(await accessTokens.tokenFor('a', old)).toBe(tokens[0])
  expect(requested).toHaveLength(2)
})

test('a failed refresh rejects all concurrent calls, and the next call refreshes again', async () => {
  const { accessTokens, requested, google, records } = setUp('a')
  const { refresh } = google
  google.refresh = () => Promise.reject(new GatewayError('auth_unavailable', 'down'))
  const codes = await Promise.all(
    Array.from({ length: 50 }, () => codeOf(accessTokens.tokenFor('a'))),
  )
  expect(new Set(codes)).toEqual(new Set(['auth_unavailable']))
  expect(requested).toHaveLength(1)
  expect(records.get('a')?.revocation).toBeUndefined()
  google.refresh = refresh
  expect(await codeOf(accessTokens.tokenFor('a'))).toBe('none')
})

test('tokenFor() saves a new refresh token, and keeps the old one when there is none', async () => {
  const { accessTokens, records, google, clock } = setUp('a')
  google.refresh = () => Promise.resolve(refreshResponse('x', 'rotated'))
  await accessTokens.tokenFor('a')
  expect(records.get('a')?.refreshToken).toBe('rotated')
  google.refresh = () => Promise.resolve(refreshResponse('y'))
  clock.now += 3_600_000
  await accessTokens.tokenFor('a')
  expect(records.get('a')?.refreshToken).toBe('rotated')
})

describe('tokenFor() for a grant that Google has revoked', () => {
  test('records the cause and does not send another request to Google', async () => {
    const { accessTokens, requested, revocations, google, records } = setUp('a')
    google.refresh = () => Promise.reject(new GrantRevokedError('invalid_grant', 'invalid_rapt'))
    for (let count = 0; count < 3; count++) {
      expect(await codeOf(accessTokens.tokenFor('a'))).toBe('reauth_required')
    }
    expect(records.get('a')?.revocation?.cause).toMatch(/organisation/)
    expect(requested).toEqual(['refresh-a'])
    expect(revocations).toEqual(['a reauth_policy'])
  })

  test.each([
    ['rejects', false, 'revoked'],
    ['accepts', true, 'too_many_tokens'],
  ])('infers the reason when Google %s the last access token', async (_, accepted, code) => {
    const { accessTokens, google, records, clock } = setUp('a')
    await accessTokens.tokenFor('a')
    google.refresh = () => Promise.reject(new GrantRevokedError('invalid_grant'))
    google.accepts = () => Promise.resolve(accepted)
    clock.now += 3_599_000 - 60_000
    expect(await codeOf(accessTokens.tokenFor('a'))).toBe('reauth_required')
    expect(records.get('a')?.revocation?.code).toBe(code)
  })

  test('infers a revocation by the user when Google rejected the access token early, without a request', async () => {
    const { accessTokens, google, records } = setUp('a')
    const token = await accessTokens.tokenFor('a')
    google.refresh = () => Promise.reject(new GrantRevokedError('invalid_grant'))
    expect(await codeOf(accessTokens.tokenFor('a', token))).toBe('reauth_required')
    expect(records.get('a')?.revocation?.code).toBe('revoked')
  })

  test('records an unknown reason when the check of the access token fails', async () => {
    const { accessTokens, google, records, clock } = setUp('a')
    await accessTokens.tokenFor('a')
    google.refresh = () => Promise.reject(new GrantRevokedError('invalid_grant'))
    clock.now += 3_599_000 - 60_000
    expect(await codeOf(accessTokens.tokenFor('a'))).toBe('reauth_required')
    expect(records.get('a')?.revocation?.code).toBe('unknown')
  })

  test('uses the new refresh token when a sign-in has replaced the grant meanwhile', async () => {
    const { accessTokens, requested, google, records } = setUp('a')
    google.refresh = (refreshToken) => {
      if (refreshToken === 'new') return Promise.resolve(refreshResponse('x'))
      records.set('a', record('a', 'new'))
      return Promise.reject(new GrantRevokedError('invalid_grant'))
    }
    expect(await accessTokens.tokenFor('a')).toBe('x')
    expect(requested).toEqual(['refresh-a', 'new'])
    expect(records.get('a')?.revocation).toBeUndefined()
  })

  test('fails when the new refresh token is revoked as well', async () => {
    const { accessTokens, google, records } = setUp('a')
    google.refresh = (refreshToken) => {
      if (refreshToken !== 'new') records.set('a', record('a', 'new'))
      return Promise.reject(new GrantRevokedError('invalid_grant'))
    }
    expect(await codeOf(accessTokens.tokenFor('a'))).toBe('reauth_required')
    expect(records.get('a')?.revocation?.cause).toMatch(/revoked the permission/)
  })

  test('fails for an unknown account without a request to Google', async () => {
    const { accessTokens, requested } = setUp()
    expect(await codeOf(accessTokens.tokenFor('a'))).toBe('reauth_required')
    expect(requested).toEqual([])
  })
})

test('set() caches the token of a sign-in, and delete() removes it', async () => {
  const { accessTokens, requested } = setUp('a')
  accessTokens.set('a', 'signed-in', 3_599)
  expect(await accessTokens.tokenFor('a')).toBe('signed-in')
  accessTokens.delete('a')
  expect(await accessTokens.tokenFor('a')).not.toBe('signed-in')
  expect(requested).toHaveLength(1)
})

test('the cache evicts the oldest of more than 10,000 tokens', async () => {
  const { accessTokens, requested } = setUp('a')
  await accessTokens.tokenFor('a')
  for (let index = 0; index < 10_000; index++) accessTokens.set(`other ${index}`, 'x', 3_599)
  await accessTokens.tokenFor('a')
  expect(requested).toHaveLength(2)
})
