/** What is told of a grant that Google has ended, by what is known of it. */
import { describe, expect, test } from '@jest/globals'
import { deathOf, known } from '../../functions/token/revocation-reason.ts'
import type { DeathCode, Evidence } from '../../functions/token/revocation-reason.ts'

const hour = 3_600_000
const day = 24 * hour
const now = 1_800_000_000_000
const told = 'Token has been expired or revoked.'

/** Times as how long ago they are. */
interface Known {
  error?: string
  subtype?: string
  description?: string
  granted?: number
  used?: number
  /** In how long the token was to end. */
  ends?: number
  accessToken?: Evidence['accessToken']
}

function codeOf({ error = 'invalid_grant', granted, used, ends, ...rest }: Known): DeathCode {
  const ago = (time?: number): number | undefined => (time === undefined ? undefined : now - time)
  const evidence: Evidence = {
    error,
    subtype: rest.subtype,
    description: rest.description,
    grantedAt: ago(granted),
    usedAt: ago(used),
    refreshExpiresAt: ends === undefined ? undefined : now + ends,
    accessToken: rest.accessToken,
  }
  return deathOf(evidence, now).code
}

describe('the cause of a grant’s end (case 38)', () => {
  test.each<[string, Known, DeathCode]>([
    ['Google names a policy', { subtype: 'invalid_rapt', granted: 400 * day }, 'reauth_policy'],
    ['or its other name', { subtype: 'rapt_required' }, 'reauth_policy'],
    ['an administrator', { error: 'admin_policy_enforced', description: told }, 'account_changed'],
    ['the account is gone', { description: 'Account has been deleted' }, 'account_changed'],
    ['the time was seven days', { granted: 7 * day, used: hour, ends: 0 }, 'testing_expired'],
    ['the time was a month', { granted: 30 * day, used: hour, ends: -hour }, 'expired'],
    [
      'our clock is slow',
      { granted: 7 * day - 60_000, used: hour, ends: 60_000 },
      'testing_expired',
    ],
    ['its time is not over', { granted: day, ends: 6 * day, description: told }, 'revoked'],
    ['nobody came for half a year', { granted: 400 * day, used: 182 * day }, 'unused'],
    ['somebody came in between', { granted: 400 * day, used: 150 * day }, 'unknown'],
    [
      'the seventh day passed unused',
      { granted: 20 * day, used: 6 * day + 14 * day },
      'testing_expired',
    ],
    [
      'it worked after the seventh day',
      { granted: 20 * day, used: 3 * day, description: told },
      'revoked',
    ],
    [
      'its access token died with it',
      { granted: 8 * day, used: 8 * day, accessToken: 'refused' },
      'revoked',
    ],
    [
      'its access token lives',
      { granted: 3 * day, used: hour, accessToken: 'accepted' },
      'too_many_tokens',
    ],
    ['it is in its first week', { granted: 2 * day, used: day, description: told }, 'revoked'],
    [
      'Google says as little as it can',
      { granted: 2 * day, used: day, description: 'Bad Request' },
      'unknown',
    ],
    ['nothing is known', {}, 'unknown'],
  ])('%s', (_, evidence, code) => {
    expect(codeOf(evidence)).toBe(code)
  })
})

test('each has words of its own, which say what to do', () => {
  const codes = ['testing_expired', 'expired', 'unused', 'revoked', 'too_many_tokens']
  const causes = [...codes, 'reauth_policy', 'account_changed', 'unknown'].map(
    (code) => known(code).cause,
  )
  expect(new Set(causes).size).toBe(8)
  for (const cause of causes) expect(cause).toMatch(/[Ss]ign in again/)
})

test('a code that another version stored is unknown here, and no property of objects is one', () => {
  for (const code of ['quantum', '', 'constructor', '__proto__', 'toString']) {
    expect(known(code).code).toBe('unknown')
  }
})
