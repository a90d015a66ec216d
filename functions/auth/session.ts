/** `/auth/session`: who is signed in, and signing out. */
import { accessProfiles } from '../config/config.ts'
import type { AccessProfile } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import type { Admission } from '../identity/allowlist.ts'
import type { Credentials } from '../identity/credentials.ts'
import type { Vault } from '../token/grant-store.ts'
import { audit } from '../http/audit.ts'
import { writeCookie } from '../http/cookies.ts'
import { grantStatus } from './grant-status.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import { sendJson } from '../http/problem.ts'

export interface SessionDeps {
  /** Also of those who are not invited any more: they may still sign out. */
  recognise: Identify
  admission: Pick<Admission, 'check'>
  credentials: Pick<Credentials, 'revoke'>
  vault: Pick<Vault, 'find'>
  publicUrl: string
  accessProfile: AccessProfile
  limits: { maxRequestBytes: number | null; maxFileBytes: number }
}

export function sessionRoutes(deps: SessionDeps): Route[] {
  return [
    { method: 'GET', path: /^session$/, run: (call) => showSession(deps, call) },
    { method: 'DELETE', path: /^session$/, run: (call) => signOut(deps, call) },
  ]
}

async function showSession(deps: SessionDeps, { req, res }: Call): Promise<void> {
  const { recognise, vault, admission, accessProfile, limits } = deps
  const principal = await recognise(req, 'nothing').catch((error: unknown) => {
    if (error instanceof GatewayError && error.status === 401) return undefined
    throw error
  })
  const record = principal && (await vault.find(principal.sub))
  if (!principal || !record) return sendJson(res, 200, { signedIn: false, signIn: '/auth' })
  admission.check(record)
  sendJson(res, 200, {
    signedIn: true,
    email: record.email,
    profile: accessProfile,
    meaning: accessProfiles[accessProfile].meaning,
    grant: grantStatus(record, accessProfiles[accessProfile].scopes),
    expires: new Date(principal.expiresAt).toISOString(),
    limits,
    kind: principal.kind,
    scopes: principal.scopes,
  })
}

async function signOut(deps: SessionDeps, { req, res, log }: Call): Promise<void> {
  const { sub, id, kind } = await deps.recognise(req, 'owner')
  await deps.credentials.revoke(id)
  // A page elsewhere ends its own bearer; the browser's session here is none of its business.
  if (kind === 'session') {
    const empty = { session: undefined, binding: undefined }
    res.setHeader('Set-Cookie', writeCookie(empty, deps.publicUrl, 0))
  }
  res.writeHead(204).end()
  audit(log, 'sign_out', { sub, credential: id })
}
