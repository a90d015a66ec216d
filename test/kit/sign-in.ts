/** Sign-ins step by step, so that a test can spoil any one of them. */
import { consent } from '../../infra/sandbox/consent-client.ts'
import type { Clicks } from '../../infra/sandbox/consent-client.ts'
import type { Google } from '../../infra/sandbox/index.ts'
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

export interface StartedSignIn {
  /** Google's consent page for this sign-in. */
  location: string
  state: string
  /** What the browser sends back of the cookie it was given. */
  cookie: string
}

type Headers = Record<string, string | string[]>

/** The first step: `/auth`, as a browser with this cookie. */
export async function startSignIn(
  { origin }: Pick<Driveway, 'origin'>,
  options: { cookie?: string; returnTo?: string; query?: string } = {},
): Promise<StartedSignIn> {
  const { query: more = '' } = options
  const query = options.returnTo === undefined ? `?${more}` : `?return_to=${options.returnTo}`
  const answer = await send(origin, `/auth${query}`, { headers: cookieHeader(options.cookie) })
  if (answer.status !== 302) throw new Error(`Cannot begin: ${answer.status} ${answer.body}`)
  const location = answer.headers.location ?? ''
  const state = new URL(location).searchParams.get('state') ?? ''
  return { location, state, cookie: cookieFrom(answer) }
}

/** The second step: the consent page; what the callback is called with, without the `?`. */
export async function approveConsent(
  begun: StartedSignIn,
  clicks: Clicks = {},
): Promise<URLSearchParams> {
  const { searchParams } = await consent(begun.location, { email: 'ada@example.com', ...clicks })
  return searchParams
}

/** The third step: the callback, as a browser with this cookie. */
export function completeSignIn(
  { origin }: Pick<Driveway, 'origin'>,
  query: URLSearchParams | string,
  cookie?: string,
  headers: Headers = {},
): Promise<RawAnswer> {
  return send(origin, `/callback?${String(query)}`, {
    headers: { ...cookieHeader(cookie), ...headers },
  })
}

/** All three steps. */
export async function signInAs(
  driveway: Pick<Driveway, 'origin'>,
  clicks: Clicks = {},
  cookie?: string,
): Promise<{ answer: RawAnswer; cookie: string }> {
  const begun = await startSignIn(driveway, cookie === undefined ? {} : { cookie })
  const answer = await completeSignIn(driveway, await approveConsent(begun, clicks), begun.cookie)
  return { answer, cookie: cookieFrom(answer) }
}

/** What a browser sends back of the cookie that an answer sets; empty when it sets none. */
export function cookieFrom({ headers }: RawAnswer): string {
  return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? ''
}

/** The secret of the session in a cookie; empty when there is none. */
export function sessionSecret(cookie: string): string {
  return /^__session=([\w-]*)/.exec(cookie)?.[1] ?? ''
}

/** How often the token endpoint was given a code. */
export function tokenRequests({ calls }: Google): number {
  return calls.filter((call) => call === 'oauth.token').length
}

/** Everything stored in one collection. */
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
