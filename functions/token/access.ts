/** Access tokens, account by account: one refresh at a time, and never somebody else's. */
import { GatewayError } from '../errors.ts'
import { keepRecent } from '../recent.ts'
import { DeadGrantError } from './oauth.ts'
import type { OAuth, Refreshed } from './oauth.ts'
import type { Vault, VaultRecord } from './vault.ts'

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

interface AccessToken {
  value: string
  expiresAt: number
}

export function createAccessTokens(
  vault: Vault,
  oauth: Pick<OAuth, 'refresh'>,
  now: () => number = Date.now,
): AccessTokens {
  const held = new Map<string, AccessToken>() // by sub: accounts never share a token
  const renewing = new Map<string, Promise<AccessToken>>() // one refresh at a time per account

  function hold(sub: string, { accessToken, expiresInSeconds }: Refreshed): AccessToken {
    const token = { value: accessToken, expiresAt: now() + expiresInSeconds * 1000 }
    keepRecent(held, sub, token, maxHeld)
    return token
  }

  async function renew(sub: string): Promise<AccessToken> {
    let record = await findLiving(sub)
    for (;;) {
      try {
        return await use(record)
      } catch (error) {
        if (!(error instanceof DeadGrantError)) throw error
        const newer = await findLiving(sub)
        if (newer.refreshToken === record.refreshToken) return end(record, error)
        record = newer // somebody has signed in again while we asked
      }
    }
  }

  async function findLiving(sub: string): Promise<VaultRecord> {
    const record = await vault.find(sub)
    if (record && record.deathCause === undefined) return record
    throw new GatewayError('reauth_required', 'No live grant is kept for this account', {
      detail: record?.deathCause,
    })
  }

  async function end(record: VaultRecord, error: DeadGrantError): Promise<never> {
    const cause = causeOf(error)
    await vault.bury(record, cause)
    throw new GatewayError('reauth_required', 'invalid_grant', { cause: error, detail: cause })
  }

  async function use(record: VaultRecord): Promise<AccessToken> {
    const refreshed = await oauth.refresh(record.refreshToken)
    if (refreshed.refreshToken !== undefined && refreshed.refreshToken !== record.refreshToken) {
      await vault.save({ ...record, refreshToken: refreshed.refreshToken })
    }
    return hold(record.sub, refreshed)
  }

  return {
    async tokenFor(sub, rejected) {
      const token = held.get(sub)
      if (token && token.value !== rejected && token.expiresAt - now() > marginMs)
        return token.value
      const under =
        renewing.get(sub) ??
        renew(sub).finally(() => {
          renewing.delete(sub)
        })
      renewing.set(sub, under)
      return (await under).value
    },
    remember: (sub, accessToken, expiresInSeconds) =>
      void hold(sub, { accessToken, expiresInSeconds, refreshToken: undefined }),
    forget: (sub) => void held.delete(sub),
  }
}

function causeOf({ subtype }: DeadGrantError): string {
  return subtype === 'invalid_rapt'
    ? 'Your organisation asks you to sign in again from time to time'
    : 'Google ended the permission: it was removed, expired, or unused for too long'
}
