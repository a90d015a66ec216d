/** ID tokens: RS256, with keys that are published as a JWK Set and can be rotated. */
import { createHash, randomBytes } from 'node:crypto'
import type { CryptoKey, JWK, JWTPayload } from 'jose'
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import type { Fault } from '../faults.ts'
import type { OAuthUser } from './clients.ts'
import { tells } from './scopes.ts'

export const issuer = 'https://accounts.google.com'
const lifetimeSeconds = 3600

interface Key {
  kid: string
  privateKey: CryptoKey
  jwk: JWK
}

export interface IdTokens {
  sign(claims: JWTPayload, alg?: Fault['idTokenAlg']): Promise<string>
  /** @throws when the token is not one of ours, or no longer good */
  verify(token: string): Promise<JWTPayload>
  jwks(): Promise<{ keys: JWK[] }>
  /** The next token is signed with a new key; the old one stays published until the next rotation. */
  rotate(): Promise<void>
}

export function createIdTokens(now: () => number): IdTokens {
  let keys: Promise<[Key, ...Key[]]> | undefined // made when first needed: it takes a while
  const current = () => (keys ??= createKey().then((key): [Key] => [key]))
  return {
    async sign(claims, alg) {
      if (alg === 'none') return new UnsecuredJWT(claims).encode()
      const [{ kid, privateKey }] = await current()
      const key = alg === 'badSignature' ? (await createKey()).privateKey : privateKey
      return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' }).sign(key)
    },
    async verify(token) {
      const { keys: published } = await this.jwks()
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: published }), {
        issuer,
        currentDate: new Date(now()),
      })
      return payload
    },
    async jwks() {
      return { keys: (await current()).map(({ jwk }) => jwk) }
    },
    async rotate() {
      const [old] = await current()
      keys = createKey().then((key): [Key, Key] => [key, old])
      await keys
    },
  }
}

async function createKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const kid = randomBytes(20).toString('hex')
  const jwk = await exportJWK(publicKey)
  return { kid, privateKey, jwk: { ...jwk, kid, use: 'sig', alg: 'RS256' } }
}

/**
 * @param nonce of the authorization request; a refreshed ID token has none
 * @see OpenID Connect: An ID token's payload
 */
export function idTokenClaims(
  user: OAuthUser,
  clientId: string,
  scopes: ReadonlySet<string>,
  accessToken: string,
  now: number,
  nonce?: string,
): JWTPayload {
  const issued = Math.floor(now / 1000)
  return {
    iss: issuer,
    azp: clientId,
    aud: clientId,
    ...userClaims(user, scopes),
    at_hash: createHash('sha256')
      .update(accessToken)
      .digest()
      .subarray(0, 16)
      .toString('base64url'),
    ...(nonce === undefined ? {} : { nonce }),
    iat: issued,
    exp: issued + lifetimeSeconds,
  }
}

/** What a token of these scopes tells about its user, in ID tokens and at the userinfo endpoint. */
export function userClaims(user: OAuthUser, scopes: ReadonlySet<string>): { sub: string } {
  const [given = '', ...family] = user.name.split(' ')
  return {
    sub: user.sub,
    ...(user.hd === undefined ? {} : { hd: user.hd }),
    ...(tells(scopes, 'email') ? { email: user.email, email_verified: true } : {}),
    ...(tells(scopes, 'profile')
      ? { name: user.name, given_name: given, family_name: family.join(' ') }
      : {}),
  }
}
