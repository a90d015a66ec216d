/** `/auth/tokens`: tokens for curl and CI, made, seen and ended by their owner in person. */
import { GatewayError } from '../errors.ts'
import type { Credential, Credentials, Grant } from '../identity/credentials.ts'
import type { Usages } from '../identity/usage-counter.ts'
import { audit } from '../http/audit.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { describeToken, readTokenParams } from './token-params.ts'
import type { TokenParamsDeps } from './token-params.ts'

export interface TokenDeps extends TokenParamsDeps {
  identify: Identify
  credentials: Credentials
  usages: Pick<Usages, 'read'>
}

/** Tokens that one account may have. */
const maxTokens = 100

export function tokenRoutes(deps: TokenDeps): Route[] {
  return [
    { method: 'POST', path: /^tokens$/, run: (call) => createToken(deps, call) },
    { method: 'GET', path: /^tokens$/, run: (call) => listTokens(deps, call) },
    { method: 'DELETE', path: /^tokens\/([0-9a-f]{64})$/, run: (call) => revokeToken(deps, call) },
  ]
}

async function createToken(deps: TokenDeps, { req, res, signal, log }: Call): Promise<void> {
  const owner = await deps.identify(req, 'owner')
  const body = await readJson(req, res)
  const { grant, lifetimeMs } = await readTokenParams(deps, owner.sub, body, signal)
  const { secret, credential } = await issueToken(deps.credentials, grant, lifetimeMs)
  const described = describeToken(credential)
  const { id, scopes, folder } = credential
  sendJson(res, 201, { ...described, token: secret })
  audit(log, 'token_made', {
    sub: owner.sub,
    credential: owner.id,
    tokenId: id,
    scopes: scopes.join(' '),
    folder: folder?.id,
    expires: new Date(credential.expiresAt).toISOString(),
  })
}

/**
 * A token among no more than an account may have.
 *
 * @throws {GatewayError} `too_many_tokens`
 */
export async function issueToken(
  credentials: Pick<Credentials, 'issue' | 'list'>,
  grant: Grant,
  lifetimeMs: number,
): Promise<{ secret: string; credential: Credential }> {
  if ((await credentials.list(grant.sub, 'token')).length >= maxTokens) {
    const detail = `An account may have ${maxTokens} tokens`
    throw new GatewayError('too_many_tokens', detail, { detail })
  }
  return credentials.issue('token', grant, lifetimeMs)
}

async function listTokens({ identify, credentials, usages }: TokenDeps, call: Call): Promise<void> {
  const { sub } = await identify(call.req, 'owner')
  const all = await credentials.list(sub, 'token')
  const used = await usages.read(all.map(({ id }) => id))
  const tokens = all.map((token, index) => {
    const { files = 0, bytes = 0, lastUsedAt = 0 } = used[index] ?? {}
    const lastUsed = lastUsedAt === 0 ? null : new Date(lastUsedAt).toISOString()
    return { ...describeToken(token), usedBytes: bytes, usedFiles: files, lastUsed }
  })
  sendJson(call.res, 200, { tokens })
}

async function revokeToken({ identify, credentials }: TokenDeps, call: Call): Promise<void> {
  const { req, res, params, log } = call
  const owner = await identify(req, 'owner')
  const [id = ''] = params
  const token = await credentials.find(id)
  if (!token || token.kind !== 'token' || token.sub !== owner.sub) {
    throw new GatewayError('not_found', 'No such token of this account')
  }
  await credentials.revoke(id)
  res.writeHead(204).end()
  audit(log, 'token_revoked', { sub: owner.sub, credential: owner.id, tokenId: id })
}
