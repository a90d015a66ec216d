/** What a person sees who is not signed in, or whose grant at Google has died. */
import { element } from './element.ts'
import { icon, road } from './icons.ts'
import { ownLink } from './links.ts'
import type { Problem } from './problem.ts'
import { strings } from './strings.ts'
import { addressOf } from './trail.ts'
import type { Trail } from './trail.ts'
import type { SignedIn } from './wire.ts'

/** @param because the 401 that ended the session, if there was one */
export function signInView(trail: Trail, because: Problem | null, uploading: boolean): HTMLElement {
  const reason = because === null ? null : (strings.signedOutBecause[because.code] ?? because.words)
  return element(
    'div',
    { class: 'welcome' },
    reason === null ? null : reasonLine(reason),
    element('h1', { tabindex: -1 }, strings.about),
    element('a', { class: 'main-action', href: signInLink(trail) }, strings.signIn),
    uploading ? element('p', { class: 'small' }, strings.leaveToSignIn) : null,
    road(),
  )
}

export function reconnectView(trail: Trail, dead: NonNullable<SignedIn['dead']>): HTMLElement {
  const href = ownLink(dead.reconnect) ?? signInLink(trail)
  return element(
    'div',
    { class: 'welcome' },
    element('h1', { tabindex: -1 }, strings.reconnectTitle),
    element('p', { class: 'cause' }, dead.cause || strings.reconnectCause),
    element('a', { class: 'main-action', href }, strings.reconnect),
    road(),
  )
}

function signInLink(trail: Trail): string {
  return `/auth?${new URLSearchParams({ return_to: addressOf(trail) })}`
}

function reasonLine(reason: string): HTMLElement {
  return element('p', { class: 'reason', role: 'alert' }, icon('alert'), reason)
}
