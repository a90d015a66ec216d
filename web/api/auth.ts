/**
 * Signing in from a page that is not the gateway's: a full-page redirect there and back, with PKCE.
 * The bearer is this tab's alone, and ends with it.
 *
 * @see RFC 7636, Proof Key for Code Exchange
 */
import { Problem, asProblem, jsonObject, readProblem } from './problem.ts'
import { readSession } from './types.ts'
import type { SignedIn } from './types.ts'

export interface Bearer {
  readonly token: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

const keys = (gateway: string) => ({
  verifier: `driveway-verifier ${gateway}`,
  bearer: `driveway-bearer ${gateway}`,
})

/**
 * Leaves the page; `takeBearer` goes on when the person is back.
 *
 * @param way the gateway's path for this kind of sign-in
 */
export async function goToSignIn(gateway: string, way = '/auth'): Promise<void> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  sessionStorage.setItem(keys(gateway).verifier, verifier)
  const address = new URL(way, gateway)
  address.searchParams.set('return_to', location.href.split('#', 1)[0] ?? '')
  address.searchParams.set('code_challenge', base64url(new Uint8Array(hash)))
  address.searchParams.set('code_challenge_method', 'S256')
  location.assign(address)
}

/**
 * The bearer of this tab, from a sign-in that just came back where there is one.
 *
 * @returns `null` when nobody is signed in
 * @throws {Problem} when the code is not taken
 */
export function takeBearer(gateway: string): Promise<Bearer | null> {
  const taking = underWay.get(gateway) ?? take(gateway).finally(() => underWay.delete(gateway))
  underWay.set(gateway, taking)
  return taking
}

/** A code serves once, and several elements of a page may ask at the same time. */
const underWay = new Map<string, Promise<Bearer | null>>()

async function take(gateway: string): Promise<Bearer | null> {
  const { verifier: verifierKey, bearer: bearerKey } = keys(gateway)
  const verifier = sessionStorage.getItem(verifierKey)
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (verifier !== null && code !== null) {
    sessionStorage.removeItem(verifierKey) // it serves once
    history.replaceState(history.state, '', location.pathname + location.search)
    const bearer = await exchange(gateway, code, verifier)
    sessionStorage.setItem(bearerKey, JSON.stringify(bearer))
  }
  return keptBearer(gateway)
}

/** The bearer of this tab as it stands; `null` when there is none, or its time is over. */
export function keptBearer(gateway: string): Bearer | null {
  const { token, expires } = jsonObject(sessionStorage.getItem(keys(gateway).bearer) ?? '')
  if (typeof token !== 'string' || typeof expires !== 'number') return null
  return expires > Date.now() ? { token, expires } : null
}

export function forgetBearer(gateway: string): void {
  sessionStorage.removeItem(keys(gateway).bearer)
}

/** Ends the bearer at the gateway too; what the person has there stays. */
export async function endBearer(gateway: string, token: string): Promise<void> {
  forgetBearer(gateway)
  const headers = { authorization: `Bearer ${token}` }
  await fetch(`${gateway}/auth/session`, { method: 'DELETE', headers, credentials: 'omit' })
}

/** @returns `null` when the bearer is of no use any more */
export async function whoIs(gateway: string, token: string): Promise<SignedIn | null> {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
  const { status, body } = await ask(`${gateway}/auth/session`, { headers })
  if (status === 401) return null
  if (status !== 200) throw readProblem(status, body)
  return readSession(jsonObject(body))
}

async function exchange(gateway: string, code: string, verifier: string): Promise<Bearer> {
  const { status, body } = await ask(`${gateway}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: verifier }),
  })
  if (status !== 200) throw readProblem(status, body)
  const { access_token: token, expires_in: seconds } = jsonObject(body)
  if (typeof token !== 'string') throw new Problem({ code: 'unreadable', title: 'No token came' })
  return { token, expires: Date.now() + Number(seconds) * 1000 }
}

async function ask(url: string, init: RequestInit): Promise<{ status: number; body: string }> {
  try {
    const answer = await fetch(url, { ...init, credentials: 'omit', cache: 'no-store' })
    return { status: answer.status, body: await answer.text() }
  } catch (thrown) {
    throw asProblem(thrown)
  }
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCodePoint(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
