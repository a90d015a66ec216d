/** Signs a sandbox user in over HTTP, like a browser, and creates tokens. */
import { consent } from '../sandbox/consent-client.ts'

/**
 * @param origin the origin of Driveway
 * @param email a user of the sandbox
 * @returns the session cookie, as the value of a `Cookie` header
 */
export async function signIn(origin: string, email: string): Promise<string> {
  const authorization = await fetch(`${origin}/auth`, { redirect: 'manual' })
  const location = authorization.headers.get('location')
  if (location === null) throw new Error(`Cannot sign in: ${await authorization.text()}`)
  const callback = await consent(location, { email })
  const signedIn = await fetch(callback, {
    redirect: 'manual',
    headers: { cookie: cookieOf(authorization) },
  })
  if (signedIn.status !== 303) throw new Error(`Cannot sign in: ${await signedIn.text()}`)
  return cookieOf(signedIn)
}

/** Creates a token (`dw_…`) with the session of a user. */
export async function mintToken(origin: string, cookie: string, name: string): Promise<string> {
  const response = await fetch(`${origin}/auth/tokens`, {
    method: 'POST',
    headers: { cookie, origin, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  const { token } = (await response.json()) as { token?: string }
  if (token === undefined) throw new Error(`Cannot create a token: ${response.status}`)
  return token
}

/** Returns the first cookie that a response sets, as the value of a `Cookie` header. */
export function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
}
