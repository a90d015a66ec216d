/** The token endpoint: a code or a refresh token in, an access token out. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Fault } from '../faults.ts'
import type { Exchange } from '../router.ts'
import { answerJson } from '../router.ts'
import type { Clients, OAuthUser } from './clients.ts'
import { OAuthError } from './errors.ts'
import { formOf, refuseRepeats, required } from './form.ts'
import type { Code, Grants } from './grants.ts'
import { accessTokenSeconds } from './grants.ts'
import type { IdTokens } from './id-token.ts'
import { idTokenClaims } from './id-token.ts'
import { readScopes, writeScopes } from './scopes.ts'

type Answer = Record<string, unknown>

export function createToken(
  clients: Clients,
  users: readonly OAuthUser[],
  grants: Grants,
  idTokens: IdTokens,
  now: () => number,
) {
  return async function token({ req, res, fault }: Exchange): Promise<void> {
    const form = await formOf(req)
    refuseRepeats(form)
    const grantType = required(form, 'grant_type')
    if (grantType !== 'authorization_code' && grantType !== 'refresh_token') {
      throw new OAuthError(400, 'unsupported_grant_type', `Invalid grant_type: ${grantType}`)
    }
    const clientId = authenticate(req, form, clients)
    const answer =
      grantType === 'refresh_token'
        ? await refresh(form, clientId, fault)
        : await exchangeCode(form, clientId, fault)
    answerJson(res, 200, override(answer, fault?.tokenResponse), { pragma: 'no-cache' })
  }

  /** A code that was shown is spent, whatever else is wrong with the request. */
  async function exchangeCode(form: URLSearchParams, clientId: string, fault?: Fault) {
    const text = required(form, 'code')
    const redirectUri = required(form, 'redirect_uri')
    if (!/^4\/[\w-]+$/.test(text))
      throw new OAuthError(400, 'invalid_grant', 'Malformed auth code.')
    const code = grants.redeem(text)
    if (code?.clientId !== clientId) throw new OAuthError(400, 'invalid_grant', 'Bad Request')
    if (code.redirectUri !== redirectUri) {
      throw new OAuthError(400, 'redirect_uri_mismatch', 'Bad Request')
    }
    checkVerifier(code.challenge, form.get('code_verifier'))

    const refreshToken = code.refresh ? grants.issueRefreshToken(code, code.scopes) : undefined
    return accessAnswer(code, code.scopes, refreshToken, { show: true }, fault, code.nonce)
  }

  async function refresh(form: URLSearchParams, clientId: string, fault?: Fault) {
    const text = required(form, 'refresh_token')
    const held = grants.refreshToken(text)
    if (!held) throw new OAuthError(400, 'invalid_grant', 'Bad Request')
    if (held.clientId !== clientId) {
      throw new OAuthError(401, 'unauthorized_client', 'Unauthorized')
    }
    if (held.died !== undefined) {
      throw new OAuthError(400, 'invalid_grant', 'Token has been expired or revoked.')
    }
    if (held.refusal) {
      const { error, description, subtype } = held.refusal
      throw new OAuthError(400, error, description, subtype)
    }
    const asked = form.get('scope')
    const scopes = asked ? readScopes(asked) : held.scopes
    if ([...scopes].some((scope) => !held.scopes.has(scope))) {
      throw new OAuthError(400, 'invalid_scope', 'Bad Request')
    }
    held.used = now()
    return accessAnswer(held, scopes, text, { show: false }, fault)
  }

  /** @param show whether the answer tells the refresh token: Google never repeats one */
  async function accessAnswer(
    { sub, clientId }: Pick<Code, 'sub' | 'clientId'>,
    scopes: Set<string>,
    refreshToken: string | undefined,
    { show }: { show: boolean },
    fault?: Fault,
    nonce?: string,
  ): Promise<Answer> {
    const accessToken = grants.issueAccessToken({ sub, clientId }, scopes)
    const held = refreshToken === undefined ? undefined : grants.refreshToken(refreshToken)
    const secondsLeft = held && grants.secondsLeft(held)
    const answer: Answer = {
      access_token: accessToken,
      expires_in: accessTokenSeconds,
      ...(show && refreshToken !== undefined ? { refresh_token: refreshToken } : {}),
      scope: writeScopes(scopes),
      token_type: 'Bearer',
      ...(secondsLeft === undefined ? {} : { refresh_token_expires_in: secondsLeft }),
    }
    const user = users.find((other) => other.sub === sub)
    if (user && scopes.has('openid')) {
      const claims = idTokenClaims(user, clientId, scopes, accessToken, now(), nonce)
      answer['id_token'] = await idTokens.sign(override(claims, fault?.idToken), fault?.idTokenAlg)
    }
    return answer
  }
}

/**
 * @returns the id of the client that proved who it is, by `client_secret_post` or `_basic`
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

/** @see RFC 6749, section 2.3.1: both halves are form-encoded before they are base64 */
function readBasic(credentials: string): { id: string; secret: string } {
  const [id = '', ...rest] = Buffer.from(credentials, 'base64').toString('utf8').split(':')
  return { id: decodeHalf(id), secret: decodeHalf(rest.join(':')) }
}

function decodeHalf(text: string): string {
  return new URLSearchParams(`half=${text.replaceAll('&', '%26')}`).get('half') ?? ''
}

function checkVerifier(challenge: Code['challenge'], verifier: string | null): void {
  if (!challenge) {
    if (verifier === null) return
    throw new OAuthError(400, 'invalid_grant', 'code_verifier or verifier is not needed.')
  }
  if (!verifier) throw new OAuthError(400, 'invalid_grant', 'Missing code verifier.')
  const proof =
    challenge.method === 'S256'
      ? createHash('sha256').update(verifier).digest('base64url')
      : verifier
  if (!/^[\w.~-]{43,128}$/.test(verifier) || proof !== challenge.value) {
    throw new OAuthError(400, 'invalid_grant', 'Invalid code verifier.')
  }
}

/** Lets a fault change fields; `null` leaves one out. */
function override<T extends object>(fields: T, changes: Record<string, unknown> = {}): T {
  const changed = { ...fields, ...changes }
  return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== null)) as T
}
