/** An element with a shadow root and the uploader's styles in it. */
import { element } from '../dom.ts'
import styles from './style.css'

/** What a page may style with `::part()`, of this root and of one inside it. */
export const parts = ['panel', 'upload', 'progress', 'button'] as const

let sheet: CSSStyleSheet | undefined

export function createHost(...children: readonly Node[]): HTMLElement {
  const host = element('div', { class: 'driveway-uploads', exportparts: parts.join() })
  dress(host).append(...children)
  return host
}

/** A sheet made by a script is none of the inline styles that a page's policy may forbid. */
export function dress(host: HTMLElement): ShadowRoot {
  const root = host.attachShadow({ mode: 'open' })
  if (!sheet) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync(styles)
  }
  root.adoptedStyleSheets = [sheet]
  return root
}
