/**
 * An OIDC issuer of a CI system on loopback: publishes keys and issues a token with the requested
 * claims, as GitHub Actions and GitLab do for their jobs.
 *
 * @see OpenID Connect Discovery 1.0; GitHub, "OpenID Connect reference"
 */
import { createHash, randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { SignJWT } from 'jose'
import type { Exchange, Service } from './router.ts'
import { sendJson, readBody } from './router.ts'
import { createSigningKey } from './signing-key.ts'
import type { SigningKey } from './signing-key.ts'

export interface OidcIssuerOptions {
  /** The first private key; a new one by default. */
  signingKey?: JWK | undefined
  now?: () => number
}

/** Claims of a token; `null` omits a default claim. */
export type Claims = Record<string, unknown>

export interface OidcIssuer extends Service {
  /** The path of the issuer below the sandbox's origin. */
  path: string
  /**
   * Issues a signed token.
   *
   * @param issuer the `iss` claim: the issuer's own URL
   * @param header additional or replaced header parameters
   */
  mint(issuer: string, claims: Claims, header?: Record<string, unknown>): Promise<string>
  /** Creates a new signing key; the previous one stays published until the next rotation. */
  rotate(): Promise<void>
}

const path = '/ci'
const tokenTtlSeconds = 10 * 60
const maxFormBytes = 64 * 1024

export function createOidcIssuer(options: OidcIssuerOptions = {}): OidcIssuer {
  const { now = Date.now, signingKey } = options
  let keys: Promise<SigningKey[]> | undefined // created on first use, because it is slow
  const current = (): Promise<SigningKey[]> =>
    (keys ??= createSigningKey(signingKey).then((key) => [key]))

  async function mint(
    issuer: string,
    claims: Claims,
    header: Record<string, unknown> = {},
  ): Promise<string> {
    const [key] = await current()
    if (!key) throw new Error('Cannot sign a token: no key exists')
    const issuedAt = Math.floor(now() / 1000)
    const allClaims = {
      iss: issuer,
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + tokenTtlSeconds,
      jti: randomUUID(),
      ...claims,
    }
    const payload = Object.fromEntries(
      Object.entries(allClaims).filter(([, value]) => value !== null),
    )
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'JWT', ...header })
      .sign(key.privateKey)
  }

  /** Issues a token with one claim per form field; `audience` sets `aud`, as at GitHub. */
  async function mintFromForm({ req, res, origin }: Exchange): Promise<void> {
    const form = new URLSearchParams((await readBody(req, maxFormBytes)).toString('utf8'))
    const { audience, ...others } = Object.fromEntries(form)
    const claims = {
      ...withDefaultClaims(others),
      ...(audience === undefined ? {} : { aud: audience }),
    }
    sendJson(res, 200, { value: await mint(origin + path, claims) })
  }

  return {
    path,
    mint,
    async rotate() {
      const [previous] = await current()
      keys = createSigningKey().then((key) => [key, ...(previous ? [previous] : [])])
      await keys
    },
    routes: [
      {
        operation: 'ci.discovery',
        method: 'GET',
        path: /^\/ci\/\.well-known\/openid-configuration$/,
        handle({ res, origin }) {
          sendJson(res, 200, {
            issuer: origin + path,
            jwks_uri: `${origin}${path}/jwks`,
            subject_types_supported: ['public'],
            response_types_supported: ['id_token'],
            id_token_signing_alg_values_supported: ['RS256'],
          })
        },
      },
      {
        operation: 'ci.jwks',
        method: 'GET',
        path: /^\/ci\/jwks$/,
        async handle({ res }) {
          sendJson(res, 200, { keys: (await current()).map(({ jwk }) => jwk) })
        },
      },
      { operation: 'ci.token', method: 'POST', path: /^\/ci\/token$/, handle: mintFromForm },
    ],
  }
}

/** Adds the default claims of a GitHub job on a branch. Its subject has ids, as for new repositories. */
function withDefaultClaims(claims: Record<string, string>): Record<string, string> {
  const { repository = 'me/app', ref = 'refs/heads/main' } = claims
  const [owner = '', name = ''] = repository.split('/')
  const { repository_id = numberOf(repository), repository_owner_id = numberOf(owner) } = claims
  return {
    repository,
    repository_id,
    repository_owner: owner,
    repository_owner_id,
    ref,
    sub: `repo:${owner}@${repository_owner_id}/${name}@${repository_id}:ref:${ref}`,
    ...claims,
  }
}

/** A number of up to nine digits that depends on the name alone. */
function numberOf(name: string): string {
  return String(parseInt(createHash('sha256').update(name).digest('hex').slice(0, 8), 16) % 1e9)
}
