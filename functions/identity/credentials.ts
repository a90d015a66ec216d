/**
 * Credentials: random 256-bit secrets, stored by their SHA-256 with the account, scopes, folder,
 * limits and expiry. A session is sent in a cookie; a token, or the bearer token of a page on another
 * origin, in `Authorization`.
 */
import { hash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { GrantBound } from './grant-generations.ts'
import { scopes } from './principal.ts'
import type { Limits, Principal, Scope } from './principal.ts'

export type CredentialKind = 'session' | 'page' | 'token'

/** A stored credential. Its `id` is the SHA-256 of the secret, in hex. */
export interface Credential extends Principal {
  kind: CredentialKind
  /** Chosen by the owner; empty for sessions and pages. */
  name: string
  /** The only origin whose pages may send the credential. */
  origin?: string
  /** Milliseconds since 1970. */
  createdAt: number
}

/** The properties of a new credential. */
export interface CredentialRequest extends GrantBound {
  name?: string
  /** Default: all scopes. */
  scopes?: readonly Scope[]
  folder?: { id: string; name: string }
  limits?: Limits
  origin?: string
}

/** Stores credentials; may return expired ones. */
export interface CredentialStore {
  create(credential: Credential): Promise<void>
  /** @param fresh bypasses a cache */
  find(id: string, fresh?: boolean): Promise<Credential | undefined>
  /** All credentials of an account. */
  list(sub: string): Promise<Credential[]>
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
  /** The valid credentials of one kind under a grant, newest first. */
  list(grant: GrantBound, kind: CredentialKind): Promise<Credential[]>
  revoke(id: string): Promise<void>
  /**
   * Revokes all credentials of an account.
   *
   * @returns their ids
   */
  revokeAll(sub: string): Promise<string[]>
}

const errorCodes = { cookie: 'session_expired', bearer: 'invalid_token' } as const

export function createCredentials(
  store: CredentialStore,
  now: () => number = Date.now,
): Credentials {
  return {
    async issue(kind, { name = '', scopes: granted = scopes, ...request }, lifetimeMs) {
      const random = randomBytes(32).toString('base64url')
      const secret = kind === 'session' ? random : formatToken(random)
      const createdAt = now()
      const expiresAt = createdAt + lifetimeMs
      const id = idOf(secret)
      const credential = { ...request, id, kind, name, scopes: granted, createdAt, expiresAt }
      await store.create(credential)
      return { secret, credential }
    },

    async authenticate(transport, secret, fresh) {
      const credential = isWellFormed(transport, secret)
        ? await store.find(idOf(secret), fresh)
        : undefined
      const isExpectedKind = (credential?.kind === 'session') === (transport === 'cookie')
      if (!credential || !isExpectedKind || credential.expiresAt <= now()) {
        throw new GatewayError(errorCodes[transport], `No valid credential has this ${transport}`)
      }
      return credential
    },

    find: (id) => store.find(id),

    async list({ sub, generation }, kind) {
      const credentials = await store.list(sub)
      return credentials
        .filter((credential) => credential.kind === kind && credential.generation === generation)
        .filter(({ expiresAt }) => expiresAt > now())
        .toSorted((a, b) => b.createdAt - a.createdAt)
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
