/** Signs a sandbox person in over HTTP, click by click as a browser would, and makes a token. */
import { consent } from '../sandbox/consent-client.ts'

/**
 * @param origin where Driveway is
 * @param email which of the sandbox's people
 * @returns the session's cookie, as a `Cookie` header's value
 */
export async function signIn(origin: string, email: string): Promise<string> {
  const toGoogle = await fetch(`${origin}/auth`, { redirect: 'manual' })
  const location = toGoogle.headers.get('location')
  if (location === null) throw new Error(`Cannot sign in: ${await toGoogle.text()}`)
  const callback = await consent(location, { email })
  const landed = await fetch(callback, {
    redirect: 'manual',
    headers: { cookie: cookieOf(toGoogle) },
  })
  if (landed.status !== 303) throw new Error(`Cannot sign in: ${await landed.text()}`)
  return cookieOf(landed)
}

/** @returns a token (`dw_…`) of the person whose session it is */
export async function mintToken(origin: string, cookie: string, name: string): Promise<string> {
  const made = await fetch(`${origin}/auth/tokens`, {
    method: 'POST',
    headers: { cookie, origin, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  const { token } = (await made.json()) as { token?: string }
  if (token === undefined) throw new Error(`Cannot make a token: ${made.status}`)
  return token
}

/** What a browser would send back of the cookie that a response sets. */
export function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
}
