/**
 * The one cookie, `__session`: Firebase Hosting forwards no other. It holds two random values: the
 * session's secret (absent before sign-in), and the binding of this browser to the sign-ins that
 * it has under way.
 */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'

export interface SessionCookie {
  session: string | undefined
  binding: string | undefined
}

/** How long a session lasts, and the cookie with it. */
export const sessionLifetimeMs = 30 * 24 * 60 * 60_000

/** 256 bits in base64url for the session, 128 for the binding. */
const shape = /^([\w-]{43})?\.([\w-]{22})?$/

/**
 * Reads the cookie; one of another shape counts as absent.
 *
 * @throws {GatewayError} `session_expired` when there are two of them: nobody can say which is ours
 */
export function readCookie(req: IncomingMessage): SessionCookie {
  const values = (req.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith('__session='))
    .map((pair) => pair.slice('__session='.length))
  if (values.length > 1) throw new GatewayError('session_expired', 'Two __session cookies came')
  const [, session, binding] = shape.exec(values[0] ?? '') ?? []
  return { session, binding }
}

/** @see RFC 6265; `Secure` is left out only where the origin itself is http on loopback */
export function writeCookie(
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
