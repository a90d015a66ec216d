/** `DELETE /auth/grant`: erases an account, then revokes its grant at Google. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EraseAccount } from '../lib/erase-account.ts'
import type { AccessTokenCache } from '../token/access-token-cache.ts'
import type { GoogleOAuth } from '../token/google-oauth.ts'
import type { GrantStore } from '../token/grant-store.ts'
import { findReadableGrant } from './grant-status.ts'
import { audit } from '../http/audit.ts'
import { serializeSessionCookie } from '../http/cookies.ts'
import type { RequestContext, Route } from '../http/router.ts'
import type { Authenticate } from '../http/authenticate.ts'
import { sendJson } from '../http/problem.ts'

export interface DisconnectDeps {
  authenticateAny: Authenticate
  grants: Pick<GrantStore, 'find'>
  accessTokens: Pick<AccessTokenCache, 'delete'>
  oauth: Pick<GoogleOAuth, 'revoke'>
  eraseAccount: EraseAccount
  publicUrl: string
  /** Waits before a retry. */
  wait?: ((ms: number) => Promise<void>) | undefined
  /** Time in milliseconds for all revocation requests together. */
  revocationTimeoutMs?: number | undefined
}

/** Google's page for revoking a grant manually. */
const googleConnectionsUrl = 'https://myaccount.google.com/connections'
/** Maximum number of revocation requests. */
const maxAttempts = 3

export function disconnectRoutes(deps: DisconnectDeps): Route[] {
  return [{ method: 'DELETE', path: /^grant$/, run: (context) => disconnect(deps, context) }]
}

async function disconnect(deps: DisconnectDeps, { req, res, log }: RequestContext): Promise<void> {
  const { authenticateAny, grants, eraseAccount, accessTokens, publicUrl } = deps
  const { sub, id } = await authenticateAny(req, 'session')
  // An unreadable record is erased too, but its refresh token cannot be revoked.
  const grant = await findReadableGrant(grants, sub)
  const [erasure] = await Promise.allSettled([eraseAccount(sub)])
  accessTokens.delete(sub)
  // Revoke even when the erasure has failed: this request may be the last to know the token.
  const revokedAtGoogle = grant !== undefined && (await revokeAtGoogle(deps, grant.refreshToken))
  if (erasure.status === 'rejected') throw erasure.reason
  audit(log, 'disconnect', { sub, credential: id, revokedAtGoogle })
  res.setHeader(
    'Set-Cookie',
    serializeSessionCookie({ session: undefined, binding: undefined }, publicUrl, 0),
  )
  if (revokedAtGoogle) return void res.writeHead(204).end()
  sendJson(res, 200, {
    disconnected: true,
    revokedAtGoogle,
    detail:
      'All data of this account is deleted here, in the database’s recovery copies within seven days. Google did not confirm the revocation of the permission; please check it there',
    link: googleConnectionsUrl,
  })
}

/**
 * Revokes the grant at Google (RFC 7009 §2). A failure does not keep the account here.
 *
 * @returns whether Google confirmed the revocation
 */
async function revokeAtGoogle(
  { oauth, wait = sleep, revocationTimeoutMs = 6_000 }: DisconnectDeps,
  refreshToken: string,
): Promise<boolean> {
  const deadline = performance.now() + revocationTimeoutMs
  for (let attempt = 1; attempt <= maxAttempts && performance.now() < deadline; attempt++) {
    if (attempt > 1) await wait(200 * attempt)
    const revoked = await oauth.revoke(refreshToken).then(
      () => true,
      () => false,
    )
    if (revoked) return true
  }
  return false
}
