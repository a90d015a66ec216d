/**
 * Seals values: only this Driveway can open them, and only for the purpose they were sealed for.
 * JWE, compact, `dir` with A256GCM (RFC 7516, RFC 7518), under a key derived per purpose.
 */
import { hkdfSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import { GatewayError } from '../errors.ts'

export interface Seal {
  /** @param purpose the kind of value and, if it belongs to an account, the account */
  seal(purpose: string, value: object): Promise<string>
  /** @returns `undefined` for a value that was sealed with another keyring or for another purpose, or was modified */
  open(purpose: string, sealed: string): Promise<Record<string, unknown> | undefined>
  /** Whether the value was sealed with another key than the current one. */
  usesOldKey(sealed: string): Promise<boolean>
}

/**
 * A key of the keyring, a JWK Set of `oct` keys (RFC 7517). The first key seals, all keys open. For a
 * rotation, append the new key, and move it to the front once every instance has read it.
 */
interface Key {
  kid: string
  secret: Buffer
}

/** @param keyring returns the JWK Set as text; `forceRefresh` when the cached one lacks a key */
export function createSeal(keyring: (forceRefresh?: boolean) => Promise<string>): Seal {
  return {
    async seal(purpose, value) {
      const [key] = parseKeyring(await keyring())
      return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid })
        .encrypt(deriveKey(key, purpose))
    },

    async open(purpose, sealed) {
      const kid = readKeyId(sealed)
      if (kid === undefined) return undefined
      const hasKeyId = (candidate: Key): boolean => candidate.kid === kid
      const key =
        parseKeyring(await keyring()).find(hasKeyId) ??
        parseKeyring(await keyring(true)).find(hasKeyId)
      if (!key) return undefined
      try {
        const { plaintext } = await compactDecrypt(sealed, deriveKey(key, purpose), {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
        })
        return JSON.parse(Buffer.from(plaintext).toString('utf8')) as Record<string, unknown>
      } catch {
        return undefined
      }
    },

    async usesOldKey(sealed) {
      const [key] = parseKeyring(await keyring())
      return readKeyId(sealed) !== key.kid
    },
  }
}

function deriveKey({ secret }: Key, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `driveway ${purpose}`, 32))
}

/** @returns `undefined` for a text that is not a sealed value */
function readKeyId(sealed: string): string | undefined {
  if (!sealed.split('.').every(isCanonical)) return undefined
  try {
    return decodeProtectedHeader(sealed).kid
  } catch {
    return undefined
  }
}

/** Base64url has several spellings of the same bytes; only one is accepted, so no changed character passes. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

/** @throws {GatewayError} `misconfigured` if any key is invalid */
function parseKeyring(text: string): [Key, ...Key[]] {
  const [first, ...others] = parseJwkSet(text).map(({ kty, kid, k }) => {
    const secret = Buffer.from(String(k), 'base64url')
    if (kty !== 'oct' || typeof kid !== 'string' || secret.length !== 32) {
      throw new GatewayError('misconfigured', 'A keyring key must be a 256-bit oct key with a kid')
    }
    return { kid, secret }
  })
  if (!first) throw new GatewayError('misconfigured', 'The keyring is empty')
  return [first, ...others]
}

interface UnvalidatedKey {
  kty?: unknown
  kid?: unknown
  k?: unknown
}

function parseJwkSet(text: string): UnvalidatedKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    if (Array.isArray(keys)) return keys.map((key: UnvalidatedKey | null) => ({ ...key }))
  } catch {
    // The syntax error quotes the text, so it is not the cause of the error below.
  }
  throw new GatewayError('misconfigured', 'The keyring is not a JWK Set')
}
