import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { checkNeed, scopes } from '../../functions/identity/principal.ts'
import type { Need, Principal } from '../../functions/identity/principal.ts'

const principal = (kind: Principal['kind'], granted: Principal['scopes'] = scopes): Principal => ({
  kind,
  id: 'i',
  sub: 's',
  scopes: granted,
  expiresAt: 0,
})

function refusal(who: Principal, need: Need): GatewayError | undefined {
  try {
    checkNeed(who, need)
    return undefined
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

describe('what each kind may do', () => {
  const cases: [Principal['kind'], Need, boolean][] = [
    ['session', 'files:read', true],
    ['session', 'upload', true],
    ['session', 'owner', true],
    ['session', 'session', true],
    ['page', 'files:read', true],
    ['page', 'upload', true],
    ['page', 'owner', true],
    ['page', 'session', false],
    ['token', 'files:read', true],
    ['token', 'owner', false],
    ['token', 'session', false],
    ['token', 'nothing', true],
  ]
  test.each(cases)('%s: %s is %p', (kind, need, fine) => {
    expect(refusal(principal(kind), need)?.code).toBe(fine ? undefined : 'scope_insufficient')
  })
})

test('a token does what its scopes say, and a refusal names the one that lacks (RFC 6750)', () => {
  const reader = principal('token', ['files:read'])
  expect(refusal(reader, 'files:read')).toBeUndefined()
  expect(refusal(reader, 'upload')?.headers).toEqual({
    'www-authenticate': 'Bearer realm="driveway", error="insufficient_scope", scope="upload"',
  })
  expect(refusal(principal('token', []), 'files:read')?.status).toBe(403)
  expect(refusal(principal('token', []), 'nothing')).toBeUndefined()
})
