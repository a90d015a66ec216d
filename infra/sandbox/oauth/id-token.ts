/** ID tokens: RS256, with rotatable keys published as a JWK Set. */
import { createHash } from 'node:crypto'
import type { JWK, JWTPayload } from 'jose'
import { createLocalJWKSet, jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import type { Fault } from '../faults.ts'
import { createSigningKey } from '../signing-key.ts'
import type { SigningKey } from '../signing-key.ts'
import type { OAuthUser } from './clients.ts'
import { includesUserInfo } from './scopes.ts'

export const issuer = 'https://accounts.google.com'
const ttlSeconds = 3600

export interface IdTokens {
  sign(claims: JWTPayload, alg?: Fault['idTokenAlg']): Promise<string>
  /** @throws when the token has another issuer or an invalid signature, or is expired */
  verify(token: string): Promise<JWTPayload>
  jwks(): Promise<{ keys: JWK[] }>
  /** Creates a new signing key; the previous one stays published until the next rotation. */
  rotate(): Promise<void>
}

/** @param firstKey a private key; a new one by default */
export function createIdTokens(now: () => number, firstKey?: JWK): IdTokens {
  let keys: Promise<[SigningKey, ...SigningKey[]]> | undefined // created on first use, because it is slow
  const current = () => (keys ??= createSigningKey(firstKey).then((key): [SigningKey] => [key]))
  return {
    async sign(claims, alg) {
      if (alg === 'none') return new UnsecuredJWT(claims).encode()
      const [{ kid, privateKey }] = await current()
      const key = alg === 'badSignature' ? (await createSigningKey()).privateKey : privateKey
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
      const [previous] = await current()
      keys = createSigningKey().then((key): [SigningKey, SigningKey] => [key, previous])
      await keys
    },
  }
}

/**
 * The claims of an ID token.
 *
 * @param nonce of the authorization request; undefined for a refreshed ID token
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
  const issuedAt = Math.floor(now / 1000)
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
    iat: issuedAt,
    exp: issuedAt + ttlSeconds,
  }
}

/** The claims about the user for these scopes, in ID tokens and from the userinfo endpoint. */
export function userClaims(user: OAuthUser, scopes: ReadonlySet<string>): { sub: string } {
  const [given = '', ...family] = user.name.split(' ')
  return {
    sub: user.sub,
    ...(user.hd === undefined ? {} : { hd: user.hd }),
    ...(includesUserInfo(scopes, 'email') ? { email: user.email, email_verified: true } : {}),
    ...(includesUserInfo(scopes, 'profile')
      ? { name: user.name, given_name: given, family_name: family.join(' ') }
      : {}),
  }
}
