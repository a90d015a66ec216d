/**
 * The cookie `__session`, the only one that Firebase Hosting forwards. It holds two random values: the
 * session secret (absent before sign-in) and the binding of this browser to its pending sign-ins.
 */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'

export interface SessionCookie {
  session: string | undefined
  binding: string | undefined
}

/** Base64url: 256 bits for the session, 128 bits for the binding. */
const cookiePattern = /^([\w-]{43})?\.([\w-]{22})?$/

/**
 * Parses the cookie. A malformed cookie counts as absent.
 *
 * @throws {GatewayError} `session_expired` for two cookies of this name: either may be forged
 */
export function readSessionCookie(req: IncomingMessage): SessionCookie {
  const values = sessionCookies(req)
  if (values.length > 1)
    throw new GatewayError('session_expired', 'The request has two __session cookies')
  const [, session, binding] = cookiePattern.exec(values[0] ?? '') ?? []
  return { session, binding }
}

/** Whether a request has a cookie of this name that the gateway did not set, or several. */
export function hasMalformedSessionCookie(req: IncomingMessage): boolean {
  const values = sessionCookies(req)
  return values.length > 1 || !values.every((value) => cookiePattern.test(value))
}

function sessionCookies({ headers: { cookie = '' } }: IncomingMessage): string[] {
  return cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith('__session='))
    .map((pair) => pair.slice('__session='.length))
}

/**
 * Serializes the cookie. Omits `Secure` only if the public URL is http on loopback.
 *
 * @see RFC 6265
 */
export function serializeSessionCookie(
  { session, binding }: SessionCookie,
  publicUrl: string,
  maxAgeSeconds: number,
): string {
  return [
    `__session=${session ?? ''}.${binding ?? ''}`,
    'Path=/',
    `Max-Age=${maxAgeSeconds}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(publicUrl.startsWith('https:') ? ['Secure'] : []),
  ].join('; ')
}
