/**
 * Credentials: random 256-bit secrets, stored by their SHA-256 with the account, scopes, folder,
 * limits and expiry. A session is sent in a cookie; a token, or the bearer token of a page on another
 * origin, in `Authorization`.
 */
import { hash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { createTtlCache } from '../lib/ttl-cache.ts'
import type { GrantBound } from './grant-generations.ts'
import type { RenewedBinding } from './login-state.ts'
import { scopes } from './principal.ts'
import type { BoundFolder, Limits, Principal, Scope } from './principal.ts'
import { defaultSessionLifetime, markIntervalMs, sessionExpiry } from './session-lifetime.ts'

export type CredentialKind = 'session' | 'page' | 'token'

/** A stored credential. Its `id` is the SHA-256 of the secret, in hex. */
export interface Credential extends Principal {
  kind: CredentialKind
  /** Chosen by the owner; empty for sessions and pages. */
  name: string
  /** The only origin whose pages may send the credential. */
  origin?: string
  /** The client that signed in; for sessions and pages. */
  from?: { address: string; userAgent: string }
  /** The hash of the binding that a session's cookie has beside it. */
  bindingHash?: string
  /** What a session's sign-in has replaced in its browser. */
  renewedBinding?: RenewedBinding
  /** Milliseconds since 1970. */
  createdAt: number
  /** The last use of a session, up to about an hour too early. */
  usedAt?: number
}

/** The properties of a new credential. */
export interface CredentialRequest extends GrantBound {
  name?: string
  /** Default: all scopes. */
  scopes?: readonly Scope[]
  folder?: BoundFolder
  limits?: Limits
  origin?: string
  from?: { address: string; userAgent: string }
  bindingHash?: string
  renewedBinding?: RenewedBinding
}

/** Stores credentials; may return expired ones. */
export interface CredentialStore {
  create(credential: Credential): Promise<void>
  /** @param fresh bypasses a cache */
  find(id: string, fresh?: boolean): Promise<Credential | undefined>
  /** All credentials of an account. */
  list(sub: string): Promise<Credential[]>
  /** Updates the last use and the expiry, unless the credential was removed. */
  touch(id: string, usedAt: number, expiresAt: number): Promise<void>
  remove(id: string): Promise<void>
  /**
   * Removes all credentials of an account, however many there are.
   *
   * @returns their ids
   */
  removeAll(sub: string): Promise<string[]>
}

/** How a request sends a secret. */
export type CredentialTransport = 'cookie' | 'bearer'

export interface Credentials {
  /** @returns the secret, which is stored nowhere, and the stored credential */
  issue(
    kind: CredentialKind,
    request: CredentialRequest,
    lifetimeMs: number,
  ): Promise<{ secret: string; credential: Credential }>
  /**
   * @param fresh reads the store, so that a revocation at another instance takes effect at once
   * @throws {GatewayError} `session_expired` (cookie) or `invalid_token` (bearer) for a secret that
   *   is unknown, of another kind, revoked or expired
   */
  authenticate(transport: CredentialTransport, secret: string, fresh?: boolean): Promise<Credential>
  find(id: string): Promise<Credential | undefined>
  /** @returns the session with this secret, if it is valid */
  findSession(secret: string): Promise<Credential | undefined>
  /** The valid credentials of these kinds under a grant, newest first. */
  list(grant: GrantBound, ...kinds: CredentialKind[]): Promise<Credential[]>
  /** Updates the last use of a session, at most about once an hour; callers need not wait. */
  markUsed(id: string): Promise<void>
  revoke(id: string): Promise<void>
  /**
   * Revokes all credentials of an account.
   *
   * @returns their ids
   */
  revokeAll(sub: string): Promise<string[]>
}

const maxMarked = 10_000
const errorCodes = { cookie: 'session_expired', bearer: 'invalid_token' } as const

export function createCredentials(
  store: CredentialStore,
  now: () => number = Date.now,
  sessionLifetime = defaultSessionLifetime,
): Credentials {
  const intervalMs = markIntervalMs(sessionLifetime)
  const marked = createTtlCache<string, true>({ maxEntries: maxMarked, ttlMs: intervalMs, now })

  /** A lifetime that the operator has shortened applies to the sessions that exist. */
  const withExpiry = <T extends Credential | undefined>(credential: T): T =>
    credential?.kind === 'session'
      ? {
          ...credential,
          expiresAt: Math.min(credential.expiresAt, sessionExpiry(sessionLifetime, credential)),
        }
      : credential

  async function findValid(
    transport: CredentialTransport,
    secret: string,
    fresh?: boolean,
  ): Promise<Credential | undefined> {
    if (!isWellFormed(transport, secret)) return undefined
    const credential = withExpiry(await store.find(idOf(secret), fresh))
    const isExpectedKind = (credential?.kind === 'session') === (transport === 'cookie')
    return credential && isExpectedKind && credential.expiresAt > now() ? credential : undefined
  }

  return {
    async issue(kind, { name = '', scopes: granted = scopes, ...request }, lifetimeMs) {
      const random = randomBytes(32).toString('base64url')
      const secret = kind === 'session' ? random : formatToken(random)
      const id = idOf(secret)
      const createdAt = now()
      const expiresAt = createdAt + lifetimeMs
      const used = kind === 'session' ? { usedAt: createdAt } : {}
      const dates = { createdAt, expiresAt, ...used }
      const credential = withExpiry({ ...request, id, kind, name, scopes: granted, ...dates })
      await store.create(credential)
      return { secret, credential }
    },

    async authenticate(transport, secret, fresh) {
      const credential = await findValid(transport, secret, fresh)
      if (credential) return credential
      throw new GatewayError(errorCodes[transport], `No valid credential has this ${transport}`)
    },

    find: (id) => store.find(id),
    findSession: (secret) => findValid('cookie', secret),

    async list({ sub, generation }, ...kinds) {
      const credentials = await store.list(sub)
      return credentials
        .filter((credential) => kinds.includes(credential.kind))
        .filter((credential) => credential.generation === generation)
        .map(withExpiry)
        .filter(({ expiresAt }) => expiresAt > now())
        .toSorted((a, b) => b.createdAt - a.createdAt)
    },

    async markUsed(id) {
      if (marked.get(id)) return
      marked.set(id, true)
      const credential = await store.find(id)
      if (credential?.kind !== 'session') return
      const usedAt = now()
      // Another instance may have updated it already.
      if (usedAt - (credential.usedAt ?? 0) < intervalMs) return
      await store.touch(id, usedAt, sessionExpiry(sessionLifetime, { ...credential, usedAt }))
    },

    revoke: (id) => store.remove(id),

    revokeAll: (sub) => store.removeAll(sub),
  }
}

const tokenPrefix = 'dw_'
const checksumLength = 6

/** `dw_`, 256 bits in base64url, and a checksum that lets secret scanners recognize a token. */
function formatToken(random: string): string {
  return tokenPrefix + random + checksumOf(random)
}

function checksumOf(random: string): string {
  return hash('sha256', random, 'base64url').slice(0, checksumLength)
}

/** Checks the format before the store is read. */
function isWellFormed(transport: CredentialTransport, secret: string): boolean {
  if (transport === 'cookie') return /^[\w-]{43}$/.test(secret)
  const [, random, checksum] = /^dw_([\w-]{43})([\w-]{6})$/.exec(secret) ?? []
  return random !== undefined && checksum === checksumOf(random)
}

function idOf(secret: string): string {
  return hash('sha256', secret)
}
