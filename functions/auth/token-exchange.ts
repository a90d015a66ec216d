/**
 * `POST /auth/token`: a page on another origin exchanges its authorization code for a bearer token.
 * It needs no cookie, so it works where browsers block third-party cookies.
 */
import { GatewayError } from '../errors.ts'
import type { Credentials } from '../identity/credentials.ts'

import type { AuthorizationCodes } from '../identity/authorization-code.ts'
import type { GrantGenerations } from '../identity/grant-generations.ts'
import { audit } from '../http/audit.ts'
import type { ClientIp } from '../http/client-ip.ts'
import { readClientOrigin } from '../http/client-origin.ts'
import { readUrlencodedBody } from '../http/urlencoded-body.ts'
import type { RequestContext, Route } from '../http/router.ts'
import { sendJson } from '../http/problem.ts'
import { writeConfirmed } from './confirmed-write.ts'
import { requireCurrentGrant } from './current-grant.ts'
import { oauthError } from './request-errors.ts'

export interface TokenExchangeDeps {
  credentials: Pick<Credentials, 'issue' | 'revoke'>
  generations: Pick<GrantGenerations, 'compare'>
  authorizationCodes: AuthorizationCodes
  clientIp: ClientIp
  allowedOrigins: readonly string[]
}

const bearerTtlMs = 60 * 60_000

export function tokenExchangeRoutes(deps: TokenExchangeDeps): Route[] {
  const run: Route['run'] = (context) => exchangeCode(deps, context)
  return [{ method: 'POST', path: /^token$/, rateLimit: 'network', run }]
}

/**
 * Exchanges the code for a bearer token that only pages of this origin can use.
 *
 * @throws {GatewayError} `origin_not_allowed`; `bad_request` or `invalid_grant` with OAuth's error code
 * @see RFC 6749 §4.1.3 Access Token Request; RFC 7636 §4.5
 */
async function exchangeCode(
  deps: TokenExchangeDeps,
  { req, res, log }: RequestContext,
): Promise<void> {
  const { credentials, generations, authorizationCodes, allowedOrigins } = deps
  const { origin } = req.headers
  if (origin === undefined || !allowedOrigins.includes(origin)) {
    throw new GatewayError('origin_not_allowed', `The origin ${origin} may not exchange a code`, {
      detail: 'Only a page on an origin in ALLOWED_ORIGINS can exchange a code',
      error: 'unauthorized_client',
    })
  }
  const form = await readUrlencodedBody(req, res)
  const type = form.get('grant_type')
  if (type !== undefined && type !== 'authorization_code') {
    throw oauthError('unsupported_grant_type', 'grant_type must be authorization_code')
  }
  const [code, codeVerifier] = [form.get('code'), form.get('code_verifier')]
  if (!type || !code || !codeVerifier) {
    throw oauthError('invalid_request', 'grant_type, code and code_verifier are required')
  }
  const from = readClientOrigin(req, deps.clientIp)
  const grant = await authorizationCodes.redeem(code, { codeVerifier, origin })
  const { secret, credential } = await writeConfirmed(
    () => requireCurrentGrant(generations, grant),
    () => credentials.issue('page', { ...grant, from }, bearerTtlMs),
    (issued) => credentials.revoke(issued.credential.id),
  )
  const { sub, id, scopes, expiresAt } = credential
  sendJson(res, 200, {
    access_token: secret,
    token_type: 'Bearer',
    expires_in: bearerTtlMs / 1000,
    scope: scopes.join(' '),
  })
  audit(log, 'token_created', {
    sub,
    credential: undefined,
    tokenId: id,
    scopes: scopes.join(' '),
    folder: undefined,
    expires: new Date(expiresAt).toISOString(),
  })
}
