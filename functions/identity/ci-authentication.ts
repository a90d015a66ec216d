/** Jobs of CI systems as callers: a proven token, and the policy that it was made for. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { JobToken, Oidc } from './ci-token-verifier.ts'
import { matchesClaim } from './claim-pattern.ts'
import { never } from './policies.ts'
import type { Policies, Policy } from './policies.ts'
import type { Principal } from './principal.ts'

export interface Jobs {
  /**
   * @throws {GatewayError} `policy_mismatch`, the same whatever it is that does not fit; or as
   *   `Oidc.verify` does
   */
  identify(token: string): Promise<Principal>
  /** What a job has to ask its CI system's token for. */
  audienceOf(sub: string, policy: Policy): string
}

export function createJobs(
  oidc: Pick<Oidc, 'verify' | 'issuers'>,
  policies: Pick<Policies, 'byKey' | 'keyOf'>,
  publicUrl: string,
  now: () => number = Date.now,
): Jobs {
  const prefix = `${publicUrl}/ci/`
  return {
    audienceOf: (sub, policy) => prefix + policies.keyOf(sub, policy),

    async identify(text) {
      const token = await oidc.verify(text)
      if (!token.audience.startsWith(prefix)) throw mismatch('The audience is not ours')
      const key = token.audience.slice(prefix.length)
      const found = await policies.byKey(key)
      if (!found) throw mismatch('No policy has this audience')
      const { sub, policy } = found
      checkPolicy(policy, token, now())
      return {
        kind: 'token',
        id: createHash('sha256').update(key).digest('hex'),
        sub,
        scopes: policy.scopes,
        ...(policy.folder === null ? {} : { folder: policy.folder }),
        ...(Object.keys(policy.limits).length === 0 ? {} : { limits: policy.limits }),
        // What is used up is counted for the policy, so that a new token does not begin anew.
        expiresAt: policy.expiresAt ?? never,
      }
    },
  }
}

/** @throws {GatewayError} `policy_mismatch`; only the log says why */
function checkPolicy(policy: Policy, { issuer, claims }: JobToken, now: number): void {
  if (policy.expiresAt !== null && policy.expiresAt <= now) throw mismatch('The policy is over')
  if (policy.issuer !== issuer) throw mismatch('The issuer is another one')
  const wanted = Object.entries(policy.claims)
  for (const [claim, pattern] of wanted) {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (!matchesClaim(pattern, value)) throw mismatch(`The claim ${claim} does not fit`)
  }
  if (wanted.length === 0) throw mismatch('The policy wants no claim')
}

function mismatch(message: string): GatewayError {
  return new GatewayError('policy_mismatch', message, {
    detail: 'Compare the claims of the job’s token with those of the policy, and its audience',
  })
}
