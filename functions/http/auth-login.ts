/** `GET /auth`: a browser on its way to Google's consent page. */
import { randomBytes } from 'node:crypto'
import { loginLifetimeMs } from '../identity/login.ts'
import type { Logins } from '../identity/login.ts'
import type { OAuth } from '../token/oauth.ts'
import { readCookie, sessionLifetimeMs, writeCookie } from './cookies.ts'
import type { SessionCookie } from './cookies.ts'
import type { Call, Route } from './handler.ts'
import { readReturnTo } from './return-to.ts'

export interface LoginParts {
  logins: Logins
  oauth: Pick<OAuth, 'authorizationUrl'>
  publicUrl: string
  allowedOrigins: readonly string[]
}

export function loginRoutes(parts: LoginParts): Route[] {
  return [
    {
      method: 'GET',
      path: /^$/,
      async run({ req, res, query }) {
        const { publicUrl, allowedOrigins } = parts
        const returnTo = readReturnTo(query.get('return_to'), publicUrl, allowedOrigins)
        const location = await startLogin(parts, readCookieOrNone(req), returnTo, false, res)
        res.writeHead(302, { location }).end()
      },
    },
  ]
}

/** Prepares a sign-in: its cookie is set, its address at Google returned. */
export async function startLogin(
  { logins, oauth, publicUrl }: Pick<LoginParts, 'logins' | 'oauth' | 'publicUrl'>,
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

/** A new sign-in puts right whatever is wrong with the cookie. */
function readCookieOrNone(req: Call['req']): SessionCookie {
  try {
    return readCookie(req)
  } catch {
    return { session: undefined, binding: undefined }
  }
}
