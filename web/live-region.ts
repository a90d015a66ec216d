/** Says things to screen readers, politely: each message is added to a live region and taken out later. */
import { element } from './dom.ts'

const region = element('div', { role: 'status', 'aria-atomic': 'false', class: 'unseen' })
const kept = 20_000

export const announcer: Node = region

export function announce(words: string): void {
  const message = element('p', {}, words)
  region.append(message)
  setTimeout(() => message.remove(), kept)
}
