/** Access tokens, account by account: one refresh at a time, and never somebody else's. */
import { GatewayError } from '../errors.ts'
import { keepRecent } from '../lib/lru.ts'
import { deathOf } from './revocation-reason.ts'
import type { Death, Evidence } from './revocation-reason.ts'
import { DeadGrantError } from './google-oauth.ts'
import type { OAuth, Refreshed } from './google-oauth.ts'
import type { Vault, VaultRecord } from './grant-store.ts'

export interface AccessTokens {
  /**
   * A token that is good for a few minutes at least.
   *
   * @param rejected a token that Google has just refused
   * @throws {GatewayError} `reauth_required` when the account has to sign in again, or one of `auth_…`
   */
  tokenFor(sub: string, rejected?: string): Promise<string>
  /** Keeps the token that a sign-in brought. */
  remember(sub: string, token: string, expiresInSeconds: number): void
  forget(sub: string): void
}

/** A token with less than this to live is renewed, so that none ends within a request. */
const marginMs = 5 * 60_000
const maxHeld = 10_000
/** Where the way back is. */
const reconnect = '/auth?reconnect=1'

interface AccessToken {
  value: string
  receivedAt: number
  expiresAt: number
}

/** @param onEnded told once of each grant that Google is found to have ended */
export function createAccessTokens(
  vault: Vault,
  oauth: Pick<OAuth, 'refresh' | 'accepts'>,
  now: () => number = Date.now,
  onEnded: (sub: string, death: Death) => void = () => {},
): AccessTokens {
  const held = new Map<string, AccessToken>() // by sub: accounts never share a token
  const renewing = new Map<string, Promise<AccessToken>>() // one refresh at a time per account

  function hold(sub: string, value: string, expiresInSeconds: number): AccessToken {
    const receivedAt = now()
    const token = { value, receivedAt, expiresAt: receivedAt + expiresInSeconds * 1000 }
    keepRecent(held, sub, token, maxHeld)
    return token
  }

  async function renew(sub: string, rejected: string | undefined): Promise<AccessToken> {
    let record = await findLiving(sub)
    for (;;) {
      try {
        return await use(record)
      } catch (error) {
        if (!(error instanceof DeadGrantError)) throw error
        const newer = await findLiving(sub)
        if (newer.refreshToken === record.refreshToken) return end(record, error, rejected)
        record = newer // somebody has signed in again while we asked
      }
    }
  }

  async function findLiving(sub: string): Promise<VaultRecord> {
    const record = await vault.find(sub)
    if (record && record.death === undefined) return record
    throw new GatewayError('reauth_required', 'No live grant is kept for this account', {
      detail: record?.death?.cause,
      link: reconnect,
    })
  }

  async function end(
    record: VaultRecord,
    error: DeadGrantError,
    rejected: string | undefined,
  ): Promise<never> {
    const { sub, grantedAt, usedAt, refreshExpiresAt } = record
    const last = held.get(sub)
    const evidence: Evidence = {
      error: error.error,
      subtype: error.subtype,
      description: error.description,
      grantedAt,
      usedAt: Math.max(usedAt ?? 0, last?.receivedAt ?? 0) || undefined,
      refreshExpiresAt,
      accessToken: await lastWord(last, rejected),
    }
    const death = deathOf(evidence, now())
    await vault.bury(record, death)
    held.delete(sub)
    onEnded(sub, death)
    throw new GatewayError('reauth_required', `${error.error}: ${death.code}`, {
      cause: error,
      detail: death.cause,
      link: reconnect,
    })
  }

  /** Whether Google still takes an access token that by its own time is good. */
  async function lastWord(
    token: AccessToken | undefined,
    rejected: string | undefined,
  ): Promise<Evidence['accessToken']> {
    if (!token || token.expiresAt <= now()) return undefined
    if (token.value === rejected) return 'refused'
    return oauth.accepts(token.value).then(
      (accepted) => (accepted ? 'accepted' : 'refused'),
      () => undefined,
    )
  }

  async function use(record: VaultRecord): Promise<AccessToken> {
    const { accessToken, expiresInSeconds, ...renewed }: Refreshed = await oauth.refresh(
      record.refreshToken,
    )
    if (renewed.refreshToken !== undefined && renewed.refreshToken !== record.refreshToken) {
      await vault.save({ ...record, ...renewed })
    } else {
      await vault.touch(record)
    }
    return hold(record.sub, accessToken, expiresInSeconds)
  }

  return {
    async tokenFor(sub, rejected) {
      const token = held.get(sub)
      if (token && token.value !== rejected && token.expiresAt - now() > marginMs)
        return token.value
      const under =
        renewing.get(sub) ??
        renew(sub, rejected).finally(() => {
          renewing.delete(sub)
        })
      renewing.set(sub, under)
      return (await under).value
    },
    remember: (sub, accessToken, expiresInSeconds) => void hold(sub, accessToken, expiresInSeconds),
    forget: (sub) => void held.delete(sub),
  }
}
