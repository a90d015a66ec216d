/** Caches access tokens per account and refreshes them, one refresh at a time per account. */
import { GatewayError } from '../errors.ts'
import { createSingleFlight } from '../lib/single-flight.ts'
import { createTtlCache } from '../lib/ttl-cache.ts'
import type { GoogleOAuth } from './google-oauth.ts'
import type { GrantRecord, GrantStore } from './grant-store.ts'
import { GrantRevokedError } from './oauth-errors.ts'
import { revocationReason } from './revocation-reason.ts'
import type { Evidence, Revocation } from './revocation-reason.ts'

export interface AccessTokenCache {
  /**
   * Returns a token that is valid for more than five minutes, refreshed if necessary.
   *
   * @param rejected a token that Google has just rejected
   * @throws {GatewayError} `reauth_required` when the account must sign in again, or one of `auth_…`
   */
  tokenFor(sub: string, rejected?: string): Promise<string>
  /** Caches the access token of a sign-in. */
  set(sub: string, token: string, expiresInSeconds: number): void
  delete(sub: string): void
}

/** A token is refreshed this long before it expires, so that none expires during a request. */
const refreshMarginMs = 5 * 60_000
const maxCacheEntries = 10_000
const reconnectPath = '/auth?reconnect=1'

interface AccessToken {
  value: string
  receivedAt: number
  expiresAt: number
}

/** @param onRevoked called once per grant that Google has revoked */
export function createAccessTokenCache(
  grants: GrantStore,
  oauth: Pick<GoogleOAuth, 'refresh' | 'isAccessTokenValid'>,
  now: () => number = Date.now,
  onRevoked: (sub: string, revocation: Revocation) => void = () => {},
): AccessTokenCache {
  // No TTL: a token that is about to expire is still evidence of why a grant was revoked.
  const cache = createTtlCache<string, AccessToken>({ maxEntries: maxCacheEntries })
  const refreshes = createSingleFlight<string, AccessToken>()

  function cacheToken(sub: string, value: string, expiresInSeconds: number): AccessToken {
    const receivedAt = now()
    const token = { value, receivedAt, expiresAt: receivedAt + expiresInSeconds * 1000 }
    cache.set(sub, token)
    return token
  }

  async function refresh(sub: string, rejected: string | undefined): Promise<AccessToken> {
    let grant = await findActiveGrant(sub)
    for (;;) {
      try {
        return await refreshWith(grant)
      } catch (error) {
        if (!(error instanceof GrantRevokedError)) throw error
        const current = await findActiveGrant(sub)
        if (current.refreshToken === grant.refreshToken) {
          return handleRevocation(grant, error, rejected)
        }
        grant = current // a sign-in has replaced the refresh token meanwhile
      }
    }
  }

  async function findActiveGrant(sub: string): Promise<GrantRecord> {
    const grant = await grants.find(sub)
    if (grant && grant.revocation === undefined) return grant
    throw new GatewayError('reauth_required', 'The account has no active grant', {
      detail: grant?.revocation?.cause,
      link: reconnectPath,
    })
  }

  async function handleRevocation(
    grant: GrantRecord,
    error: GrantRevokedError,
    rejected: string | undefined,
  ): Promise<never> {
    const { sub, grantedAt, usedAt, refreshExpiresAt } = grant
    const lastToken = cache.get(sub)
    const evidence: Evidence = {
      error: error.error,
      subtype: error.subtype,
      description: error.description,
      grantedAt,
      usedAt: Math.max(usedAt ?? 0, lastToken?.receivedAt ?? 0) || undefined,
      refreshExpiresAt,
      accessToken: await checkAccessToken(lastToken, rejected),
    }
    const revocation = revocationReason(evidence, now())
    await grants.markRevoked(grant, revocation)
    cache.delete(sub)
    onRevoked(sub, revocation)
    throw new GatewayError('reauth_required', `${error.error}: ${revocation.code}`, {
      cause: error,
      detail: revocation.cause,
      link: reconnectPath,
    })
  }

  /** Whether Google still accepts an unexpired access token of the grant, if there is one. */
  async function checkAccessToken(
    token: AccessToken | undefined,
    rejected: string | undefined,
  ): Promise<Evidence['accessToken']> {
    if (!token || token.expiresAt <= now()) return undefined
    if (token.value === rejected) return 'rejected'
    return oauth.isAccessTokenValid(token.value).then(
      (isValid) => (isValid ? 'accepted' : 'rejected'),
      () => undefined,
    )
  }

  async function refreshWith(grant: GrantRecord): Promise<AccessToken> {
    const response = await oauth.refresh(grant.refreshToken)
    const { accessToken, expiresInSeconds, ...rotated } = response
    if (rotated.refreshToken !== undefined && rotated.refreshToken !== grant.refreshToken) {
      await grants.rotate(grant, rotated)
    } else {
      await grants.markUsed(grant)
    }
    return cacheToken(grant.sub, accessToken, expiresInSeconds)
  }

  return {
    async tokenFor(sub, rejected) {
      const token = cache.get(sub)
      if (token && token.value !== rejected && token.expiresAt - now() > refreshMarginMs) {
        return token.value
      }
      return (await refreshes.run(sub, () => refresh(sub, rejected))).value
    },
    set: (sub, accessToken, expiresInSeconds) =>
      void cacheToken(sub, accessToken, expiresInSeconds),
    delete: (sub) => cache.delete(sub),
  }
}
