/** The inferred reason of a revocation, by evidence. */
import { describe, expect, test } from '@jest/globals'
import { revocationReason, toRevocation } from '../../functions/token/revocation-reason.ts'
import type { RevocationCode, Evidence } from '../../functions/token/revocation-reason.ts'

const hour = 3_600_000
const day = 24 * hour
const now = 1_800_000_000_000
const googleDescription = 'Token has been expired or revoked.'

/** Times are ages in milliseconds. */
interface EvidenceAges {
  error?: string
  subtype?: string
  description?: string
  grantedAgo?: number
  usedAgo?: number
  /** Remaining lifetime of the refresh token. */
  expiresIn?: number
  accessToken?: Evidence['accessToken']
}

function codeOf({
  error = 'invalid_grant',
  grantedAgo,
  usedAgo,
  expiresIn,
  ...rest
}: EvidenceAges): RevocationCode {
  const ago = (time?: number): number | undefined => (time === undefined ? undefined : now - time)
  const evidence: Evidence = {
    error,
    subtype: rest.subtype,
    description: rest.description,
    grantedAt: ago(grantedAgo),
    usedAt: ago(usedAgo),
    refreshExpiresAt: expiresIn === undefined ? undefined : now + expiresIn,
    accessToken: rest.accessToken,
  }
  return revocationReason(evidence, now).code
}

describe('revocationReason()', () => {
  test.each<[string, EvidenceAges, RevocationCode]>([
    ['invalid_rapt', { subtype: 'invalid_rapt', grantedAgo: 400 * day }, 'reauth_policy'],
    ['rapt_required', { subtype: 'rapt_required' }, 'reauth_policy'],
    [
      'a restriction by an administrator',
      { error: 'admin_policy_enforced', description: googleDescription },
      'account_changed',
    ],
    ['a deleted account', { description: 'Account has been deleted' }, 'account_changed'],
    [
      'an expired lifetime of seven days',
      { grantedAgo: 7 * day, usedAgo: hour, expiresIn: 0 },
      'testing_expired',
    ],
    [
      'an expired lifetime of a month',
      { grantedAgo: 30 * day, usedAgo: hour, expiresIn: -hour },
      'expired',
    ],
    [
      'an expired lifetime and a slow clock',
      { grantedAgo: 7 * day - 60_000, usedAgo: hour, expiresIn: 60_000 },
      'testing_expired',
    ],
    [
      'an unexpired lifetime',
      { grantedAgo: day, expiresIn: 6 * day, description: googleDescription },
      'revoked',
    ],
    ['a last use half a year ago', { grantedAgo: 400 * day, usedAgo: 182 * day }, 'unused'],
    ['a last use five months ago', { grantedAgo: 400 * day, usedAgo: 150 * day }, 'unknown'],
    [
      'no use after the seventh day',
      { grantedAgo: 20 * day, usedAgo: 6 * day + 14 * day },
      'testing_expired',
    ],
    [
      'a use after the seventh day',
      { grantedAgo: 20 * day, usedAgo: 3 * day, description: googleDescription },
      'revoked',
    ],
    [
      'a rejected access token',
      { grantedAgo: 8 * day, usedAgo: 8 * day, accessToken: 'rejected' },
      'revoked',
    ],
    [
      'an accepted access token',
      { grantedAgo: 3 * day, usedAgo: hour, accessToken: 'accepted' },
      'too_many_tokens',
    ],
    [
      'a grant in its first week',
      { grantedAgo: 2 * day, usedAgo: day, description: googleDescription },
      'revoked',
    ],
    [
      'the description Bad Request',
      { grantedAgo: 2 * day, usedAgo: day, description: 'Bad Request' },
      'unknown',
    ],
    ['no evidence', {}, 'unknown'],
  ])('for %s', (_, evidence, code) => {
    expect(codeOf(evidence)).toBe(code)
  })
})

test('every revocation code has a cause of its own, which tells to sign in again', () => {
  const codes = ['testing_expired', 'expired', 'unused', 'revoked', 'too_many_tokens']
  const causes = [...codes, 'reauth_policy', 'account_changed', 'unknown'].map(
    (code) => toRevocation(code).cause,
  )
  expect(new Set(causes).size).toBe(8)
  for (const cause of causes) expect(cause).toMatch(/[Ss]ign in again/)
})

test('toRevocation() maps an unrecognized stored code to unknown, object properties included', () => {
  for (const code of ['quantum', '', 'constructor', '__proto__', 'toString']) {
    expect(toRevocation(code).code).toBe('unknown')
  }
})
