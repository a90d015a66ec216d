/** `/auth/tokens`: tokens for curl and CI, made and ended by their owner in person. */
import { GatewayError } from '../errors.ts'
import type { Credentials } from '../identity/credential.ts'
import type { Call, Route } from './handler.ts'
import type { Identify } from './identify.ts'
import { readJson } from './json.ts'
import { sendJson } from './problem.ts'

export interface TokenParts {
  identify: Identify
  credentials: Credentials
}

const lifetimeMs = 90 * 24 * 60 * 60_000

export function tokenRoutes(parts: TokenParts): Route[] {
  return [
    { method: 'POST', path: /^tokens$/, run: (call) => make(parts, call) },
    { method: 'DELETE', path: /^tokens\/([0-9a-f]{64})$/, run: (call) => end(parts, call) },
  ]
}

async function make({ identify, credentials }: TokenParts, call: Call): Promise<void> {
  const { req, res, log } = call
  const { sub } = await identify(req, 'owner')
  const { name = 'curl' } = await readJson(req, res)
  if (typeof name !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,100}$/u.test(name)) {
    throw new GatewayError('bad_request', 'Bad token name', {
      detail: 'name must be a text of 1 to 100 characters',
    })
  }
  const { secret, credential } = await credentials.issue('token', { sub, name }, lifetimeMs)
  const expires = new Date(credential.expiresAt).toISOString()
  sendJson(res, 201, { id: credential.id, name, token: secret, expires })
  log('INFO', 'token made', { tokenId: credential.id })
}

async function end({ identify, credentials }: TokenParts, call: Call): Promise<void> {
  const { req, res, params, log } = call
  const { sub } = await identify(req, 'owner')
  const [id = ''] = params
  const token = await credentials.find(id)
  if (!token || token.kind !== 'token' || token.sub !== sub) {
    throw new GatewayError('not_found', 'No such token of this account')
  }
  await credentials.revoke(id)
  res.writeHead(204).end()
  log('INFO', 'token revoked', { tokenId: id })
}
