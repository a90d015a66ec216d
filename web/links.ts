/** The page's links, and validation of URLs from the network. */
import { element } from './dom.ts'
import { formatRoute } from './route.ts'
import type { Route } from './route.ts'
import { strings } from './strings.ts'

const parseUrl = (text: string, base?: string) =>
  URL.canParse(text, base) ? new URL(text, base) : null

/** @returns the URL when its scheme is https, else `null` */
export function httpsLink(text: string | undefined): string | null {
  const url = text === undefined ? null : parseUrl(text)
  return url?.protocol === 'https:' ? url.href : null
}

/** @returns path and query when the URL is of this origin, else `null` */
export function sameOriginLink(text: string | undefined): string | null {
  const url = text === undefined ? null : parseUrl(text, location.origin)
  return url?.origin === location.origin ? url.pathname + url.search : null
}

/** Creates a link to Drive that opens in a new tab, without opener and referrer. */
export function driveLink(href: string, ...children: (Node | string)[]): HTMLAnchorElement {
  const attributes = {
    href,
    target: '_blank',
    rel: 'noopener noreferrer',
    title: strings.opensInDrive,
  }
  return element('a', attributes, ...children)
}

/** Creates a client-side link; a modified click opens a new tab or window as usual. */
export function routeLink(
  route: Route,
  navigate: (route: Route) => void,
  className: string | null,
  ...children: (Node | string)[]
): HTMLAnchorElement {
  const link = element('a', { href: formatRoute(route), class: className }, ...children)
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    navigate(route)
  })
  return link
}
