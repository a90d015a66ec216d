import { GatewayError } from '../errors.ts'
import type { GrantBound, GrantGenerations } from '../identity/grant-generations.ts'

/**
 * Checks, past all caches, that a code or an approval was given under the account's present grant.
 *
 * @throws {GatewayError} `invalid_grant` after a disconnect
 */
export async function requireCurrentGrant(
  generations: Pick<GrantGenerations, 'compare'>,
  grant: GrantBound,
): Promise<void> {
  if ((await generations.compare(grant, true)) === 'current') return
  throw new GatewayError('invalid_grant', 'The account was disconnected after the approval', {
    error: 'invalid_grant',
  })
}
