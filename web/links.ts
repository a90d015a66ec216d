/** The page's links, and which addresses that came over the network may become one. */
import { element } from './dom.ts'
import { addressOf } from './route.ts'
import type { Place } from './route.ts'
import { strings } from './strings.ts'

const address = (text: string, base?: string) =>
  URL.canParse(text, base) ? new URL(text, base) : null

/** @returns the address when it is https, else `null` */
export function httpsLink(text: string | undefined): string | null {
  const url = text === undefined ? null : address(text)
  return url?.protocol === 'https:' ? url.href : null
}

/** @returns path and query when they are of this origin, else `null` */
export function ownLink(text: string | undefined): string | null {
  const url = text === undefined ? null : address(text, location.origin)
  return url?.origin === location.origin ? url.pathname + url.search : null
}

/** A link out of the page; the other side learns neither the opener nor the referrer. */
export function driveLink(href: string, ...children: (Node | string)[]): HTMLAnchorElement {
  const attributes = {
    href,
    target: '_blank',
    rel: 'noopener noreferrer',
    title: strings.opensInDrive,
  }
  return element('a', attributes, ...children)
}

/** A link that opens in this page, unless the person asks for a new tab or window. */
export function placeLink(
  place: Place,
  go: (place: Place) => void,
  className: string | null,
  ...children: (Node | string)[]
): HTMLAnchorElement {
  const link = element('a', { href: addressOf(place), class: className }, ...children)
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(place)
  })
  return link
}
