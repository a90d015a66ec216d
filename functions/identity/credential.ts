/**
 * One kind of credential: a random 256-bit secret whose SHA-256 names a document that says whose it
 * is and until when. A session is one that comes in a cookie, a token one that comes as a bearer.
 */
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'

export type CredentialKind = 'session' | 'token'

export interface Credential {
  /** SHA-256 of the secret, in hex; safe to show. */
  id: string
  kind: CredentialKind
  /** Whose it is: the subject identifier at Google. */
  sub: string
  /** What its owner calls it; empty for sessions. */
  name: string
  /** Milliseconds since 1970. */
  createdAt: number
  expiresAt: number
}

/** Where credentials are kept; expired ones may be given back and are not believed. */
export interface CredentialStore {
  create(credential: Credential): Promise<void>
  find(id: string): Promise<Credential | undefined>
  remove(id: string): Promise<void>
}

export interface Credentials {
  /** @returns the secret, which is nowhere else, and what is kept of it */
  issue(
    kind: CredentialKind,
    owner: { sub: string; name?: string },
    lifetimeMs: number,
  ): Promise<{ secret: string; credential: Credential }>
  /**
   * @throws {GatewayError} `session_expired` or `invalid_token` for a secret that is unknown, of
   *   another kind, revoked or past its time
   */
  identify(kind: CredentialKind, secret: string): Promise<Credential>
  find(id: string): Promise<Credential | undefined>
  revoke(id: string): Promise<void>
}

const refusals = { session: 'session_expired', token: 'invalid_token' } as const

export function createCredentials(
  store: CredentialStore,
  now: () => number = Date.now,
): Credentials {
  return {
    async issue(kind, { sub, name = '' }, lifetimeMs) {
      const random = randomBytes(32).toString('base64url')
      const secret = kind === 'token' ? tokenOf(random) : random
      const createdAt = now()
      const expiresAt = createdAt + lifetimeMs
      const credential = { id: idOf(secret), kind, sub, name, createdAt, expiresAt }
      await store.create(credential)
      return { secret, credential }
    },

    async identify(kind, secret) {
      const credential = isWellFormed(kind, secret) ? await store.find(idOf(secret)) : undefined
      if (!credential || credential.kind !== kind || credential.expiresAt <= now()) {
        throw new GatewayError(refusals[kind], `No live ${kind} has this secret`)
      }
      return credential
    },

    find: (id) => store.find(id),
    revoke: (id) => store.remove(id),
  }
}

const tokenPrefix = 'dw_'
const checksumLength = 6

/** `dw_`, 256 bits in base64url, and a checksum by which a scanner tells it from noise. */
function tokenOf(random: string): string {
  return tokenPrefix + random + checksumOf(random)
}

function checksumOf(random: string): string {
  return createHash('sha256').update(random).digest('base64url').slice(0, checksumLength)
}

/** Whether it can be one of ours at all: what cannot costs no look into the store. */
function isWellFormed(kind: CredentialKind, secret: string): boolean {
  if (kind === 'session') return /^[\w-]{43}$/.test(secret)
  const [, random, checksum] = /^dw_([\w-]{43})([\w-]{6})$/.exec(secret) ?? []
  return random !== undefined && checksum === checksumOf(random)
}

function idOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
