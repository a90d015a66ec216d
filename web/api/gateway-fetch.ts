/**
 * Where the gateway is, and how the page proves to it who is here. On the page's own origin the
 * session's cookie goes along by itself; elsewhere a bearer of this tab does, and never a cookie.
 */
import { forgetBearer, goToSignIn, keptBearer, takeBearer } from './auth.ts'
import { Problem } from './problem.ts'
import { strings } from '../strings.ts'

const setting = document.querySelector<HTMLMetaElement>('meta[name=driveway-gateway]')

/** The gateway's origin; '' where the setting of the page names none. */
export const gateway = readOrigin(setting?.content.trim() ?? '')
export const isElsewhere = gateway !== location.origin

/**
 * As `fetch`, of a path of the gateway, by the person who is here. Goes through with a sign-in that
 * has just come back first.
 *
 * @throws {Problem} when that sign-in is not taken, or nobody knows where the gateway is
 */
export async function ask(path: string, init: RequestInit): Promise<Response> {
  if (!isElsewhere) return fetch(path, init)
  if (gateway === '') {
    const { badGateway: title, badGatewayDetail: detail } = strings
    throw new Problem({ code: 'bad_gateway', title, detail })
  }
  await takeBearer(gateway)
  const headers = new Headers(init.headers)
  for (const [name, value] of Object.entries(authorization())) headers.set(name, value)
  return fetch(gateway + path, { ...init, headers, credentials: 'omit' })
}

/** What a request needs besides, where no cookie speaks for the person. */
export function authorization(): Readonly<Record<string, string>> {
  const bearer = isElsewhere ? keptBearer(gateway) : null
  return bearer === null ? {} : { authorization: `Bearer ${bearer.token}` }
}

/**
 * From a page elsewhere: to the gateway, to Google, and back to this address.
 *
 * @param path the gateway's, for this kind of sign-in
 */
export const goToGoogle = (path: string): Promise<void> => goToSignIn(gateway, path)

/** Nobody is here any more. */
export function forgetCredential(): void {
  if (isElsewhere) forgetBearer(gateway)
}

function readOrigin(text: string): string {
  if (text === '') return location.origin
  const url = URL.canParse(text) ? new URL(text) : null
  return url !== null && ['https:', 'http:'].includes(url.protocol) ? url.origin : ''
}
