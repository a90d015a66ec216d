import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { checkAccess, scopes } from '../../functions/identity/principal.ts'
import type { RequiredAccess, Principal } from '../../functions/identity/principal.ts'

const principal = (kind: Principal['kind'], granted: Principal['scopes'] = scopes): Principal => ({
  kind,
  id: 'i',
  sub: 's',
  generation: 'g',
  scopes: granted,
  expiresAt: 0,
})

function errorOf(subject: Principal, required: RequiredAccess): GatewayError | undefined {
  try {
    checkAccess(subject, required)
    return undefined
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

describe('checkAccess() per kind of credential', () => {
  const cases: [Principal['kind'], RequiredAccess, boolean][] = [
    ['session', 'files:read', true],
    ['session', 'upload', true],
    ['session', 'signed-in', true],
    ['session', 'session', true],
    ['page', 'files:read', true],
    ['page', 'upload', true],
    ['page', 'signed-in', true],
    ['page', 'session', false],
    ['token', 'files:read', true],
    ['token', 'signed-in', false],
    ['token', 'session', false],
    ['token', 'authenticated', true],
  ]
  test.each(cases)('%s: %s is allowed: %p', (kind, required, isAllowed) => {
    expect(errorOf(principal(kind), required)?.code).toBe(
      isAllowed ? undefined : 'scope_insufficient',
    )
  })
})

test('checkAccess() rejects a token without the scope and names the scope (RFC 6750)', () => {
  const reader = principal('token', ['files:read'])
  expect(errorOf(reader, 'files:read')).toBeUndefined()
  expect(errorOf(reader, 'upload')?.headers).toEqual({
    'www-authenticate': 'Bearer realm="driveway", error="insufficient_scope", scope="upload"',
  })
  expect(errorOf(principal('token', []), 'files:read')?.status).toBe(403)
  expect(errorOf(principal('token', []), 'authenticated')).toBeUndefined()
})
