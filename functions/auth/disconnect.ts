/** `DELETE /auth/grant`: an account leaves, here first and then at Google. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../errors.ts'
import type { Forget } from '../lib/erase-account.ts'
import type { AccessTokens } from '../token/access-token-cache.ts'
import type { OAuth } from '../token/google-oauth.ts'
import type { Vault } from '../token/grant-store.ts'
import { audit } from '../http/audit.ts'
import { writeCookie } from '../http/cookies.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import { sendJson } from '../http/problem.ts'

export interface DisconnectDeps {
  recognise: Identify
  vault: Pick<Vault, 'find'>
  access: Pick<AccessTokens, 'forget'>
  oauth: Pick<OAuth, 'revoke'>
  forgetAccount: Forget
  publicUrl: string
}

/** Where people take a permission back themselves. */
const googleConnectionsUrl = 'https://myaccount.google.com/connections'
/** Tries at Google, all within `patienceMs`. */
const maxAttempts = 3
const revocationTimeoutMs = 6_000

export function disconnectRoutes(deps: DisconnectDeps): Route[] {
  return [{ method: 'DELETE', path: /^grant$/, run: (call) => disconnect(deps, call) }]
}

async function disconnect(deps: DisconnectDeps, { req, res, log }: Call): Promise<void> {
  const { recognise, vault, forgetAccount, access, oauth, publicUrl } = deps
  const { sub, id } = await recognise(req, 'owner')
  const record = await vault.find(sub).catch(forgiveUnreadable)
  const [forgotten] = await Promise.allSettled([forgetAccount(sub)])
  access.forget(sub)
  // Also after half of the forgetting has failed: nobody but this request may have the token now.
  const revokedAtGoogle = record !== undefined && (await revokeAtGoogle(oauth, record.refreshToken))
  if (forgotten.status === 'rejected') throw forgotten.reason
  audit(log, 'disconnect', { sub, credential: id, revokedAtGoogle })
  res.setHeader('Set-Cookie', writeCookie({ session: undefined, binding: undefined }, publicUrl, 0))
  if (revokedAtGoogle) return void res.writeHead(204).end()
  sendJson(res, 200, {
    disconnected: true,
    revokedAtGoogle,
    detail:
      'Nothing of this account is left here. Google did not confirm that it has ended the permission too; please look there',
    link: googleConnectionsUrl,
  })
}

/** @returns whether Google has ended the grant; a failure is no reason to keep anything here */
async function revokeAtGoogle(
  oauth: DisconnectDeps['oauth'],
  refreshToken: string,
): Promise<boolean> {
  const giveUpAt = performance.now() + revocationTimeoutMs
  for (let attempt = 1; attempt <= maxAttempts && performance.now() < giveUpAt; attempt++) {
    if (attempt > 1) await sleep(200 * attempt)
    const revoked = await oauth.revoke(refreshToken).then(
      () => true,
      () => false,
    )
    if (revoked) return true
  }
  return false
}

/** A record that nobody can open is removed all the same; what it held cannot be revoked. */
function forgiveUnreadable(error: unknown): undefined {
  if (error instanceof GatewayError && error.code === 'reauth_required') return undefined
  throw error
}
