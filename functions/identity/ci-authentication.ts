/** Authenticates CI jobs: verifies the job's ID token and matches it with a policy. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { CiToken, CiTokenVerifier } from './ci-token-verifier.ts'
import { matchesClaim } from './claim-pattern.ts'
import { explainSubjectForm } from './github-subject.ts'
import { neverExpires } from './policies.ts'
import type { Policies, Policy } from './policies.ts'
import type { Principal } from './principal.ts'

export interface CiAuthentication {
  /**
   * @param fresh reads the policy from the store, past the cache
   * @throws {GatewayError} `policy_mismatch` for every mismatch (only the log has the reason, unless the
   *   subject differs in its form alone), or as `CiTokenVerifier.verify` throws
   */
  authenticate(token: string, fresh?: boolean): Promise<Principal>
  /** The audience that a job must request its ID token for. */
  audienceOf(sub: string, policy: Policy): string
}

export function createCiAuthentication(
  verifier: Pick<CiTokenVerifier, 'verify' | 'issuers'>,
  policies: Pick<Policies, 'findByKey' | 'keyOf'>,
  publicUrl: string,
  now: () => number = Date.now,
): CiAuthentication {
  const audiencePrefix = `${publicUrl}/ci/`
  return {
    audienceOf: (sub, policy) => audiencePrefix + policies.keyOf(sub, policy),

    async authenticate(idToken, fresh) {
      const token = await verifier.verify(idToken)
      if (!token.audience.startsWith(audiencePrefix)) {
        throw mismatch('The audience is not one of this Driveway')
      }
      const key = token.audience.slice(audiencePrefix.length)
      const match = await policies.findByKey(key, fresh)
      if (!match) throw mismatch('No policy has this audience')
      const { sub, generation, policy } = match
      checkPolicy(policy, token, now())
      return {
        kind: 'token',
        id: createHash('sha256').update(key).digest('hex'),
        sub,
        generation,
        scopes: policy.scopes,
        ...(policy.folder === null ? {} : { folder: policy.folder }),
        ...(Object.keys(policy.limits).length === 0 ? {} : { limits: policy.limits }),
        // Usage is counted per policy, so that a new ID token does not reset the quota.
        expiresAt: policy.expiresAt ?? neverExpires,
      }
    },
  }
}

/** @throws {GatewayError} `policy_mismatch` */
function checkPolicy(policy: Policy, { issuer, claims }: CiToken, now: number): void {
  if (policy.expiresAt !== null && policy.expiresAt <= now) throw mismatch('The policy has expired')
  if (policy.issuer !== issuer) throw mismatch('The policy has another issuer')
  const requiredClaims = Object.entries(policy.claims)
  if (requiredClaims.length === 0) throw mismatch('The policy requires no claim')
  const mismatches = requiredClaims.filter(([claim, pattern]) => {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    return !matchesClaim(pattern, value)
  })
  const [first, second] = mismatches
  if (!first) return
  const [claim, pattern] = first
  const isSubject = claim === 'sub' && second === undefined
  throw mismatch(
    `The claim ${claim} does not match`,
    isSubject ? explainSubjectForm(pattern, claims) : undefined,
  )
}

/** @param detail by default the same for every mismatch, so that a job cannot find out which policies exist */
function mismatch(
  message: string,
  detail = 'Compare the claims and the audience of the job’s token with the policy',
): GatewayError {
  return new GatewayError('policy_mismatch', message, { detail })
}
