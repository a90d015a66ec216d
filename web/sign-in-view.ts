/** What a person sees who is not signed in, or whose grant at Google has died or is not whole. */
import { beKnown } from './api/prefetch.ts'
import { button, element } from './dom.ts'
import { icon, road } from './icons.ts'
import { goToGoogle, isElsewhere } from './api/gateway-fetch.ts'
import { ownLink } from './links.ts'
import { addressOf } from './route.ts'
import type { Place } from './route.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { notify } from './error-view.ts'
import type { SignedIn } from './api/types.ts'

export interface SignInOptions {
  /** Where the person is to be after signing in. */
  readonly place: Place
  /** Why the person is asked to, if there is something to say. */
  readonly reason: string | null
  /** Whether uploads wait for it. */
  readonly uploading: boolean
}

/** The words for the 401 that ended a session. */
export const reasonOf = ({ code, words }: Problem): string =>
  strings.signedOutBecause[code] ?? words

export function signInView({ place, reason, uploading }: SignInOptions): HTMLElement {
  const words = place.view === 'device' ? strings.deviceSignIn : strings.about
  return element(
    'div',
    { class: 'welcome' },
    reason === null ? null : reasonLine(reason),
    element('h1', { tabindex: -1 }, words),
    toGoogle('/auth', place, strings.signIn),
    uploading
      ? element('p', { class: 'small' }, isElsewhere ? strings.uploadsWait : strings.leaveToSignIn)
      : null,
    place.view === 'device' ? null : promises(),
    road(),
  )
}

export function reconnectView(
  place: Place,
  { state, cause, reconnect }: NonNullable<SignedIn['broken']>,
): HTMLElement {
  return element(
    'div',
    { class: 'welcome' },
    element('h1', { tabindex: -1 }, strings.reconnectTitle[state]),
    element('p', { class: 'cause' }, cause || strings.reconnectCause),
    toGoogle(ownLink(reconnect) ?? '/auth', place, strings.reconnect[state]),
    element('p', { class: 'small' }, strings.reconnectHint),
    road(),
  )
}

/** The way to Google and back to where the person was. */
function returning(path: string, place: Place): string {
  const url = new URL(path, location.origin)
  url.searchParams.set('return_to', addressOf(place))
  return url.pathname + url.search
}

function toGoogle(path: string, place: Place, words: string): HTMLElement {
  if (isElsewhere) return button(words, () => void leave(path), { class: 'main-action' })
  const link = element('a', { class: 'main-action', href: returning(path, place) }, words)
  link.addEventListener('click', () => beKnown(true)) // on the way back there are files to ask for
  return link
}

/** No link: what has to be kept for the way back is made at the press, and is this tab's. */
async function leave(path: string): Promise<void> {
  beKnown(true)
  await goToGoogle(path).catch((thrown: unknown) => notify(asProblem(thrown).words))
}

function promises(): HTMLElement {
  const points = strings.promises.map(([drawing, title, more]) =>
    element('li', {}, icon(drawing), element('p', {}, element('strong', {}, title), ` ${more}`)),
  )
  return element('ul', { role: 'list', class: 'promises' }, ...points)
}

function reasonLine(reason: string): HTMLElement {
  return element('p', { class: 'reason', role: 'alert' }, icon('alert'), reason)
}
