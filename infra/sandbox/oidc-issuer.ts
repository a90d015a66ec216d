/**
 * A CI system on loopback, as far as its tokens go: it publishes keys and mints a token for whatever
 * claims it is asked for. GitHub Actions and GitLab do the same for the jobs that they run.
 *
 * @see OpenID Connect Discovery 1.0; GitHub, "OpenID Connect reference"
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Exchange, Service } from './router.ts'
import { answerJson, readBody } from './router.ts'

export interface OidcIssuerOptions {
  now?: () => number
}

/** What the tests ask for; a claim of `null` is left out. */
export type Claims = Record<string, unknown>

export interface OidcIssuer extends Service {
  /** Below the sandbox's own address. */
  path: string
  /**
   * @param issuer the name that it gives itself: its own address
   * @param header changes of the header
   */
  mint(issuer: string, claims: Claims, header?: Record<string, unknown>): Promise<string>
  /** The next token is signed with a new key; the old one is published until the next rotation. */
  rotate(): Promise<void>
}

interface Key {
  kid: string
  alg: string
  privateKey: CryptoKey
  jwk: JWK
}

const path = '/ci'
const lifetimeSeconds = 10 * 60
const mostBytes = 64 * 1024

export function createOidcIssuer({ now = Date.now }: OidcIssuerOptions = {}): OidcIssuer {
  let keys: Promise<Key[]> | undefined // made when first needed: it takes a while
  const current = (): Promise<Key[]> => (keys ??= createKey().then((key) => [key]))

  async function mint(
    issuer: string,
    claims: Claims,
    header: Record<string, unknown> = {},
  ): Promise<string> {
    const [key] = await current()
    if (!key) throw new Error('There is no key')
    const issued = Math.floor(now() / 1000)
    const said = {
      iss: issuer,
      iat: issued,
      nbf: issued,
      exp: issued + lifetimeSeconds,
      jti: randomUUID(),
      ...claims,
    }
    const payload = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null))
    return new SignJWT(payload)
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
      .sign(key.privateKey)
  }

  /** Every field of the form is a claim; `audience` is the one that GitHub's address knows too. */
  async function mintByForm({ req, res, origin }: Exchange): Promise<void> {
    const form = new URLSearchParams((await readBody(req, mostBytes)).toString('utf8'))
    const { audience, ...others } = Object.fromEntries(form)
    const claims = { ...defaults(others), ...(audience === undefined ? {} : { aud: audience }) }
    answerJson(res, 200, { value: await mint(origin + path, claims) })
  }

  return {
    path,
    mint,
    async rotate() {
      const [old] = await current()
      keys = createKey().then((key) => [key, ...(old ? [old] : [])])
      await keys
    },
    routes: [
      {
        operation: 'ci.discovery',
        method: 'GET',
        path: /^\/ci\/\.well-known\/openid-configuration$/,
        handle({ res, origin }) {
          answerJson(res, 200, {
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
          answerJson(res, 200, { keys: (await current()).map(({ jwk }) => jwk) })
        },
      },
      { operation: 'ci.token', method: 'POST', path: /^\/ci\/token$/, handle: mintByForm },
    ],
  }
}

/** A job of GitHub's on a branch, as far as nothing else is said. */
function defaults(said: Record<string, string>): Record<string, string> {
  const { repository = 'me/app', ref = 'refs/heads/main' } = said
  const [owner = ''] = repository.split('/')
  return {
    repository,
    repository_owner: owner,
    ref,
    sub: `repo:${repository}:ref:${ref}`,
    ...said,
  }
}

async function createKey(alg = 'RS256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const kid = randomBytes(20).toString('hex')
  const jwk = await exportJWK(publicKey)
  return { kid, alg, privateKey, jwk: { ...jwk, kid, use: 'sig', alg } }
}
