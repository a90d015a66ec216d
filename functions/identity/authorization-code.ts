/**
 * The code by which a page on another origin is given its bearer, as OAuth's authorization code is
 * used by public clients: sealed, good for a minute, once, for the origin that it was made for and
 * for whoever knows what its challenge was made of.
 *
 * @see RFC 7636 (PKCE), RFC 6749 section 4.1
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { ClaimStore } from './login-state.ts'

/** For whom a code is made. */
export interface PageSignIn {
  sub: string
  origin: string
  /** S256: the SHA-256 of the verifier, in base64url. */
  codeChallenge: string
}

export interface PageCodes {
  issue(signIn: PageSignIn): Promise<string>
  /**
   * @param shown what came with the code
   * @throws {GatewayError} `invalid_grant`, the same whatever it is that does not fit
   */
  redeem(
    code: string,
    shown: { codeVerifier: string; origin: string },
  ): Promise<Pick<PageSignIn, 'sub' | 'origin'>>
}

interface CodeSeal {
  seal(purpose: string, value: object): Promise<string>
  open(purpose: string, sealed: string): Promise<Record<string, unknown> | undefined>
}

interface Sealed extends PageSignIn {
  id: string
  expiresAt: number
}

export const pageCodeLifetimeMs = 60_000
const purpose = 'page code'
const codeLength = 2 * 1024

export function createPageCodes(
  seal: CodeSeal,
  claims: ClaimStore,
  now: () => number = Date.now,
): PageCodes {
  return {
    issue: (signIn) =>
      seal.seal(purpose, {
        ...signIn,
        id: randomUUID(),
        expiresAt: now() + pageCodeLifetimeMs,
      }),

    async redeem(code, { codeVerifier, origin }) {
      const opened = code.length > codeLength ? undefined : await seal.open(purpose, code)
      if (!opened) throw refused('It was not sealed here')
      const sealed = opened as unknown as Sealed
      if (sealed.expiresAt <= now()) throw refused('It is too old')
      if (sealed.origin !== origin) throw refused('It was made for another origin')
      if (!proves(codeVerifier, sealed.codeChallenge)) throw refused('The verifier is another one')
      if (!(await claims.claim(`page-${sealed.id}`, sealed.expiresAt))) throw refused('It was used')
      return { sub: sealed.sub, origin }
    },
  }
}

/** Whether a text is what S256 makes: 256 bits. */
export function isChallenge(text: string): boolean {
  return /^[\w-]{43}$/.test(text)
}

function proves(codeVerifier: string, codeChallenge: string): boolean {
  if (!/^[\w.~-]{43,128}$/.test(codeVerifier)) return false
  const made = createHash('sha256').update(codeVerifier).digest('base64url')
  return (
    made.length === codeChallenge.length &&
    timingSafeEqual(Buffer.from(made), Buffer.from(codeChallenge))
  )
}

function refused(message: string): GatewayError {
  return new GatewayError('invalid_grant', message, { error: 'invalid_grant' })
}
