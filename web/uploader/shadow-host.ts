/** Elements with a shadow root that has the uploader's styles. */
import { element } from '../dom.ts'
import styles from './style.css'

/** Parts that a page may style with `::part()`, exported from this root and from a nested one. */
export const parts = ['panel', 'upload', 'progress', 'button'] as const

let sheet: CSSStyleSheet | undefined

export function createShadowHost(...children: readonly Node[]): HTMLElement {
  const host = element('div', { class: 'driveway-uploads', exportparts: parts.join() })
  applyStyles(host).append(...children)
  return host
}

/** A constructed style sheet is not an inline style, so it needs no `unsafe-inline`. */
export function applyStyles(host: HTMLElement): ShadowRoot {
  const root = host.attachShadow({ mode: 'open' })
  if (!sheet) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync(styles)
  }
  root.adoptedStyleSheets = [sheet]
  return root
}
