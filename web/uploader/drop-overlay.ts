/** What is over the page while files hover over it. */
import { element } from '../dom.ts'
import { createHost } from './shadow-host.ts'
import { icon } from './icons.ts'

export interface Veil {
  /** @param words `null` hides it */
  show(words: string | null): void
  close(): void
}

export function createVeil(): Veil {
  const words = element('p')
  const veil = element('div', { class: 'veil', hidden: true }, icon('upload'), words)
  const host = createHost(veil)
  document.body.append(host)
  return {
    show(said) {
      if (said !== null) words.textContent = said
      veil.hidden = said === null
    },
    close: () => host.remove(),
  }
}
