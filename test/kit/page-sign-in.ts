/** Sign-in of a page on another origin: an authorization code in the fragment, exchanged for a bearer token. */
import { createHash, randomBytes } from 'node:crypto'
import { send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'
import { postForm } from './device-flow.ts'
import { approveConsent, completeSignIn, cookieFrom } from './sign-in.ts'

type Gateway = Pick<Driveway, 'origin'>

export const createCodeVerifier = (): string => randomBytes(32).toString('base64url')
export const codeChallenge = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')

/** Sends `GET /auth` with the challenge of a verifier. */
export function startPageSignIn(
  { origin }: Gateway,
  returnTo: string,
  verifier = createCodeVerifier(),
): Promise<RawResponse> {
  const query = new URLSearchParams({
    return_to: returnTo,
    code_challenge: codeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  return send(origin, `/auth?${query.toString()}`)
}

/** Signs in for the page. @returns the URL of the redirect, with the code, and the callback's response */
export async function signInForPage(
  gateway: Gateway,
  returnTo: string,
  verifier: string,
): Promise<{ to: URL; response: RawResponse }> {
  const started = await startPageSignIn(gateway, returnTo, verifier)
  if (started.status !== 302) throw new Error(`Not started: ${started.status} ${started.body}`)
  const { location = '' } = started.headers
  const cookie = cookieFrom(started)
  const consent = await approveConsent({ location, state: '', cookie })
  const response = await completeSignIn(gateway, consent, cookie)
  return { to: new URL(response.headers.location ?? ''), response }
}

export const authorizationCode = ({ hash }: URL): string =>
  new URLSearchParams(hash.slice(1)).get('code') ?? ''

/** Sends `POST /auth/token`; an empty origin omits the header. */
export function exchangeCode(
  gateway: Gateway,
  origin: string,
  fields: Record<string, string>,
): Promise<RawResponse> {
  const form = { grant_type: 'authorization_code', ...fields }
  return postForm(gateway, '/auth/token', form, origin === '' ? {} : { origin })
}

/** Signs in for the page. @returns the headers of its requests */
export async function pageHeaders(
  gateway: Gateway,
  returnTo: string,
): Promise<{ authorization: string; origin: string }> {
  const verifier = createCodeVerifier()
  const { origin } = new URL(returnTo)
  const { to } = await signInForPage(gateway, returnTo, verifier)
  const fields = { code: authorizationCode(to), code_verifier: verifier }
  const { status, body } = await exchangeCode(gateway, origin, fields)
  if (status !== 200) throw new Error(`No bearer token: ${status} ${body}`)
  const { access_token: token } = JSON.parse(body) as { access_token: string }
  return { authorization: `Bearer ${token}`, origin }
}
