/** A polite ARIA live region: each message is appended and removed after 20 seconds. */
import { element } from './dom.ts'

const region = element('div', { role: 'status', 'aria-atomic': 'false', class: 'visually-hidden' })
const messageLifetimeMs = 20_000

export const liveRegion: Node = region

export function announce(message: string): void {
  const paragraph = element('p', {}, message)
  region.append(paragraph)
  setTimeout(() => paragraph.remove(), messageLifetimeMs)
}
