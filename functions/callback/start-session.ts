/** Starts the session of a completed sign-in, in place of the one that the browser had. */
import type { Credential, Credentials } from '../identity/credentials.ts'
import type { GrantBound } from '../identity/grant-generations.ts'
import { hashOf } from '../identity/login-state.ts'
import type { LoginStates, RenewedBinding } from '../identity/login-state.ts'
import { audit } from '../http/audit.ts'
import type { ClientIp } from '../http/client-ip.ts'
import { readClientOrigin } from '../http/client-origin.ts'
import { serializeSessionCookie } from '../http/cookies.ts'
import type { SessionCookie } from '../http/cookies.ts'
import type { RequestContext } from '../http/router.ts'

export interface StartSessionDeps {
  logins: Pick<LoginStates, 'renew'>
  credentials: Pick<Credentials, 'issue' | 'findSession' | 'revoke'>
  clientIp: ClientIp
  publicUrl: string
  /** Maximum lifetime of a session and its cookie. */
  sessionMaxMs: number
}

/** The browser in which a sign-in has ended. */
export interface SignedInBrowser {
  cookie: SessionCookie
  /** The binding under which the sign-in was started, if another sign-in has replaced it meanwhile. */
  renewed: RenewedBinding | undefined
}

/**
 * Revokes the session that the cookie names, whoever's it is, and sets the cookie of a new one. A new
 * secret and a new binding prevent session fixation.
 *
 * @see OWASP ASVS 5.0, 7.2.4
 */
export async function startSession(
  { logins, credentials, clientIp, publicUrl, sessionMaxMs }: StartSessionDeps,
  { req, res, log }: RequestContext,
  { cookie, renewed }: SignedInBrowser,
  grant: GrantBound,
): Promise<Credential> {
  const former =
    cookie.session === undefined ? undefined : await credentials.findSession(cookie.session)
  if (former) await credentials.revoke(former.id)
  // Several tabs that were started together end one after the other: the binding changes once.
  const next =
    renewed && cookie.binding !== undefined
      ? { binding: cookie.binding, renewed }
      : logins.renew(cookie.binding)
  const request = {
    ...grant,
    from: readClientOrigin(req, clientIp),
    bindingHash: hashOf(next.binding),
    ...(next.renewed === undefined ? {} : { renewedBinding: next.renewed }),
  }
  const { secret, credential } = await credentials.issue('session', request, sessionMaxMs)
  const value = { session: secret, binding: next.binding }
  res.setHeader('Set-Cookie', serializeSessionCookie(value, publicUrl, sessionMaxMs / 1000))
  if (former) {
    const { sub, id: sessionId } = former
    audit(log, 'session_revoked', { sub, credential: credential.id, sessionId })
  }
  return credential
}
