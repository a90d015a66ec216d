/** What `GET /auth/session` tells of a grant. */
import { missingScopes } from '../token/scopes.ts'
import type { VaultRecord } from '../token/grant-store.ts'

export type GrantStatus =
  | { state: 'active' }
  | { state: 'dead'; code: string; cause: string; reconnect: string }
  | { state: 'partial'; missing: string[]; cause: string; reconnect: string }

const reconnect = '/auth?reconnect=1'

/** @param asked the scopes that this Driveway asks for now, perhaps more than at the sign-in */
export function grantStatus(
  { death, scopes }: Pick<VaultRecord, 'death' | 'scopes'>,
  asked: readonly string[],
): GrantStatus {
  if (death) return { state: 'dead', ...death, reconnect }
  const missing = missingScopes(asked, scopes)
  if (missing.length === 0) return { state: 'active' }
  const cause =
    'Driveway asks for more than you have allowed it so far. What you allowed goes on working; the rest needs another yes'
  return { state: 'partial', missing, cause, reconnect }
}
