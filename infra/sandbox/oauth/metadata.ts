/** The discovery document and the tokeninfo endpoint. */
import type { OAuthUser } from './clients.ts'
import { OAuthError } from './errors.ts'
import type { Grants } from './grants.ts'
import type { IdTokens } from './id-token.ts'
import { issuer } from './id-token.ts'
import { includesUserInfo, writeScopes } from './scopes.ts'

/** The endpoints are the sandbox's; the issuer is Google's, as in production. */
export function discovery(origin: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${origin}/o/oauth2/v2/auth`,
    token_endpoint: `${origin}/token`,
    userinfo_endpoint: `${origin}/v1/userinfo`,
    revocation_endpoint: `${origin}/revoke`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: 'aud email email_verified exp family_name given_name iat iss name sub'.split(
      ' ',
    ),
    code_challenge_methods_supported: ['plain', 'S256'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
  }
}

/** Describes a token for debugging; every value is a string, numbers included. */
export async function tokenInfo(
  query: URLSearchParams,
  sandbox: { grants: Grants; idTokens: IdTokens; users: readonly OAuthUser[]; now: () => number },
): Promise<Record<string, string>> {
  const { grants, idTokens, users, now } = sandbox
  const idToken = query.get('id_token')
  if (idToken !== null) {
    const claims = await idTokens.verify(idToken).catch(() => {
      throw new OAuthError(400, 'invalid_token', 'Invalid Value')
    })
    return Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, String(value)]))
  }
  const token = grants.accessToken(query.get('access_token') ?? '')
  const user = users.find(({ sub }) => sub === token?.sub)
  if (!token || !user) throw new OAuthError(400, 'invalid_token', 'Invalid Value')
  return {
    azp: token.clientId,
    aud: token.clientId,
    ...(token.scopes.has('openid') ? { sub: user.sub } : {}),
    scope: writeScopes(token.scopes),
    exp: String(Math.floor(token.expiresAt / 1000)),
    expires_in: String(Math.floor((token.expiresAt - now()) / 1000)),
    ...(includesUserInfo(token.scopes, 'email')
      ? { email: user.email, email_verified: 'true' }
      : {}),
  }
}
