/** Sign-in for a page on another origin: it needs no cookie, and so nobody's leave to have one. */
import { GatewayError } from '../errors.ts'
import type { Credentials } from '../identity/credentials.ts'
import { isChallenge } from '../identity/authorization-code.ts'
import type { PageCodes } from '../identity/authorization-code.ts'
import { audit } from '../http/audit.ts'
import { readFields } from '../http/urlencoded-body.ts'
import type { Call, Route } from '../http/router.ts'
import { sendJson } from '../http/problem.ts'
import { readReturnTo } from './return-url.ts'

export interface TokenExchangeDeps {
  credentials: Pick<Credentials, 'issue'>
  pageCodes: PageCodes
  allowedOrigins: readonly string[]
}

const bearerTtlMs = 60 * 60_000

export function tokenExchangeRoutes(deps: TokenExchangeDeps): Route[] {
  return [{ method: 'POST', path: /^token$/, run: (call) => exchangeCode(deps, call) }]
}

/** The code for a bearer that only pages of this origin can use. */
async function exchangeCode(deps: TokenExchangeDeps, { req, res, log }: Call): Promise<void> {
  const { credentials, pageCodes, allowedOrigins } = deps
  const { origin } = req.headers
  if (origin === undefined || !allowedOrigins.includes(origin)) {
    throw new GatewayError('origin_not_allowed', 'A code from an origin that is not listed', {
      detail: 'Only a page of an origin in ALLOWED_ORIGINS can do this',
      error: 'unauthorized_client',
    })
  }
  const form = await readFields(req, res)
  const type = form.get('grant_type')
  if (type !== undefined && type !== 'authorization_code') {
    throw invalid('unsupported_grant_type', 'grant_type has to be authorization_code')
  }
  const [code, codeVerifier] = [form.get('code'), form.get('code_verifier')]
  if (!type || !code || !codeVerifier) {
    throw invalid('invalid_request', 'Send grant_type, code and code_verifier')
  }
  const { sub } = await pageCodes.redeem(code, { codeVerifier, origin })
  const { secret, credential } = await credentials.issue('page', { sub, origin }, bearerTtlMs)
  const { id, scopes, expiresAt } = credential
  sendJson(res, 200, {
    access_token: secret,
    token_type: 'Bearer',
    expires_in: bearerTtlMs / 1000,
    scope: scopes.join(' '),
  })
  audit(log, 'token_made', {
    sub,
    credential: undefined,
    tokenId: id,
    scopes: scopes.join(' '),
    folder: undefined,
    expires: new Date(expiresAt).toISOString(),
  })
}

/**
 * What a sign-in has to end with: an address to go to, and for a page of another origin a code,
 * where it gives a challenge.
 *
 * @throws {GatewayError} `bad_request` for a challenge that does not fit
 */
export function readLoginTarget(
  query: URLSearchParams,
  publicUrl: string,
  allowedOrigins: readonly string[],
): { returnTo: string; codeChallenge?: string } {
  const returnTo = readReturnTo(query.get('return_to'), publicUrl, allowedOrigins)
  const codeChallenge = query.get('code_challenge')
  if (codeChallenge === null && !query.has('code_challenge_method')) return { returnTo }
  if (query.get('code_challenge_method') !== 'S256' || !isChallenge(codeChallenge ?? '')) {
    throw bad('code_challenge has to be 43 characters, and code_challenge_method S256')
  }
  const { origin, hash } = new URL(returnTo)
  if (!allowedOrigins.includes(origin)) {
    throw bad('With a code_challenge, return_to has to be on an origin in ALLOWED_ORIGINS')
  }
  if (hash !== '' || query.get('return_to')?.includes('#')) {
    throw bad('return_to may have no fragment: the code goes there')
  }
  return { returnTo, codeChallenge: codeChallenge ?? '' }
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}

/** @see RFC 6749 section 5.2 */
function invalid(error: 'invalid_request' | 'unsupported_grant_type', detail: string) {
  return new GatewayError('bad_request', detail, { detail, error })
}
