/** Names as people may see them: Drive accepts any text as a name, also text that means to deceive. */
import { element } from './dom.ts'
import { strings } from './strings.ts'

// Controls, line separators, and the marks that make "exe.jpg" out of a name that ends in "gpj.exe".
const deceptive = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

export function visibleName(name: string): string {
  const visible = name.replace(deceptive, '\ufffd')
  return /\S/u.test(visible) ? visible : strings.nameless
}

/** The name in a `bdi`, so that a right-to-left name does not reorder the words around it. */
export function nameElement(name: string): HTMLElement {
  return element('bdi', {}, visibleName(name))
}
