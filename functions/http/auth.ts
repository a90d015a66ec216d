/** `/auth`: to Google's consent page; who is signed in; tokens for curl. */
import { randomBytes } from 'node:crypto'
import { accessProfiles } from '../config.ts'
import type { AccessProfile } from '../config.ts'
import { GatewayError } from '../errors.ts'
import type { Credentials } from '../identity/credential.ts'
import { loginLifetimeMs } from '../identity/login.ts'
import type { Logins } from '../identity/login.ts'
import type { OAuth } from '../token/oauth.ts'
import type { Vault } from '../token/vault.ts'
import { readCookie, writeCookie } from './cookies.ts'
import type { SessionCookie } from './cookies.ts'
import type { Call, Route } from './handler.ts'
import type { Identify } from './identify.ts'
import { readJson } from './json.ts'
import { sendJson } from './problem.ts'
import { readReturnTo } from './return-to.ts'

export interface AuthParts {
  identify: Identify
  credentials: Credentials
  logins: Logins
  oauth: Pick<OAuth, 'authorizationUrl'>
  vault: Pick<Vault, 'find'>
  publicUrl: string
  allowedOrigins: readonly string[]
  accessProfile: AccessProfile
  limits: { maxRequestBytes: number | null; maxFileBytes: number }
}

export const sessionLifetimeMs = 30 * 24 * 60 * 60_000
const tokenLifetimeMs = 90 * 24 * 60 * 60_000

export function authRoutes(parts: AuthParts): Route[] {
  const { identify, credentials, vault, publicUrl, allowedOrigins, accessProfile, limits } = parts

  return [
    {
      method: 'GET',
      path: /^$/,
      async run({ req, res, query }) {
        const returnTo = readReturnTo(query.get('return_to'), publicUrl, allowedOrigins)
        const location = await startLogin(parts, readCookieOrNone(req), returnTo, false, res)
        res.writeHead(302, { location }).end()
      },
    },
    {
      method: 'GET',
      path: /^session$/,
      async run({ req, res }) {
        const signedOut = { signedIn: false, signIn: '/auth' }
        const credential = await identify(req).catch((error: unknown) => {
          if (error instanceof GatewayError && error.status === 401) return undefined
          throw error
        })
        const record = credential && (await vault.find(credential.sub))
        if (!credential || !record) return sendJson(res, 200, signedOut)
        sendJson(res, 200, {
          signedIn: true,
          email: record.email,
          profile: accessProfile,
          meaning: accessProfiles[accessProfile].meaning,
          grant:
            record.deathCause === undefined
              ? { state: 'active' }
              : { state: 'dead', cause: record.deathCause, reconnect: '/auth' },
          expires: new Date(credential.expiresAt).toISOString(),
          limits,
        })
      },
    },
    {
      method: 'DELETE',
      path: /^session$/,
      async run({ req, res, log }) {
        const { id, kind } = await identify(req)
        if (kind !== 'session')
          throw new GatewayError('scope_insufficient', 'A token is no session')
        await credentials.revoke(id)
        res.setHeader(
          'Set-Cookie',
          writeCookie({ session: undefined, binding: undefined }, publicUrl, 0),
        )
        res.writeHead(204).end()
        log('INFO', 'signed out')
      },
    },
    {
      method: 'POST',
      path: /^tokens$/,
      async run({ req, res, log }) {
        const owner = await identifySession(identify, req)
        const { name = 'curl' } = await readJson(req, res)
        if (typeof name !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,100}$/u.test(name)) {
          throw new GatewayError('bad_request', 'Bad token name', {
            detail: 'name must be a text of 1 to 100 characters',
          })
        }
        const { secret, credential } = await credentials.issue(
          'token',
          { sub: owner.sub, name },
          tokenLifetimeMs,
        )
        const expires = new Date(credential.expiresAt).toISOString()
        sendJson(res, 201, { id: credential.id, name, token: secret, expires })
        log('INFO', 'token made', { tokenId: credential.id })
      },
    },
    {
      method: 'DELETE',
      path: /^tokens\/([0-9a-f]{64})$/,
      async run({ req, res, params: [id = ''], log }) {
        const owner = await identifySession(identify, req)
        const token = await credentials.find(id)
        if (!token || token.kind !== 'token' || token.sub !== owner.sub) {
          throw new GatewayError('not_found', 'No such token of this account')
        }
        await credentials.revoke(id)
        res.writeHead(204).end()
        log('INFO', 'token revoked', { tokenId: id })
      },
    },
  ]
}

/** Prepares a sign-in: its cookie is set, its address at Google returned. */
export async function startLogin(
  { logins, oauth, publicUrl }: Pick<AuthParts, 'logins' | 'oauth' | 'publicUrl'>,
  cookie: SessionCookie,
  returnTo: string,
  consentForced: boolean,
  res: Call['res'],
): Promise<string> {
  // One binding serves all tabs of a browser: their sign-ins differ in their state.
  const binding = cookie.binding ?? randomBytes(16).toString('base64url')
  const { login, state } = await logins.start(binding, returnTo, consentForced)
  const { nonce, codeVerifier } = login
  const prompt = consentForced ? { prompt: 'consent' as const } : {}
  const location = await oauth.authorizationUrl({ state, nonce, codeVerifier, ...prompt })
  const lifetimeMs = cookie.session === undefined ? loginLifetimeMs : sessionLifetimeMs
  res.setHeader(
    'Set-Cookie',
    writeCookie({ session: cookie.session, binding }, publicUrl, lifetimeMs / 1000),
  )
  return location
}

/** Tokens are made and ended by their owner in person, not by another token. */
async function identifySession(identify: Identify, req: Call['req']): Promise<{ sub: string }> {
  const credential = await identify(req)
  if (credential.kind !== 'session') {
    throw new GatewayError('scope_insufficient', 'A token cannot make or end tokens', {
      detail: 'Sign in with a browser for this',
    })
  }
  return credential
}

/** A new sign-in puts right whatever is wrong with the cookie. */
function readCookieOrNone(req: Call['req']): SessionCookie {
  try {
    return readCookie(req)
  } catch {
    return { session: undefined, binding: undefined }
  }
}
