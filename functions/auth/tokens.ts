/** `/auth/tokens`: the owner of an account creates, lists and revokes tokens for curl and CI. */
import { GatewayError } from '../errors.ts'
import type { Credential, Credentials, CredentialRequest } from '../identity/credentials.ts'
import type { UsageCounter } from '../identity/usage-counter.ts'
import { audit } from '../http/audit.ts'
import type { RequestContext, Route } from '../http/router.ts'
import type { Authenticate, Authentication } from '../http/authenticate.ts'
import { readJsonBody } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { writeConfirmed } from './confirmed-write.ts'
import { describeToken, readTokenParams } from './token-params.ts'
import type { TokenParamsDeps } from './token-params.ts'

export interface TokenDeps extends TokenParamsDeps {
  authenticate: Authenticate
  confirm: Authentication['confirm']
  credentials: Credentials
  usageCounter: Pick<UsageCounter, 'read'>
}

/** Maximum number of tokens per account. */
const maxTokens = 100

export function tokenRoutes(deps: TokenDeps): Route[] {
  return [
    { method: 'POST', path: /^tokens$/, run: (context) => createToken(deps, context) },
    { method: 'GET', path: /^tokens$/, run: (context) => listTokens(deps, context) },
    {
      method: 'DELETE',
      path: /^tokens\/([0-9a-f]{64})$/,
      run: (context) => revokeToken(deps, context),
    },
  ]
}

async function createToken(
  deps: TokenDeps,
  { req, res, signal, log }: RequestContext,
): Promise<void> {
  const owner = await deps.authenticate(req, 'session')
  const body = await readJsonBody(req, res)
  const { request, lifetimeMs } = await readTokenParams(deps, owner, body, signal)
  const { secret, credential } = await issueToken(deps.credentials, request, lifetimeMs, () =>
    deps.confirm(req),
  )
  const { id, scopes, folder } = credential
  sendJson(res, 201, { ...describeToken(credential), token: secret })
  audit(log, 'token_created', {
    sub: owner.sub,
    credential: owner.id,
    tokenId: id,
    scopes: scopes.join(' '),
    folder: folder?.id,
    expires: new Date(credential.expiresAt).toISOString(),
  })
}

/**
 * Issues a token unless the account has the maximum number of tokens.
 *
 * @param confirm throws when the token may no longer be issued
 * @throws {GatewayError} `too_many_tokens`, or what `confirm` throws
 */
export async function issueToken(
  credentials: Pick<Credentials, 'issue' | 'list' | 'revoke'>,
  request: CredentialRequest,
  lifetimeMs: number,
  confirm: () => Promise<void>,
): Promise<{ secret: string; credential: Credential }> {
  if ((await credentials.list(request, 'token')).length >= maxTokens) {
    const detail = `An account may have at most ${maxTokens} tokens; revoke one first`
    throw new GatewayError('too_many_tokens', detail, { detail })
  }
  return writeConfirmed(
    confirm,
    () => credentials.issue('token', request, lifetimeMs),
    ({ credential }) => credentials.revoke(credential.id),
  )
}

async function listTokens(
  { authenticate, credentials, usageCounter }: TokenDeps,
  context: RequestContext,
): Promise<void> {
  const owner = await authenticate(context.req, 'session')
  const all = await credentials.list(owner, 'token')
  const usages = await usageCounter.read(all.map(({ id }) => id))
  const tokens = all.map((token, index) => {
    const { files = 0, bytes = 0, lastUsedAt = 0 } = usages[index] ?? {}
    const lastUsed = lastUsedAt === 0 ? null : new Date(lastUsedAt).toISOString()
    return { ...describeToken(token), usedBytes: bytes, usedFiles: files, lastUsed }
  })
  sendJson(context.res, 200, { tokens })
}

async function revokeToken(
  { authenticate, credentials }: TokenDeps,
  context: RequestContext,
): Promise<void> {
  const { req, res, params, log } = context
  const owner = await authenticate(req, 'session')
  const [id = ''] = params
  const token = await credentials.find(id)
  if (!token || token.kind !== 'token' || token.sub !== owner.sub) {
    throw new GatewayError('not_found', 'The account has no token with this id')
  }
  await credentials.revoke(id)
  res.writeHead(204).end()
  audit(log, 'token_revoked', { sub: owner.sub, credential: owner.id, tokenId: id })
}
