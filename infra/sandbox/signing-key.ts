/** RS256 signing keys of the sandbox's issuers. */
import { randomBytes } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import { exportJWK, generateKeyPair, importJWK } from 'jose'

export interface SigningKey {
  kid: string
  privateKey: CryptoKey
  /** The public key. */
  jwk: JWK
}

/** @param given a private RSA key in place of a new one, whose generation takes long */
export async function createSigningKey(given?: JWK): Promise<SigningKey> {
  const { privateKey, publicJwk } = given ? await importKey(given) : await generateKey()
  const kid = randomBytes(20).toString('hex')
  return { kid, privateKey, jwk: { ...publicJwk, kid, use: 'sig', alg: 'RS256' } }
}

async function importKey(given: JWK): Promise<{ privateKey: CryptoKey; publicJwk: JWK }> {
  const { kty, n, e } = given
  const privateKey = (await importJWK(given, 'RS256')) as CryptoKey
  return { privateKey, publicJwk: { kty, n, e } as JWK }
}

async function generateKey(): Promise<{ privateKey: CryptoKey; publicJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  return { privateKey, publicJwk: await exportJWK(publicKey) }
}
