/** The full-page overlay shown while files are dragged over the page. */
import { element } from '../dom.ts'
import { createShadowHost } from './shadow-host.ts'
import { icon } from './icons.ts'

export interface DropOverlay {
  /** @param message `null` hides the overlay */
  show(message: string | null): void
  close(): void
}

export function createDropOverlay(): DropOverlay {
  const text = element('p')
  const overlay = element('div', { class: 'drop-overlay', hidden: true }, icon('upload'), text)
  const host = createShadowHost(overlay)
  document.body.append(host)
  return {
    show(message) {
      if (message !== null) text.textContent = message
      overlay.hidden = message === null
    },
    close: () => host.remove(),
  }
}
