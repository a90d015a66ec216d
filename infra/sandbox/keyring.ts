/** Generates an encryption keyring: a JWK Set of `oct` keys (RFC 7517). */
import { randomBytes } from 'node:crypto'

/** @returns a JWK Set with one new 256-bit key */
export function newKeyring(): string {
  const key = {
    kty: 'oct',
    kid: randomBytes(6).toString('hex'),
    k: randomBytes(32).toString('base64url'),
  }
  return JSON.stringify({ keys: [key] })
}
