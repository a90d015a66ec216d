/** Safe display names: Drive accepts any text as a name, including misleading control characters. */
import { element } from './dom.ts'
import { strings } from './strings.ts'

// Control characters, line separators and bidirectional overrides, which show "gpj.exe" as "exe.jpg".
const deceptiveCharacters = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

export function visibleName(name: string): string {
  const visible = name.replace(deceptiveCharacters, '\ufffd')
  return /\S/u.test(visible) ? visible : strings.unnamed
}

/** Wraps a name in `bdi`, so that a right-to-left name does not reorder the surrounding text. */
export function nameElement(name: string): HTMLElement {
  return element('bdi', {}, visibleName(name))
}
