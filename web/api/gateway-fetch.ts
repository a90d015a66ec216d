/**
 * Authenticated requests to the gateway. On the page's own origin the browser sends the session
 * cookie; from another origin the page sends this tab's bearer token and no cookie.
 */
import { clearBearer, redirectToSignIn, resolveBearer, storedBearer } from './auth.ts'
import { Problem } from './problem.ts'
import { strings } from '../strings.ts'

const gatewayMeta = document.querySelector<HTMLMetaElement>('meta[name=driveway-gateway]')

/** The gateway's origin; '' when the page's `driveway-gateway` setting is invalid. */
export const gateway = parseOrigin(gatewayMeta?.content.trim() ?? '')
export const isCrossOrigin = gateway !== location.origin

/**
 * Calls `fetch` on a path of the gateway with the user's credentials. Completes a sign-in that has
 * just returned first.
 *
 * @throws {Problem} when that sign-in fails, or `invalid_gateway`
 */
export async function gatewayFetch(path: string, init: RequestInit): Promise<Response> {
  if (!isCrossOrigin) return fetch(path, init)
  if (gateway === '') {
    const { invalidGateway: title, invalidGatewayDetail: detail } = strings
    throw new Problem({ code: 'invalid_gateway', title, detail })
  }
  await resolveBearer(gateway)
  const headers = new Headers(init.headers)
  for (const [name, value] of Object.entries(authorizationHeaders())) headers.set(name, value)
  return fetch(gateway + path, { ...init, headers, credentials: 'omit' })
}

/** The `Authorization` header for a cross-origin gateway; empty where the cookie authenticates. */
export function authorizationHeaders(): Readonly<Record<string, string>> {
  const bearer = isCrossOrigin ? storedBearer(gateway) : null
  return bearer === null ? {} : { authorization: `Bearer ${bearer.token}` }
}

/** The URL of a path on the gateway's own page; `null` when this page is on its origin. */
export const gatewayPage = (path: string): string | null =>
  isCrossOrigin && gateway !== '' ? gateway + path : null

/**
 * Starts a cross-origin sign-in, which returns to the current URL.
 *
 * @param path the gateway's path for this kind of sign-in
 */
export const startSignIn = (path: string): Promise<void> => redirectToSignIn(gateway, path)

export function clearCredential(): void {
  if (isCrossOrigin) clearBearer(gateway)
}

function parseOrigin(text: string): string {
  if (text === '') return location.origin
  const url = URL.canParse(text) ? new URL(text) : null
  return url !== null && ['https:', 'http:'].includes(url.protocol) ? url.origin : ''
}
