/** The cookie of a sign-in, whose session counts only beside the binding that it was issued with. */
import type { Credentials } from '../identity/credentials.ts'
import { isBound } from '../identity/login-state.ts'
import type { SessionCookie } from '../http/cookies.ts'

/**
 * Returns the cookie, without session and binding if they were not issued together: a sibling host of a
 * custom domain can plant a cookie. Sessions of earlier versions have no binding.
 */
export async function withoutForeignSession(
  credentials: Pick<Credentials, 'findSession'>,
  cookie: SessionCookie,
): Promise<SessionCookie> {
  if (cookie.session === undefined) return cookie
  const bindingHash = (await credentials.findSession(cookie.session))?.bindingHash
  if (bindingHash === undefined || isBound(cookie.binding, bindingHash)) return cookie
  return { session: undefined, binding: undefined }
}
