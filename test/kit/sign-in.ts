/** Sign-in step by step, so that a test can change any step. */
import { consent } from '../../infra/sandbox/consent-client.ts'
import type { ConsentOptions } from '../../infra/sandbox/consent-client.ts'
import type { Google } from '../../infra/sandbox/index.ts'
import { send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'

export interface StartedSignIn {
  /** URL of Google's consent page. */
  location: string
  state: string
  /** Value of the `Cookie` header after the first response. */
  cookie: string
}

type Headers = Record<string, string | string[]>

/** Step 1: sends `GET /auth` with the cookie. */
export async function startSignIn(
  { origin }: Pick<Driveway, 'origin'>,
  options: { cookie?: string; returnTo?: string; query?: string } = {},
): Promise<StartedSignIn> {
  const { query: extraQuery = '', returnTo } = options
  const query = returnTo === undefined ? `?${extraQuery}` : `?return_to=${returnTo}`
  const response = await send(origin, `/auth${query}`, { headers: cookieHeader(options.cookie) })
  if (response.status !== 302)
    throw new Error(`Cannot start the sign-in: ${response.status} ${response.body}`)
  const location = response.headers.location ?? ''
  const state = new URL(location).searchParams.get('state') ?? ''
  return { location, state, cookie: cookieFrom(response) }
}

/** Step 2: approves on the consent page. Returns the query of the authorization response. */
export async function approveConsent(
  started: StartedSignIn,
  clicks: ConsentOptions = {},
): Promise<URLSearchParams> {
  const { searchParams } = await consent(started.location, { email: 'ada@example.com', ...clicks })
  return searchParams
}

/** Step 3: sends `GET /callback` with the cookie. */
export function completeSignIn(
  { origin }: Pick<Driveway, 'origin'>,
  query: URLSearchParams | string,
  cookie?: string,
  headers: Headers = {},
): Promise<RawResponse> {
  return send(origin, `/callback?${String(query)}`, {
    headers: { ...cookieHeader(cookie), ...headers },
  })
}

/** Runs all three steps. */
export async function signInAs(
  driveway: Pick<Driveway, 'origin'>,
  clicks: ConsentOptions = {},
  cookie?: string,
): Promise<{ response: RawResponse; cookie: string }> {
  const started = await startSignIn(driveway, cookie === undefined ? {} : { cookie })
  const response = await completeSignIn(
    driveway,
    await approveConsent(started, clicks),
    started.cookie,
  )
  return { response, cookie: cookieFrom(response) }
}

/** Returns the `Cookie` header for the cookie that a response sets; empty when it sets none. */
export function cookieFrom({ headers }: RawResponse): string {
  return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? ''
}

/** Returns the session secret in a cookie; empty without a session. */
export function sessionSecret(cookie: string): string {
  return /^__session=([\w-]*)/.exec(cookie)?.[1] ?? ''
}

/** Counts the code exchanges at the token endpoint. */
export function tokenRequests({ calls }: Google): number {
  return calls.filter((call) => call === 'oauth.token').length
}

/** Returns the documents of a collection. */
export function storedDocuments(
  { firestore }: Google,
  collection: string,
): Record<string, unknown>[] {
  return firestore
    .dump()
    .filter(({ name }) => name.includes(`/documents/${collection}/`))
    .map(({ fields }) => fields)
}

function cookieHeader(cookie: string | undefined): Record<string, string> {
  return cookie === undefined || cookie === '' ? {} : { cookie }
}
