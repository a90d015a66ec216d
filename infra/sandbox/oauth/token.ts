/** The token endpoint: exchanges a code or a refresh token for an access token. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Fault } from '../faults.ts'
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import type { Clients, OAuthUser } from './clients.ts'
import { OAuthError } from './errors.ts'
import { readForm, rejectDuplicates, requireField } from './form.ts'
import type { Code, Grants } from './grants.ts'
import { accessTokenTtlSeconds } from './grants.ts'
import type { IdTokens } from './id-token.ts'
import { idTokenClaims } from './id-token.ts'
import { readScopes, writeScopes } from './scopes.ts'

type TokenResponse = Record<string, unknown>

export function createToken(
  clients: Clients,
  users: readonly OAuthUser[],
  grants: Grants,
  idTokens: IdTokens,
  now: () => number,
) {
  return async function token({ req, res, fault }: Exchange): Promise<void> {
    const form = await readForm(req)
    rejectDuplicates(form)
    const grantType = requireField(form, 'grant_type')
    if (grantType !== 'authorization_code' && grantType !== 'refresh_token') {
      throw new OAuthError(400, 'unsupported_grant_type', `Invalid grant_type: ${grantType}`)
    }
    const clientId = authenticate(req, form, clients)
    const response =
      grantType === 'refresh_token'
        ? await refresh(form, clientId, fault)
        : await exchangeCode(form, clientId, fault)
    sendJson(res, 200, override(response, fault?.tokenResponse), { pragma: 'no-cache' })
  }

  /** The request invalidates the code, even when it fails. */
  async function exchangeCode(form: URLSearchParams, clientId: string, fault?: Fault) {
    const text = requireField(form, 'code')
    const redirectUri = requireField(form, 'redirect_uri')
    if (!/^4\/[\w-]+$/.test(text))
      throw new OAuthError(400, 'invalid_grant', 'Malformed auth code.')
    const code = grants.redeemCode(text)
    if (code?.clientId !== clientId) throw new OAuthError(400, 'invalid_grant', 'Bad Request')
    if (code.redirectUri !== redirectUri) {
      throw new OAuthError(400, 'redirect_uri_mismatch', 'Bad Request')
    }
    checkVerifier(code.challenge, form.get('code_verifier'))

    const refreshToken = code.refresh ? grants.issueRefreshToken(code, code.scopes) : undefined
    return tokenResponse(code, code.scopes, refreshToken, { refreshToken: true }, fault, code.nonce)
  }

  async function refresh(form: URLSearchParams, clientId: string, fault?: Fault) {
    const text = requireField(form, 'refresh_token')
    const stored = grants.refreshToken(text)
    if (!stored) throw new OAuthError(400, 'invalid_grant', 'Bad Request')
    if (stored.clientId !== clientId) {
      throw new OAuthError(401, 'unauthorized_client', 'Unauthorized')
    }
    if (stored.invalidSince !== undefined) {
      throw new OAuthError(400, 'invalid_grant', 'Token has been expired or revoked.')
    }
    if (stored.error) {
      const { error, description, subtype } = stored.error
      throw new OAuthError(400, error, description, subtype)
    }
    const requested = form.get('scope')
    const scopes = requested ? readScopes(requested) : stored.scopes
    if ([...scopes].some((scope) => !stored.scopes.has(scope))) {
      throw new OAuthError(400, 'invalid_scope', 'Bad Request')
    }
    stored.lastUsedAt = now()
    return tokenResponse(stored, scopes, text, { refreshToken: false }, fault)
  }

  /** @param include.refreshToken returns the refresh token; Google never returns one twice */
  async function tokenResponse(
    { sub, clientId }: Pick<Code, 'sub' | 'clientId'>,
    scopes: Set<string>,
    refreshToken: string | undefined,
    include: { refreshToken: boolean },
    fault?: Fault,
    nonce?: string,
  ): Promise<TokenResponse> {
    const accessToken = grants.issueAccessToken({ sub, clientId }, scopes)
    const stored = refreshToken === undefined ? undefined : grants.refreshToken(refreshToken)
    const remainingSeconds = stored && grants.remainingSeconds(stored)
    const response: TokenResponse = {
      access_token: accessToken,
      expires_in: accessTokenTtlSeconds,
      ...(include.refreshToken && refreshToken !== undefined
        ? { refresh_token: refreshToken }
        : {}),
      scope: writeScopes(scopes),
      token_type: 'Bearer',
      ...(remainingSeconds === undefined ? {} : { refresh_token_expires_in: remainingSeconds }),
    }
    const user = users.find((other) => other.sub === sub)
    if (user && scopes.has('openid')) {
      const claims = idTokenClaims(user, clientId, scopes, accessToken, now(), nonce)
      response['id_token'] = await idTokens.sign(
        override(claims, fault?.idToken),
        fault?.idTokenAlg,
      )
    }
    return response
  }
}

/**
 * Authenticates the client by `client_secret_post` or `client_secret_basic`.
 *
 * @returns the client id
 * @throws {OAuthError} `invalid_client` (401), `deleted_client` (401) or `invalid_request`
 */
function authenticate(req: IncomingMessage, form: URLSearchParams, clients: Clients): string {
  const basic = /^Basic +(.*)$/i.exec(req.headers.authorization ?? '')?.[1]
  if (basic !== undefined && form.has('client_secret')) {
    throw new OAuthError(400, 'invalid_request', 'Only one client authentication is allowed.')
  }
  const { id, secret } =
    basic === undefined
      ? { id: form.get('client_id'), secret: form.get('client_secret') }
      : readBasic(basic)
  if (!id) {
    throw new OAuthError(400, 'invalid_request', 'Could not determine client ID from request.')
  }
  if (clients.isDeleted(id)) {
    throw new OAuthError(401, 'deleted_client', 'The OAuth client was deleted.')
  }
  const client = clients.find(id)
  if (!client) throw new OAuthError(401, 'invalid_client', 'The OAuth client was not found.')
  if (!secret) throw new OAuthError(400, 'invalid_request', 'client_secret is missing.')
  if (!client.client_secrets.includes(secret) || (form.get('client_id') ?? id) !== id) {
    throw new OAuthError(401, 'invalid_client', 'Unauthorized')
  }
  return id
}

/** @see RFC 6749, section 2.3.1: both parts are form-encoded before base64 */
function readBasic(credentials: string): { id: string; secret: string } {
  const [id = '', ...rest] = Buffer.from(credentials, 'base64').toString('utf8').split(':')
  return { id: formDecode(id), secret: formDecode(rest.join(':')) }
}

function formDecode(text: string): string {
  return new URLSearchParams(`value=${text.replaceAll('&', '%26')}`).get('value') ?? ''
}

function checkVerifier(challenge: Code['challenge'], verifier: string | null): void {
  if (!challenge) {
    if (verifier === null) return
    throw new OAuthError(400, 'invalid_grant', 'code_verifier or verifier is not needed.')
  }
  if (!verifier) throw new OAuthError(400, 'invalid_grant', 'Missing code verifier.')
  const computed =
    challenge.method === 'S256'
      ? createHash('sha256').update(verifier).digest('base64url')
      : verifier
  if (!/^[\w.~-]{43,128}$/.test(verifier) || computed !== challenge.value) {
    throw new OAuthError(400, 'invalid_grant', 'Invalid code verifier.')
  }
}

/** Applies a fault's changes to fields; `null` omits one. */
function override<T extends object>(fields: T, changes: Record<string, unknown> = {}): T {
  const changed = { ...fields, ...changes }
  return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== null)) as T
}
