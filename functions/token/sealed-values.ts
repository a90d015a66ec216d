/**
 * Sealing: a value that only this Driveway can open, and only for the purpose it was sealed for.
 * JWE, compact, `dir` with A256GCM (RFC 7516, RFC 7518), under a key derived for that purpose, so
 * that a token of one kind is noise to whoever expects another.
 */
import { hkdfSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import { GatewayError } from '../errors.ts'

export interface Seal {
  /** @param purpose what it is for and, where it belongs to somebody, whose it is */
  seal(purpose: string, value: object): Promise<string>
  /** @returns nothing when it was not sealed by us for this purpose, or was tampered with */
  open(purpose: string, sealed: string): Promise<Record<string, unknown> | undefined>
  /** Whether it was sealed with another key than the one that seals now. */
  isOld(sealed: string): Promise<boolean>
}

/**
 * A JWK Set of `oct` keys (RFC 7517): the first seals, all open. A new key is put last at first, and
 * first once every instance has read it: nobody then meets what it cannot open.
 */
interface Key {
  kid: string
  secret: Buffer
}

/** @param keyring the JWK Set's text; `fresh` when it has just proved outdated */
export function createSeal(keyring: (fresh?: boolean) => Promise<string>): Seal {
  return {
    async seal(purpose, value) {
      const [key] = readKeyring(await keyring())
      return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid })
        .encrypt(deriveKey(key, purpose))
    },

    async open(purpose, sealed) {
      const kid = readKeyId(sealed)
      if (kid === undefined) return undefined
      const isIt = (candidate: Key): boolean => candidate.kid === kid
      const key =
        readKeyring(await keyring()).find(isIt) ?? readKeyring(await keyring(true)).find(isIt)
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

    async isOld(sealed) {
      const [key] = readKeyring(await keyring())
      return readKeyId(sealed) !== key.kid
    },
  }
}

function deriveKey({ secret }: Key, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `driveway ${purpose}`, 32))
}

/** @returns nothing for what cannot have been sealed here */
function readKeyId(sealed: string): string | undefined {
  if (!sealed.split('.').every(isCanonical)) return undefined
  try {
    return decodeProtectedHeader(sealed).kid
  } catch {
    return undefined
  }
}

/** Base64url may spell the same bytes in several ways; with one of them, no changed letter passes. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

/** @throws {GatewayError} `misconfigured` unless every key is whole: half a keyring opens nothing */
function readKeyring(text: string): [Key, ...Key[]] {
  const [first, ...others] = parseKeys(text).map(({ kty, kid, k }) => {
    const secret = Buffer.from(String(k), 'base64url')
    if (kty !== 'oct' || typeof kid !== 'string' || secret.length !== 32) {
      throw new GatewayError(
        'misconfigured',
        'A key of the keyring is no 256-bit oct key with a kid',
      )
    }
    return { kid, secret }
  })
  if (!first) throw new GatewayError('misconfigured', 'The keyring is empty')
  return [first, ...others]
}

interface WrittenKey {
  kty?: unknown
  kid?: unknown
  k?: unknown
}

function parseKeys(text: string): WrittenKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    if (Array.isArray(keys)) return keys.map((key: WrittenKey | null) => ({ ...key }))
  } catch {
    // Told below, without the text.
  }
  throw new GatewayError('misconfigured', 'The keyring is no JWK Set')
}
