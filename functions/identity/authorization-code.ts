/**
 * Authorization codes for pages on other origins, which exchange them for a bearer token. A code is
 * sealed, valid for one minute and for one use, and bound to an origin and a PKCE challenge.
 *
 * @see RFC 7636 (PKCE), RFC 6749 section 4.1
 */
import { createHash, randomUUID } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { isEqualTimingSafe } from '../lib/timing-safe-equal.ts'
import type { GrantBound } from './grant-generations.ts'
import type { SealedValues, SingleUseStore } from './login-state.ts'

/** The grant, origin and PKCE challenge that a code is bound to. */
export interface CodeBinding extends GrantBound {
  origin: string
  /** S256: the SHA-256 of the verifier, in base64url. */
  codeChallenge: string
}

export interface AuthorizationCodes {
  issue(binding: CodeBinding): Promise<string>
  /**
   * Validates a code and marks it as used.
   *
   * @throws {GatewayError} `invalid_grant` for every invalid code; only the log has the reason
   */
  redeem(
    code: string,
    presented: { codeVerifier: string; origin: string },
  ): Promise<Omit<CodeBinding, 'codeChallenge'>>
}

interface CodePayload extends CodeBinding {
  id: string
  expiresAt: number
}

export const authorizationCodeTtlMs = 60_000
const purpose = 'authorization code'
const maxCodeLength = 2 * 1024

export function createAuthorizationCodes(
  seal: SealedValues,
  singleUse: SingleUseStore,
  now: () => number = Date.now,
): AuthorizationCodes {
  return {
    issue: (binding) =>
      seal.seal(purpose, {
        ...binding,
        id: randomUUID(),
        expiresAt: now() + authorizationCodeTtlMs,
      }),

    async redeem(code, { codeVerifier, origin }) {
      const opened = code.length > maxCodeLength ? undefined : await seal.open(purpose, code)
      if (!opened) throw invalidGrant('The code is not one of this Driveway')
      const payload = opened as unknown as CodePayload
      if (payload.expiresAt <= now()) throw invalidGrant('The code has expired')
      if (payload.origin !== origin) throw invalidGrant('The code belongs to another origin')
      if (!matchesChallenge(codeVerifier, payload.codeChallenge)) {
        throw invalidGrant('The code verifier does not match the challenge')
      }
      if (!(await singleUse.consume(`code-${payload.id}`, payload.expiresAt))) {
        throw invalidGrant('The code is already used')
      }
      const { sub, generation } = payload
      return { sub, generation, origin }
    },
  }
}

/** Whether a text is a valid S256 challenge: 256 bits in base64url. */
export function isCodeChallenge(text: string): boolean {
  return /^[\w-]{43}$/.test(text)
}

function matchesChallenge(codeVerifier: string, codeChallenge: string): boolean {
  if (!/^[\w.~-]{43,128}$/.test(codeVerifier)) return false
  const challenge = createHash('sha256').update(codeVerifier).digest('base64url')
  return isEqualTimingSafe(challenge, codeChallenge)
}

function invalidGrant(message: string): GatewayError {
  return new GatewayError('invalid_grant', message, { error: 'invalid_grant' })
}
