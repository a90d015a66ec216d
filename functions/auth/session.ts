/** `/auth/session`: the signed-in account, and sign-out. */
import { accessProfiles } from '../token/access-profiles.ts'
import type { AccessProfile } from '../token/access-profiles.ts'
import { GatewayError } from '../errors.ts'
import type { Allowlist } from '../identity/allowlist.ts'
import type { Credentials } from '../identity/credentials.ts'
import type { GrantStore } from '../token/grant-store.ts'
import { audit } from '../http/audit.ts'
import { serializeSessionCookie } from '../http/cookies.ts'
import { grantStatus } from './grant-status.ts'
import type { RequestContext, Route } from '../http/router.ts'
import type { Authenticate } from '../http/authenticate.ts'
import { sendJson } from '../http/problem.ts'

export interface SessionDeps {
  /** Also authenticates accounts that the allowlist no longer has: they may still sign out. */
  authenticateAny: Authenticate
  allowlist: Pick<Allowlist, 'check'>
  credentials: Pick<Credentials, 'revoke'>
  grants: Pick<GrantStore, 'find'>
  publicUrl: string
  accessProfile: AccessProfile
  limits: { maxRequestBytes: number | null; maxFileBytes: number }
}

export function sessionRoutes(deps: SessionDeps): Route[] {
  return [
    { method: 'GET', path: /^session$/, run: (context) => showSession(deps, context) },
    { method: 'DELETE', path: /^session$/, run: (context) => signOut(deps, context) },
  ]
}

async function showSession(deps: SessionDeps, { req, res }: RequestContext): Promise<void> {
  const { authenticateAny, grants, allowlist, accessProfile, limits } = deps
  const principal = await authenticateAny(req, 'authenticated').catch((error: unknown) => {
    if (error instanceof GatewayError && error.status === 401) return undefined
    throw error
  })
  const grant = principal && (await grants.find(principal.sub))
  if (!principal || !grant) return sendJson(res, 200, { signedIn: false, signIn: '/auth' })
  allowlist.check(grant)
  sendJson(res, 200, {
    signedIn: true,
    email: grant.email,
    profile: accessProfile,
    profileDescription: accessProfiles[accessProfile].meaning,
    grant: grantStatus(grant, accessProfiles[accessProfile].scopes),
    expires: new Date(principal.expiresAt).toISOString(),
    limits,
    kind: principal.kind,
    scopes: principal.scopes,
  })
}

async function signOut(deps: SessionDeps, { req, res, log }: RequestContext): Promise<void> {
  const { sub, id, kind } = await deps.authenticateAny(req, 'signed-in')
  await deps.credentials.revoke(id)
  // A page of another origin revokes its own bearer token and leaves the browser's session alone.
  if (kind === 'session') {
    const empty = { session: undefined, binding: undefined }
    res.setHeader('Set-Cookie', serializeSessionCookie(empty, deps.publicUrl, 0))
  }
  res.writeHead(204).end()
  audit(log, 'sign_out', { sub, credential: id })
}
