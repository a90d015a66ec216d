/**
 * One kind of credential: a random 256-bit secret whose SHA-256 names a document that says whose it
 * is, what may be done with it, where, how much and until when. A session is one that comes in a
 * cookie; a token, or the bearer of a page on another origin, comes in `Authorization`.
 */
import { hash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { scopes } from './principal.ts'
import type { Limits, Principal, Scope } from './principal.ts'

export type CredentialKind = 'session' | 'page' | 'token'

/** As kept. Its `id` is the SHA-256 of the secret, in hex. */
export interface Credential extends Principal {
  kind: CredentialKind
  /** What its owner calls it; empty for sessions and pages. */
  name: string
  /** The one origin whose pages may show it. */
  origin?: string
  /** Milliseconds since 1970. */
  createdAt: number
}

/** What a credential is to be good for. */
export interface Grant {
  sub: string
  name?: string
  /** All of them where nothing is said. */
  scopes?: readonly Scope[]
  folder?: { id: string; name: string }
  limits?: Limits
  origin?: string
}

/** Where credentials are kept; expired ones may be given back and are not believed. */
export interface CredentialStore {
  create(credential: Credential): Promise<void>
  find(id: string): Promise<Credential | undefined>
  /** Everything of one person. */
  list(sub: string): Promise<Credential[]>
  remove(id: string): Promise<void>
  /**
   * Everything of one person, however much it is.
   *
   * @returns the ids
   */
  removeAll(sub: string): Promise<string[]>
}

/** Where a secret was found. */
export type Shown = 'cookie' | 'bearer'

export interface Credentials {
  /** @returns the secret, which is nowhere else, and what is kept of it */
  issue(
    kind: CredentialKind,
    grant: Grant,
    lifetimeMs: number,
  ): Promise<{ secret: string; credential: Credential }>
  /**
   * @throws {GatewayError} `session_expired` or `invalid_token` for a secret that is unknown, of
   *   another kind, revoked or past its time
   */
  identify(shown: Shown, secret: string): Promise<Credential>
  find(id: string): Promise<Credential | undefined>
  /** The live ones of a person and a kind, the newest first. */
  list(sub: string, kind: CredentialKind): Promise<Credential[]>
  revoke(id: string): Promise<void>
  /**
   * Ends everything that a person has.
   *
   * @returns the ids of what they had
   */
  revokeAll(sub: string): Promise<string[]>
}

const refusals = { cookie: 'session_expired', bearer: 'invalid_token' } as const

export function createCredentials(
  store: CredentialStore,
  now: () => number = Date.now,
): Credentials {
  return {
    async issue(kind, { name = '', scopes: granted = scopes, ...grant }, lifetimeMs) {
      const random = randomBytes(32).toString('base64url')
      const secret = kind === 'session' ? random : tokenOf(random)
      const createdAt = now()
      const expiresAt = createdAt + lifetimeMs
      const id = idOf(secret)
      const credential = { ...grant, id, kind, name, scopes: granted, createdAt, expiresAt }
      await store.create(credential)
      return { secret, credential }
    },

    async identify(shown, secret) {
      const credential = isWellFormed(shown, secret) ? await store.find(idOf(secret)) : undefined
      const isOfKind = (credential?.kind === 'session') === (shown === 'cookie')
      if (!credential || !isOfKind || credential.expiresAt <= now()) {
        throw new GatewayError(refusals[shown], `No live credential has this ${shown}`)
      }
      return credential
    },

    find: (id) => store.find(id),

    async list(sub, kind) {
      const all = await store.list(sub)
      return all
        .filter((one) => one.kind === kind && one.expiresAt > now())
        .toSorted((one, other) => other.createdAt - one.createdAt)
    },

    revoke: (id) => store.remove(id),

    revokeAll: (sub) => store.removeAll(sub),
  }
}

const tokenPrefix = 'dw_'
const checksumLength = 6

/** `dw_`, 256 bits in base64url, and a checksum by which a scanner tells it from noise. */
function tokenOf(random: string): string {
  return tokenPrefix + random + checksumOf(random)
}

function checksumOf(random: string): string {
  return hash('sha256', random, 'base64url').slice(0, checksumLength)
}

/** Whether it can be one of ours at all: what cannot costs no look into the store. */
function isWellFormed(shown: Shown, secret: string): boolean {
  if (shown === 'cookie') return /^[\w-]{43}$/.test(secret)
  const [, random, checksum] = /^dw_([\w-]{43})([\w-]{6})$/.exec(secret) ?? []
  return random !== undefined && checksum === checksumOf(random)
}

function idOf(secret: string): string {
  return hash('sha256', secret)
}
