/** `/auth/sessions`: the owner of an account lists its sessions, pages included, and ends one. */
import { GatewayError } from '../errors.ts'
import type { Credential, Credentials } from '../identity/credentials.ts'
import { audit } from '../http/audit.ts'
import type { Authenticate } from '../http/authenticate.ts'
import { serializeSessionCookie } from '../http/cookies.ts'
import { sendJson } from '../http/problem.ts'
import type { RequestContext, Route } from '../http/router.ts'

export interface SessionListDeps {
  authenticate: Authenticate
  credentials: Pick<Credentials, 'find' | 'list' | 'revoke'>
  publicUrl: string
}

export function sessionListRoutes(deps: SessionListDeps): Route[] {
  return [
    { method: 'GET', path: /^sessions$/, run: (context) => listSessions(deps, context) },
    {
      method: 'DELETE',
      path: /^sessions\/([0-9a-f]{64})$/,
      run: (context) => endSession(deps, context),
    },
  ]
}

async function listSessions(
  { authenticate, credentials }: SessionListDeps,
  { req, res }: RequestContext,
): Promise<void> {
  const owner = await authenticate(req, 'session')
  const all = await credentials.list(owner, 'session', 'page')
  sendJson(res, 200, {
    sessions: all.map((session) => ({
      ...describeSession(session),
      current: session.id === owner.id,
    })),
  })
}

async function endSession(
  { authenticate, credentials, publicUrl }: SessionListDeps,
  { req, res, params, log }: RequestContext,
): Promise<void> {
  const owner = await authenticate(req, 'session')
  const [id = ''] = params
  const session = await credentials.find(id)
  if (!session || session.kind === 'token' || session.sub !== owner.sub) {
    throw new GatewayError('not_found', 'The account has no session with this id')
  }
  await credentials.revoke(id)
  if (id === owner.id) {
    const empty = { session: undefined, binding: undefined }
    res.setHeader('Set-Cookie', serializeSessionCookie(empty, publicUrl, 0))
  }
  res.writeHead(204).end()
  audit(log, 'session_revoked', { sub: owner.sub, credential: owner.id, sessionId: id })
}

function describeSession(session: Credential): Record<string, unknown> {
  const { id, kind, origin, from, createdAt, usedAt = createdAt, expiresAt } = session
  return {
    id,
    kind,
    origin: origin ?? null,
    from: from ?? null,
    created: new Date(createdAt).toISOString(),
    lastUsed: new Date(usedAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  }
}
