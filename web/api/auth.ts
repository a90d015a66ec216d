/**
 * Cross-origin sign-in: a full-page redirect to the gateway and back, with PKCE. The bearer token is
 * kept in the `sessionStorage` of this tab.
 *
 * @see RFC 7636, Proof Key for Code Exchange
 */
import { Problem, parseJsonObject, readProblem, toProblem } from './problem.ts'
import { readSession } from './types.ts'
import type { Session } from './types.ts'

export interface Bearer {
  readonly token: string
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

const storageKeys = (gateway: string) => ({
  verifier: `driveway-verifier ${gateway}`,
  bearer: `driveway-bearer ${gateway}`,
})

/**
 * Leaves the page for the gateway's sign-in; `resolveBearer` completes it on return.
 *
 * @param path the gateway's path for this kind of sign-in
 */
export async function redirectToSignIn(gateway: string, path = '/auth'): Promise<void> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  sessionStorage.setItem(storageKeys(gateway).verifier, verifier)
  const url = new URL(path, gateway)
  url.searchParams.set('return_to', location.href.split('#', 1)[0] ?? '')
  url.searchParams.set('code_challenge', base64url(new Uint8Array(hash)))
  url.searchParams.set('code_challenge_method', 'S256')
  location.assign(url)
}

/**
 * Returns this tab's bearer token. Exchanges the authorization code first when the page has just
 * returned from a sign-in.
 *
 * @returns `null` when signed out
 * @throws {Problem} when the gateway rejects the code
 */
export function resolveBearer(gateway: string): Promise<Bearer | null> {
  const exchange =
    pendingExchanges.get(gateway) ??
    completeSignIn(gateway).finally(() => pendingExchanges.delete(gateway))
  pendingExchanges.set(gateway, exchange)
  return exchange
}

/** A code is single-use, and several elements of a page may ask for the bearer concurrently. */
const pendingExchanges = new Map<string, Promise<Bearer | null>>()

async function completeSignIn(gateway: string): Promise<Bearer | null> {
  const keys = storageKeys(gateway)
  const verifier = sessionStorage.getItem(keys.verifier)
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (verifier !== null && code !== null) {
    sessionStorage.removeItem(keys.verifier) // single-use
    history.replaceState(history.state, '', location.pathname + location.search)
    const bearer = await exchangeCode(gateway, code, verifier)
    sessionStorage.setItem(keys.bearer, JSON.stringify(bearer))
  }
  return storedBearer(gateway)
}

/** @returns the stored bearer token of this tab; `null` when there is none or it has expired */
export function storedBearer(gateway: string): Bearer | null {
  const stored = sessionStorage.getItem(storageKeys(gateway).bearer)
  const { token, expires } = parseJsonObject(stored ?? '')
  if (typeof token !== 'string' || typeof expires !== 'number') return null
  return expires > Date.now() ? { token, expires } : null
}

export function clearBearer(gateway: string): void {
  sessionStorage.removeItem(storageKeys(gateway).bearer)
}

/** Clears the bearer token and revokes it at the gateway. The browser's session cookie is unaffected. */
export async function revokeBearer(gateway: string, token: string): Promise<void> {
  clearBearer(gateway)
  const headers = { authorization: `Bearer ${token}` }
  await fetch(`${gateway}/auth/session`, { method: 'DELETE', headers, credentials: 'omit' })
}

/** @returns `null` when the bearer token is invalid or expired */
export async function fetchSession(gateway: string, token: string): Promise<Session | null> {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
  const { status, body } = await request(`${gateway}/auth/session`, { headers })
  if (status === 401) return null
  if (status !== 200) throw readProblem(status, body)
  return readSession(parseJsonObject(body))
}

async function exchangeCode(gateway: string, code: string, verifier: string): Promise<Bearer> {
  const { status, body } = await request(`${gateway}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: verifier }),
  })
  if (status !== 200) throw readProblem(status, body)
  const { access_token: token, expires_in: expiresInSeconds } = parseJsonObject(body)
  if (typeof token !== 'string') {
    throw new Problem({ code: 'unexpected_response', title: 'The response has no access_token' })
  }
  return { token, expires: Date.now() + Number(expiresInSeconds) * 1000 }
}

async function request(url: string, init: RequestInit): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, { ...init, credentials: 'omit', cache: 'no-store' })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    throw toProblem(error)
  }
}

function base64url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCodePoint(...bytes))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
