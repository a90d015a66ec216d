/** Status of a grant, as `GET /auth/session` returns it. */
import { GatewayError } from '../errors.ts'
import { missingScopes } from '../token/scopes.ts'
import type { GrantRecord, GrantStore } from '../token/grant-store.ts'

export type GrantStatus =
  | { state: 'active' }
  | { state: 'revoked'; code: string; cause: string; reconnect: string }
  | { state: 'partial'; missing: string[]; cause: string; reconnect: string }

const reconnect = '/auth?reconnect=1'

/** @param requestedScopes the scopes that Driveway requests now, which may be more than at sign-in */
export function grantStatus(
  { revocation, scopes }: Pick<GrantRecord, 'revocation' | 'scopes'>,
  requestedScopes: readonly string[],
): GrantStatus {
  if (revocation) return { state: 'revoked', ...revocation, reconnect }
  const missing = missingScopes(requestedScopes, scopes)
  if (missing.length === 0) return { state: 'active' }
  const cause =
    'Driveway asks for more permissions than you have granted. Those that you granted still work; the others need your consent'
  return { state: 'partial', missing, cause, reconnect }
}

/** Finds the grant of an account. A record that cannot be decrypted counts as none. */
export async function findReadableGrant(
  grants: Pick<GrantStore, 'find'>,
  sub: string,
): Promise<GrantRecord | undefined> {
  try {
    return await grants.find(sub)
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'reauth_required') return undefined
    throw error
  }
}
