/** The sign-in view, and the reconnect view for a revoked or partial grant. */
import { setReturningUser } from './api/prefetch.ts'
import { button, element } from './dom.ts'
import { icon, roadIllustration } from './icons.ts'
import { startSignIn, isCrossOrigin } from './api/gateway-fetch.ts'
import { sameOriginLink } from './links.ts'
import { formatRoute } from './route.ts'
import type { Route } from './route.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { showNotice } from './notices.ts'
import type { Session } from './api/types.ts'

export interface SignInOptions {
  /** The route to return to after sign-in. */
  readonly route: Route
  /** Why sign-in is required; `null` for no message. */
  readonly reason: string | null
  /** Whether uploads are on hold until sign-in. */
  readonly hasPendingUploads: boolean
}

/** The message for the 401 that ended a session. */
export const signOutReason = ({ code, userMessage }: Problem): string =>
  strings.signOutReasons[code] ?? userMessage

export function createSignInView({ route, reason, hasPendingUploads }: SignInOptions): HTMLElement {
  const text = route.view === 'device' ? strings.deviceSignIn : strings.about
  return element(
    'div',
    { class: 'sign-in-view' },
    reason === null ? null : reasonMessage(reason),
    element('h1', { tabindex: -1 }, text),
    signInControl('/auth', route, strings.signIn),
    hasPendingUploads
      ? element(
          'p',
          { class: 'small' },
          isCrossOrigin ? strings.uploadsOnHold : strings.signInElsewhere,
        )
      : null,
    route.view === 'device' ? null : featureList(),
    roadIllustration(),
  )
}

export function createReconnectView(
  route: Route,
  { state, cause, reconnect }: NonNullable<Session['grantProblem']>,
): HTMLElement {
  return element(
    'div',
    { class: 'sign-in-view' },
    element('h1', { tabindex: -1 }, strings.reconnectTitle[state]),
    element('p', { class: 'reconnect-cause' }, cause || strings.reconnectCause),
    signInControl(sameOriginLink(reconnect) ?? '/auth', route, strings.reconnect[state]),
    element('p', { class: 'small' }, strings.reconnectHint),
    roadIllustration(),
  )
}

/** Adds the current route as `return_to`. */
function withReturnTo(path: string, route: Route): string {
  const url = new URL(path, location.origin)
  url.searchParams.set('return_to', formatRoute(route))
  return url.pathname + url.search
}

function signInControl(path: string, route: Route, text: string): HTMLElement {
  if (isCrossOrigin) return button(text, () => void redirect(path), { class: 'primary-action' })
  const link = element('a', { class: 'primary-action', href: withReturnTo(path, route) }, text)
  link.addEventListener('click', () => setReturningUser(true)) // so that the return prefetches the files
  return link
}

/** Cross-origin sign-in is a button, not a link: each click stores a new PKCE verifier in this tab. */
async function redirect(path: string): Promise<void> {
  setReturningUser(true)
  await startSignIn(path).catch((error: unknown) => showNotice(toProblem(error).userMessage))
}

function featureList(): HTMLElement {
  const points = strings.features.map(([iconName, title, description]) =>
    element(
      'li',
      {},
      icon(iconName),
      element('p', {}, element('strong', {}, title), ` ${description}`),
    ),
  )
  return element('ul', { role: 'list', class: 'feature-list' }, ...points)
}

function reasonMessage(reason: string): HTMLElement {
  return element('p', { class: 'alert-message', role: 'alert' }, icon('alert'), reason)
}
